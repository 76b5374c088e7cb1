"""The manifest of a bundle: what is in it, with the SHA-256 of each file, and who vouches for it.

`manifest.json` is JSON in UTF-8 with keys in this order:

    {"v":1,"kind":"transaction","name":"<resource name>","made_at":"<RFC 3339>","log":"<origin>",
     "facts":{...},"files":[{"path":"...","size":1,"sha256":"<hex>"},...]}

`manifest.note` is a signed note (C2SP signed-note) of the log's key over

    <origin>/bundle
    recordsvault bundle v1
    manifest <base64 of the SHA-256 of manifest.json>

which is no checkpoint, since a checkpoint's first line is the origin itself and its second a
number (C2SP tlog-checkpoint).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from vault.audit.canonical import encode_base64
from vault.audit.event import format_time
from vault.audit.note import Note, SignatureType
from vault.audit.signers import Signers

MANIFEST: Final = "manifest.json"
NOTE: Final = "manifest.note"
FORMAT: Final = "recordsvault bundle v1"

Fact = str | int | bool | list[str]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a bundle: its path in the tar, its size in bytes, its 32-byte hash."""

    path: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle holds. `made_at` in microseconds since the epoch; `facts` are of its kind."""

    kind: str
    name: str
    made_at: int
    log: str
    files: tuple[FileEntry, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The bytes of `manifest.json`."""
        whole = {
            "v": 1,
            "kind": self.kind,
            "name": self.name,
            "made_at": format_time(self.made_at),
            "log": self.log,
            "facts": dict(self.facts),
            "files": [
                {"path": one.path, "size": one.size, "sha256": one.sha256.hex()}
                for one in self.files
            ],
        }
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def bundle_name(origin: str) -> str:
    """The first line of what the log `origin` signs of a bundle."""
    return f"{origin}/bundle"


def note_text(origin: str, manifest: bytes) -> str:
    """What is signed of a manifest's bytes."""
    digest = encode_base64(sha256(manifest).digest())
    return f"{bundle_name(origin)}\n{FORMAT}\nmanifest {digest}\n"


class ManifestSigner:
    """Signs manifests with the log's keys: those of Ed25519, since a cosignature (ML-DSA-44) is of
    checkpoints alone. For any thread."""

    def __init__(self, signers: Signers) -> None:
        self._signers = signers

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._signers.name

    def sign(self, manifest: bytes) -> bytes:
        """The note over a manifest's bytes. Raises what signing raises."""
        return self.sign_text(note_text(self.origin, manifest))

    def sign_text(self, text: str) -> bytes:
        """The note over such a text. Raises what signing raises."""
        able = [
            one for one in self._signers.signers() if one.verifier_key.kind is SignatureType.ED25519
        ]
        return Note(text, tuple(one.sign(text) for one in able)).encode()
