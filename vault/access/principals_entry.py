"""One entry of the principals: what it may hold, and what is refused with how to mend it.

A message names an entry by its place and a key by its name, and never shows a value: a principal's
name may be a person's, and an account is one.
"""

import datetime
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from vault.access.principals import _DIRECTORY, _NAME, Principal
from vault.access.scope import Scope
from vault.records import FILE_CLASSES

KEYS: Final = (
    "name",
    "uri",
    "institution",
    "roles",
    "not_after",
    "certificates",
    "person",
    "accounts",
    "branches",
    "classes",
    "own_files",
    "related_files",
    "home_branch",
)
_INSTITUTION: Final = re.compile(r"[a-z][a-z0-9-]{1,39}")
_ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
# https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md, section 2: a trust domain of
# lower-case letters, digits, dots, dashes and underscores; a path without empty, "." or ".."
# segments and without a trailing slash; at most 2048 bytes.
_URI: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)+")
_MAX_URI: Final = 2048
_PERSON: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
_HOME: Final = re.compile(r"\S(?:[^\x00-\x1f\x7f]{0,62}\S)?")
# Identifiers of customers: ULIDs in lower-case Crockford base 32.
_CUSTOMER: Final = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")
_CERTIFICATE: Final = re.compile(r"sha256:[0-9a-f]{64}")
# OpenID Connect Core 1.0, section 2: an issuer is an https URL without query and fragment, a
# subject at most 255 ASCII characters, and here no blanks. No URL has the bar that divides them.
ISSUER: Final = re.compile(r"https://[A-Za-z0-9._~:/%@!$&'()*+,;=\[\]-]{1,247}")
_SUBJECT: Final = re.compile(r"[!-~]{1,255}")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


class PrincipalsInvalid(Exception):
    """The principals cannot be used; the message says where and how to mend it."""


class Account(NamedTuple):
    """An account at an issuer of tokens. A person's, so it is never shown."""

    issuer: str
    subject: str

    def __repr__(self) -> str:
        return "Account(...)"


@dataclass(frozen=True, slots=True)
class Entry:
    """A principal, his last day (UTC), if there is one, and what he is known by.

    ``certificates`` are the SHA-256 digests, in lower-case hexadecimal, of the certificates that he
    is held to; any of his URI if there is none. ``accounts`` are those of his tokens.
    """

    principal: Principal
    not_after: datetime.date | None = None
    certificates: frozenset[str] = frozenset()
    accounts: tuple[Account, ...] = ()


def entry(place: str, table: object) -> Entry:
    """The entry of a table; ``place`` is what messages call it.

    Raises:
        PrincipalsInvalid: something is missing, unknown or of another shape.
    """
    if not isinstance(table, dict):
        raise PrincipalsInvalid(f"{place} is not a table; write it as a [[principal]] entry")
    refuse_unknown(table, KEYS, place)
    for key in ("name", "roles"):
        if key not in table:
            raise PrincipalsInvalid(f"{place} has no {key}; add it")
    _refuse_half(place, table)
    return Entry(
        Principal(
            name=_matching(
                place,
                "name",
                table["name"],
                _NAME,
                "it is up to 100 lower-case letters, digits, dots, dashes and underscores",
            ),
            institution=_institution(place, table),
            roles=_roles(place, table["roles"]),
            workload=_uri(place, table),
            made_by=_DIRECTORY,
            person=_person(place, table),
            scope=_scope(place, table),
            own_files=_names(place, table, "own_files", _CUSTOMER, _FILE),
            related_files=_names(place, table, "related_files", _CUSTOMER, _FILE),
            home_branch=_home(place, table),
        ),
        _last_day(place, table),
        certificates(place, table, "certificates"),
        _accounts(place, table),
    )


def certificates(place: str, table: Mapping[str, object], key: str) -> frozenset[str]:
    """The digests of a list of certificates, without their prefix. Raises PrincipalsInvalid."""
    what = 'sha256: and 64 lower-case hexadecimal digits, as in "sha256:9f86..."'
    found = _names(place, table, key, _CERTIFICATE, what)
    return frozenset(one.removeprefix("sha256:") for one in found)


def refuse_unknown(table: Mapping[str, object], known: tuple[str, ...], place: str) -> None:
    """Raises PrincipalsInvalid at the first key that is not known."""
    for key in table:
        if key not in known:
            # A key of another shape may be a value in the wrong place.
            shown = f"an unknown key {key}" if _PLAIN_KEY.fullmatch(key) else "an unknown key"
            close = difflib.get_close_matches(key, known, 1)
            mend = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise PrincipalsInvalid(f"{place} has {shown}; {mend}")


_AS_BRANCH: Final = "written as the branch of customers is written, up to 64 characters"
_CLASS: Final = re.compile("|".join(FILE_CLASSES))
_CLASSES: Final = ", ".join(FILE_CLASSES)
_FILE: Final = "a customer's identifier, the 26 characters after customers/ in its name"


def _refuse_half(place: str, table: Mapping[str, object]) -> None:
    if "uri" not in table and "accounts" not in table:
        raise PrincipalsInvalid(f"{place} has no uri; add it, or the accounts of a person")
    if "uri" not in table and "certificates" in table:
        raise PrincipalsInvalid(
            f"{place} has certificates but no uri; add the URI that they have, or remove them"
        )
    # Rules about "another person" compare persons: one who has no name would equal nobody.
    for key in ("accounts", "own_files", "related_files", "home_branch"):
        if key in table and "person" not in table:
            raise PrincipalsInvalid(
                f"{place} has {key} but no person; add an opaque name of whose they are, "
                "the same in all his entries"
            )


def _scope(place: str, table: Mapping[str, object]) -> Scope:
    """Of whom it limits; an empty list lets nothing through."""
    limits = {key: table[key] for key in ("branches", "classes") if key in table}
    if limits and "institution" not in table:
        raise PrincipalsInvalid(
            f"{place} has {' and '.join(limits)} but no institution: nodes of the vault itself are "
            "not limited; remove it"
        )
    mends = {"branches": (_HOME, _AS_BRANCH), "classes": (_CLASS, f"one of {_CLASSES}")}
    found: dict[str, frozenset[str]] = {}
    for key, value in limits.items():
        found[key] = frozenset() if value == [] else _names(place, table, key, *mends[key])
    return Scope(found.get("branches"), found.get("classes"))


def _institution(place: str, table: Mapping[str, object]) -> str:
    if "institution" not in table:
        if "person" in table:
            raise PrincipalsInvalid(
                f"{place} has a person but no institution; add the one that he works for"
            )
        return ""
    return _matching(
        place,
        "institution",
        table["institution"],
        _INSTITUTION,
        "it is 2 to 40 lower-case letters, digits and dashes; "
        "leave the key out for a node of the vault itself",
    )


def _person(place: str, table: Mapping[str, object]) -> str:
    if "person" not in table:
        return ""
    what = "it is 2 to 40 lower-case letters, digits and dashes, and better not a name"
    return _matching(place, "person", table["person"], _PERSON, what)


def _home(place: str, table: Mapping[str, object]) -> str:
    if "home_branch" not in table:
        return ""
    what = "write it as the branch of customers is written, up to 64 characters"
    return _matching(place, "home_branch", table["home_branch"], _HOME, what)


def _roles(place: str, roles: object) -> frozenset[str]:
    if not isinstance(roles, list) or not roles:
        raise PrincipalsInvalid(
            f'{place}: roles is not a list of role names; write for example roles = ["operator"]'
        )
    for role in roles:
        _matching(place, "roles", role, _ROLE, "a role is lower-case letters, digits and _")
    if len(set(roles)) != len(roles):
        raise PrincipalsInvalid(f"{place}: roles names a role twice; remove one of them")
    return frozenset(roles)


def _uri(place: str, table: Mapping[str, object]) -> str:
    if "uri" not in table:
        return ""
    uri = _matching(
        place, "uri", table["uri"], _URI, "write the URI of the certificate, as spiffe://bank/crm"
    )
    if len(uri) > _MAX_URI:
        raise PrincipalsInvalid(f"{place}: uri is longer than {_MAX_URI} characters; shorten it")
    return uri


def _last_day(place: str, table: Mapping[str, object]) -> datetime.date | None:
    not_after = table.get("not_after")
    if not_after is None:
        return None
    if not isinstance(not_after, datetime.date) or isinstance(not_after, datetime.datetime):
        raise PrincipalsInvalid(
            f"{place}: not_after is not a date; write it without quotes and time, as 2027-12-31"
        )
    return not_after


def _accounts(place: str, table: Mapping[str, object]) -> tuple[Account, ...]:
    found = []
    for text in _list(place, table, "accounts"):
        issuer, bar, subject = text.partition("|")
        if not bar or not ISSUER.fullmatch(issuer) or not _SUBJECT.fullmatch(subject):
            raise PrincipalsInvalid(
                f"{place}: accounts is not valid; write issuer, bar and subject, "
                'as "https://login.bank/realm|8f14e45f"'
            )
        found.append(Account(issuer, subject))
    return tuple(found)


def _names(
    place: str, table: Mapping[str, object], key: str, pattern: re.Pattern[str], what: str
) -> frozenset[str]:
    return frozenset(
        _matching(place, key, one, pattern, f"each is {what}") for one in _list(place, table, key)
    )


def _list(place: str, table: Mapping[str, object], key: str) -> list[str]:
    """A list of different texts; empty where the key is left out."""
    if key not in table:
        return []
    value = table[key]
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise PrincipalsInvalid(
            f"{place}: {key} is not a list of texts; write one, or leave the key out"
        )
    if len(set(value)) != len(value):
        raise PrincipalsInvalid(f"{place}: {key} has one of them twice; remove it")
    return value


def _matching(place: str, key: str, value: object, pattern: re.Pattern[str], mend: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PrincipalsInvalid(f"{place}: {key} is not valid; {mend}")
    return value
