"""The records vault: customer records stored sealed, read masked, every call logged.

One package a room, imports run downwards only (an import contract holds it):

    cli       vaultd and vaultctl
    server    settings, wiring, the two tiers, the development vault
    rpc       the call pipeline and one servicer a service: proto to domain and back
    services  the use cases
    access    principals and policy decisions
    audit     the event and the log that every call is in before it is answered
    sealing   envelope encryption, key ring, blind indexes
    kms       where the key-encryption keys are
    store     tables, repositories, migrations
    records   the domain: frozen types and pure rules; imports nothing of ours

Each room's own docstring says what comes in, what goes out and what it never does.
"""
