"""One file a service: its table of methods, each with its action, its target, and the use case
behind it."""
