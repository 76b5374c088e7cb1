"""Common Event Format, version 0 (ArcSight "Implementing CEF", revision 25 and later).

`CEF:0|vendor|product|version|signature id|name|severity|extension`. In the header `\\` and `|` are
escaped, in the extension `\\`, `=` and line breaks. Keys are of the published dictionary only; what
has none stands in a custom string beside its label. Values are cut to the dictionary's lengths.
"""

from __future__ import annotations

from vault.cli.vaultctl.audit_text import Severity
from vault.cli.vaultctl.siem.facts import PRODUCT, VENDOR, Facts, milliseconds, product_version

_SEVERITIES = {
    Severity.INFO: 2,
    Severity.NOTICE: 4,
    Severity.WARNING: 7,
    Severity.ALERT: 10,
}
_STRING, _LONG, _CUSTOM, _SHORT, _ID = 1023, 512, 4000, 63, 40


def to_cef(facts: Facts) -> bytes:
    """The entry as one line of text."""
    event, entry = facts.event, facts.entry
    happened = event.time if event.HasField("time") else entry.append_time
    header = "|".join(
        [
            "CEF:0",
            *map(
                _header,
                (
                    VENDOR,
                    PRODUCT,
                    product_version(),
                    event.action or "unknown",
                    _name(facts),
                    str(_SEVERITIES[facts.severity]),
                ),
            ),
        ]
    )
    address = "c6a2" if ":" in facts.address else "src"
    pairs: list[tuple[str, str, int]] = [
        ("rt", str(milliseconds(happened)), _ID),
        ("externalId", event.event_id, _ID),
        ("cat", facts.phase, _STRING),
        ("act", facts.decision, _SHORT),
        ("outcome", event.outcome, _SHORT),
        ("reason", event.reason, _STRING),
        ("suser", event.actor, _STRING),
        ("suid", event.workload, _STRING),
        ("spriv", ",".join(event.roles), _STRING),
        (address, facts.address, _ID),
        ("spt", str(facts.port or ""), _ID),
        ("duser", event.person or event.on_behalf_of, _STRING),
        ("deviceExternalId", event.tier, 255),
        ("cnt", str(event.count or ""), _ID),
        ("msg", facts.sentence, _STRING),
        *_labelled("cs1", "institution", event.institution),
        *_labelled("cs2", "resource", event.resource or event.customer),
        *_labelled("cs3", "purpose", event.purpose),
        *_labelled("cs4", "policies", ",".join(event.policies)),
        *_labelled("cs5", "fields", ",".join(event.fields)),
        *_labelled("cs6", "callId", event.call_id),
        *_labelled("cn1", "position", str(entry.position)),
        *_labelled("flexString1", "leafHash", facts.leaf_hash),
    ]
    if address == "c6a2" and facts.address:
        pairs.append(("c6a2Label", "Source IPv6 Address", _STRING))
    extension = " ".join(f"{key}={_value(text[:most])}" for key, text, most in pairs if text)
    return f"{header}|{extension}".encode()


def _name(facts: Facts) -> str:
    """What kind of thing happened: the same for all events of a kind, so without who and whom."""
    outcome = facts.event.outcome or "no outcome"
    return f"{facts.event.action or 'unreadable entry'} {facts.decision} {outcome}"[:_LONG]


def _labelled(key: str, label: str, text: str) -> list[tuple[str, str, int]]:
    return [(key, text, _CUSTOM), (f"{key}Label", label, _STRING)] if text else []


def _header(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("|", "\\|"), " ")


def _value(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("=", "\\="), "\\n")


def _one_line(text: str, instead: str) -> str:
    return text.replace("\r\n", instead).replace("\n", instead).replace("\r", instead)
