"""What is written in the text files of a development vault: configuration, callers, profiles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

INSTITUTION = "demo-bank"
TRUST_DOMAIN = "demo.bank"
CONFIG = "vault.toml"
PRINCIPALS = "principals.toml"
DATABASE = "vault.db"
BLOBS = "blobs"
ORIGIN = "demo.bank/log"
SECOND_PLACE = "second-place"
LOG_VKEY = "log.vkey"
ACCESS_VKEY = "access.vkey"
DEFAULT_FULL_PORT = 7443
DEFAULT_MASKED_PORT = 7444
FULL_SERVER = "full-server"
MASKED_SERVER = "masked-server"
MASKED_NODE = "masked-node"
ISSUER = "https://issuer.demo.bank"
AUDIENCE = "records-vault"
JWKS = "issuer/jwks.json"


@dataclass(frozen=True, slots=True)
class Ports:
    """On which ports of this machine the tiers listen."""

    full: int = DEFAULT_FULL_PORT
    masked: int = DEFAULT_MASKED_PORT


@dataclass(frozen=True, slots=True)
class Person:
    """A caller of the development vault, with a certificate and a profile of his own. ``person`` is
    the opaque name of a natural person; empty for a program."""

    name: str
    role: str
    does: str
    person: str = ""

    @property
    def uri(self) -> str:
        """What his certificate names him."""
        return uri(self.name)


PEOPLE = (
    Person("backend", "ingestor", "stores records"),
    Person("crm", "crm_viewer", "reads masked views"),
    Person("compliance", "compliance", "opens full records for a purpose", "p-1001"),
    Person("officer", "security_officer", "reads the log", "p-1002"),
    Person("operator", "operator", "sees the vault's health", "p-1003"),
    Person("custodian", "custodian", "lends full records", "p-1004"),
    Person("investigator", "investigator", "keeps compartments", "p-1005"),
    Person("keeper", "access_admin", "proposes policies and principals", "p-1006"),
)

BEARERS = (Person("teller", "teller", "serves customers, through the CRM", "p-2001"),)
"""People without a certificate: a program calls for them with their token."""


class Age(IntEnum):
    """As what a folder was made: one that is there keeps its configuration."""

    EARLY = 0
    """Before the log had a second place and an archive."""
    WITHOUT_TOKENS = 1
    WITHOUT_CUSTODIANS = 2
    NOW = 3


def subject(bearer: Person) -> str:
    """What the issuer calls one of BEARERS."""
    return f"account-of-{bearer.person}"


def uri(name: str) -> str:
    """The SPIFFE-style URI of a caller."""
    return f"spiffe://{TRUST_DOMAIN}/{name}"


def texts(ports: Ports, age: Age = Age.NOW, origin: str = ORIGIN) -> dict[str, str]:
    """The text files by path in the folder. The first is written first: it marks the folder."""
    written = {CONFIG: _config(ports, age, origin), PRINCIPALS: _principals()}
    for person in PEOPLE:
        written[f"profiles/{person.name}.toml"] = _profile(person, ports)
    return written


_LATER = f"""\
# A database that is set back is refused by the checkpoint that is kept here. It guards nothing on
# the same disk: elsewhere it is a folder where whoever restores databases cannot write.
second_place = "{SECOND_PLACE}"
public_keys = "{LOG_VKEY}"

[blobs]
folder = "{BLOBS}"  # contents of documents, and log entries that were archived
"""


_TOKENS = f"""\

[[tokens]]  # whose tokens are taken for a person, beside a program's certificate
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
jwks = "{JWKS}"
"""


_LIFE = f"""\

[life]  # who keeps the files that name nobody
custodians = {{ "{INSTITUTION}" = "custodian" }}
"""


def _config(ports: Ports, age: Age, origin: str) -> str:
    return f"""\
# A vault for one machine, made by `vaultd dev`, which never overwrites what you change here.
# Paths are relative to this file. Each tier reads its own table and nothing of the other's.

[log]
origin = "{origin}"  # the log's name in checkpoints and receipts
{_LATER if age > Age.EARLY else ""}{_TOKENS if age > Age.WITHOUT_TOKENS else ""}\
{_LIFE if age > Age.WITHOUT_CUSTODIANS else ""}
[tiers.full]
listen = "localhost:{ports.full}"
database = "sqlite:///{DATABASE}"
principals = "{PRINCIPALS}"
institutions = ["{INSTITUTION}"]
kms = {{ provider = "local-file", directory = "kms/full" }}

[tiers.full.tls]
certificate = "pki/{FULL_SERVER}.pem"
key = "pki/{FULL_SERVER}.key"
client_ca = "pki/ca.pem"

[tiers.masked]
listen = "localhost:{ports.masked}"
database = "sqlite:///{DATABASE}"
principals = "{PRINCIPALS}"
kms = {{ provider = "local-file", directory = "kms/masked" }}

[tiers.masked.tls]
certificate = "pki/{MASKED_SERVER}.pem"
key = "pki/{MASKED_SERVER}.key"
client_ca = "pki/ca.pem"

# Searches go to the full tier, which alone holds the index key.
[tiers.masked.oracle]
endpoint = "localhost:{ports.full}"
ca = "pki/ca.pem"
certificate = "pki/{MASKED_NODE}.pem"
key = "pki/{MASKED_NODE}.key"
"""


def _principals() -> str:
    entries = [
        "# Who may call: the URI in a caller's certificate, and what he is to the policies.\n"
        "# The servers take a change within a second, without a restart.\n"
    ]
    for person in PEOPLE:
        entries.append(
            f'[[principal]]  # {person.does}\nname = "{person.name}"\nuri = "{person.uri}"\n'
            f'institution = "{INSTITUTION}"\nroles = ["{person.role}"]\n'
            + (f'person = "{person.person}"\n' if person.person else "")
        )
    for bearer in BEARERS:
        entries.append(
            f'[[principal]]  # {bearer.does}\nname = "{bearer.name}"\n'
            f'accounts = ["{ISSUER}|{subject(bearer)}"]\n'
            f'institution = "{INSTITUTION}"\nroles = ["{bearer.role}"]\n'
            f'person = "{bearer.person}"\n'
        )
    entries.append(
        f"[[principal]]  # the masked tier itself, when it asks the full tier to search\n"
        f'name = "{MASKED_NODE}"\nuri = "{uri(MASKED_NODE)}"\nroles = ["masked_node"]\n'
    )
    return "\n".join(entries)


def _profile(person: Person, ports: Ports) -> str:
    pki = PurePosixPath("../pki")
    return f"""\
# {person.name} {person.does}.
name = "{person.name}"
institution = "{INSTITUTION}"

[endpoints]
full = "localhost:{ports.full}"
masked = "localhost:{ports.masked}"

[tls]
ca = "{pki / "ca.pem"}"
certificate = "{pki / person.name}.pem"
key = "{pki / person.name}.key"
"""
