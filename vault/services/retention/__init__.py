"""The use cases of retention: rules and what is ruled of them, plans of disposal, and how they are
carried out.

Nothing is destroyed but what a plan names, that a second person has agreed to by the plan's hash,
and that is still due when its turn comes. What a plan says of a hold is that something stands
against it, and nothing that tells it from other causes.
"""
