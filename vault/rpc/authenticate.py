"""What a caller shows: the client certificate that TLS has verified, and a token beside it.

The transport has already checked the certificate against the vault's own certificate authority
(there is no plaintext port). Here its one URI (RFC 5280 subjectAltName uniformResourceIdentifier,
as in the SPIFFE X.509-SVID specification, section 2) and its digest are read, to be looked up in
the directory of principals; a token is in the metadata `authorization` (RFC 6750, section 2.1).
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote

from vault.access import Credentials

# A URI is printable ASCII without blanks (RFC 3986); anything else names nobody and is not logged.
_URI = re.compile(r"[!-~]{1,2048}")
_SAN = "x509_subject_alternative_name"
_PEM = "x509_pem_cert"
_AUTHORIZATION = "authorization"


def shown(
    auth_context: Mapping[str, Iterable[bytes]], metadata: Iterable[tuple[str, str | bytes]]
) -> Credentials:
    """Never raises: a certificate that names nobody makes credentials without a workload."""
    uris = [n for n in auth_context.get(_SAN, ()) if b"://" in n]
    # X.509-SVID section 2: exactly one URI; with several, which one speaks would be a guess.
    workload = uris[0].decode("utf-8", "replace") if len(uris) == 1 else ""
    if not _URI.fullmatch(workload):
        workload = ""
    authorization = tuple(str(value) for key, value in metadata if key == _AUTHORIZATION)
    return Credentials(workload, _digest(*auth_context.get(_PEM, ())), authorization)


@lru_cache(4096)
def _digest(*pem: bytes) -> str:
    """The SHA-256 digest of a certificate's DER; empty if there is not exactly one."""
    if len(pem) != 1:
        return ""
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[0].decode("ascii"))).hexdigest()
    except ValueError:
        return ""


def address(peer: str) -> str:
    """``ipv4:127.0.0.1:5000`` and ``ipv6:%5B::1%5D:5000`` without scheme."""
    scheme, _, rest = peer.partition(":")
    return (unquote(rest) if scheme in ("ipv4", "ipv6") else peer)[:100]
