"""What people start: `vaultd`, which runs the vault, and `vaultctl`, with which they use it.

What comes in are command lines; what goes out are a running server, tables and JSON, one clear
sentence on stderr when something cannot be done, and an exit code. Commands are thin: `vaultd`
hands over to `vault.server`, `vaultctl` to the client that everybody else uses. Nothing here
opens the database, a key or the log by itself.
"""
