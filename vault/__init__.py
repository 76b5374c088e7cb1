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

import os
import sys
from typing import Final

# gRPC's Python API cannot set a lowest version of TLS, and its library takes 1.2 as well. What it
# can set is the list of cipher suites for TLS 1.2, which does not touch those of 1.3. The list here
# names one suite that needs a pre-shared key, which nobody has: so nothing below 1.3 can be agreed
# on. gRPC reads it once, when it is loaded, so it is set here, before any room can load it.
_VARIABLE: Final = "GRPC_SSL_CIPHER_SUITES"
_NEVER_AGREED: Final = "ECDHE-PSK-AES256-CBC-SHA"

#: Whether this process speaks TLS 1.3 only; not so where gRPC was loaded before the vault.
TLS13_ONLY: Final = "grpc" not in sys.modules or os.environ.get(_VARIABLE) == _NEVER_AGREED
os.environ[_VARIABLE] = _NEVER_AGREED
