"""Who is calling: the SPIFFE-style URI in the client certificate that TLS has verified.

The transport has already checked the certificate against the vault's own certificate authority
(there is no plaintext port). Here its one URI (RFC 5280 subjectAltName uniformResourceIdentifier,
as in the SPIFFE X.509-SVID specification, section 2) is looked up in the directory of principals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from vault.access import Directory, Principal

# A URI is printable ASCII without blanks (RFC 3986); anything else names nobody and is not logged.
_URI = re.compile(r"[!-~]{1,2048}")
_SAN = "x509_subject_alternative_name"


@dataclass(frozen=True, slots=True)
class Caller:
    """The certificate's URI, the address it calls from, and the principal, if it names one."""

    workload: str
    peer: str
    principal: Principal | None


def identify(
    auth_context: Mapping[str, Iterable[bytes]], peer: str, directory: Directory
) -> Caller:
    """Never raises: a certificate that names nobody makes a caller without a principal."""
    uris = [n for n in auth_context.get(_SAN, ()) if b"://" in n]
    # X.509-SVID section 2: exactly one URI; with several, which one speaks would be a guess.
    workload = uris[0].decode("utf-8", "replace") if len(uris) == 1 else ""
    if not _URI.fullmatch(workload):
        workload = ""
    principal = directory.lookup(workload) if workload else None
    return Caller(workload=workload[:300], peer=_address(peer), principal=principal)


def _address(peer: str) -> str:
    """``ipv4:127.0.0.1:5000`` and ``ipv6:%5B::1%5D:5000`` without scheme."""
    scheme, _, rest = peer.partition(":")
    return (unquote(rest) if scheme in ("ipv4", "ipv6") else peer)[:100]
