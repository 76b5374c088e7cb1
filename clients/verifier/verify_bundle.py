#!/usr/bin/env python3
"""Verifies a bundle (docs/explanation/bundles.md) without the vault: Python 3.11, `cryptography`.

    python verify_bundle.py BUNDLE --log-key VKEY [--key PRIVATE.pem] [--open TAR]

VKEY is the public key of the vault's log (`name+id+key`, or a file of such lines), from a source
that you trust. PRIVATE.pem opens a bundle that is sealed to you; --open keeps the opened tar.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

BLOCK, CHUNK, SIZE, MAGIC = 512, 16 * 1024 + 16, 1 << 20, "recordsvault-sealed@v1"


def need(holds: object, what: str) -> None:
    if not holds:
        raise ValueError(what)


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    need(b64(data) == text, "base64 in another spelling")
    return data


def open_envelope(file: BinaryIO, pem: bytes, out: BinaryIO) -> None:
    """A C2SP chunked-encryption stream, under a key that HPKE (RFC 9180) sealed to the recipient."""
    head = b"".join(file.readline(4096) for _ in range(4))
    lines = head.split(b"\n")
    need(len(lines) == 5 and not lines[3] and lines[2].startswith(b"key "), "not an envelope")
    blocks = re.findall(b"-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----", pem)
    loaded: list[Any] = [serialization.load_pem_private_key(one, None) for one in blocks]
    keys = sorted(loaded, key=lambda one: not hasattr(one, "decapsulate"))  # ML-KEM-768 first
    hybrid = len(keys) == 2
    public = b64(sha(*(one.public_key().public_bytes_raw() for one in keys)))
    info = f"{MAGIC}\nto {'mlkem768x25519' if hybrid else 'x25519'} {public}\n".encode()
    need(head.startswith(info), "the bundle is sealed to another key")
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519 if hybrid else hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    secret = hpke.MLKEM768X25519PrivateKey(*keys) if hybrid else keys[0]
    sealed, salt, commitment = unb64(lines[2][4:].decode()), file.read(24), file.read(32)
    label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + head
    derived = HKDFExpand(hashes.SHA256(), 76, label).derive(suite.decrypt(sealed, secret, info))
    need(derived[44:] == commitment, "the stream is of another key")
    cipher, nonce = AESGCM(derived[:32]), int.from_bytes(derived[32:44], "big")
    number, chunk = 0, bytes(CHUNK)
    while len(chunk) == CHUNK:  # only the last one is shorter, and it is always there
        chunk = file.read(CHUNK)
        out.write(cipher.decrypt((nonce ^ number).to_bytes(12, "big"), chunk, None))
        number += 1


class Tar:
    """The files of a tar of which no byte is free: it is held to the one way to write it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.times = file, set[float]()
        self.at: dict[str, tuple[int, int]] = {}
        end, place = file.seek(0, 2), 0
        while (block := self.block(place)) != bytes(BLOCK):
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
            plain = tarfile.TarInfo(info.name)
            plain.size, plain.mtime, plain.mode = info.size, info.mtime, 0o644
            written = plain.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict") if info.name not in self.at else b""
            need(block == written, "a header of the tar")
            self.at[info.name] = (place + BLOCK, info.size)
            self.times.add(info.mtime)
            file.seek(place + BLOCK + info.size)
            need(not any(file.read(-info.size % BLOCK)), "padding of the tar")
            place = file.tell()
        need(self.block(place + BLOCK) == bytes(BLOCK) and place + 2 * BLOCK == end, "the tar's end")

    def block(self, place: int) -> bytes:
        self.file.seek(place)
        return self.file.read(BLOCK)

    def pieces(self, path: str) -> Iterator[bytes]:
        need(path in self.at, f"{path} is missing")
        start, size = self.at[path]
        for done in range(0, size, SIZE):
            self.file.seek(start + done)
            yield self.file.read(min(size - done, SIZE))

    def read(self, path: str) -> bytes:
        return b"".join(self.pieces(path))

    def digest(self, path: str) -> bytes:
        found = hashlib.sha256()
        for piece in self.pieces(path):
            found.update(piece)
        return found.digest()


def signed_text(note: bytes, vkeys: list[str]) -> str:
    """The text of a signed note (C2SP signed-note); every line of a known key must be right."""
    text, _, lines = note.decode().rpartition("\n\n")
    known = []
    for line in lines.removesuffix("\n").split("\n"):
        dash, name, encoded = line.split(" ")
        data = unb64(encoded)
        need(dash == "\u2014" and lines.endswith("\n"), "a signature line")
        for key_name, key_id, public in (vkey.split("+", 2) for vkey in vkeys):
            key = unb64(public)
            if (name, data[:4].hex(), key[:1]) == (key_name, key_id, b"\1"):
                need(sha(name.encode(), b"\n", key)[:4].hex() == key_id, "the log's key")
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(data[4:], f"{text}\n".encode())
                known.append(key_name)
    need(known, "not signed by the log's key")
    return f"{text}\n"


def included(leaf: bytes, proof: bytes, checkpoint: bytes, root: bytes, size: int) -> int:
    """The leaf's index, if the tlog-proof (C2SP) leads to the checkpoint (RFC 9162, 2.1.3.2)."""
    head, _, note = proof.decode().partition("\n\n")
    lines = head.split("\n")
    need(note.encode() == checkpoint, "a proof under another checkpoint")
    need(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("index "), "a proof")
    (index, fn), node, sn = [int(lines[1][6:])] * 2, sha(b"\0", leaf), size - 1
    need(0 <= index <= sn, "a proof of what is not in the tree")
    for other in map(unb64, lines[2:]):
        need(sn, "a proof that is too long")
        if fn & 1 or fn == sn:
            node = sha(b"\1", other, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha(b"\1", node, other)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and node == root, "a proof does not lead to the checkpoint")
    return index


def check_row(tar: Tar, row: Any, leaves: dict[int, bytes]) -> str:
    """The record, if the row is what the log says and its sealed column opens to the plaintext beside it."""
    name, columns, stands = row["name"], row["columns"], None
    for index in row["events"]:  # the write, and each time that the row was sealed anew
        said = dict(json.loads(leaves[index])["rows"])
        need(stands is None or said.get(f"{name}#before") == stands, f"{name}: events that do not follow")
        stands = said[name]
    values = [unb64(v["base64"]) if isinstance(v, dict) else str(v).encode() for v in columns.values()]
    framed = [len(v).to_bytes(4, "big") + v for v in (row["table"].encode(), *values)]
    digest = base64.urlsafe_b64encode(sha(b"recordsvault row v1", *framed)).rstrip(b"=").decode()
    need(stands == digest, f"{name} is not the row that the log has")
    sealed, key = unb64(columns["sealed"]["base64"]), unb64(row["data_key"])
    end = 18 + len(key) + 28  # header, wrapped data key
    kind = algorithms.AES256 if sealed[1] == 1 else algorithms.SM4
    opening = Cipher(kind(key), modes.GCM(sealed[end : end + 12], sealed[-16:])).decryptor()
    opening.authenticate_additional_data(sealed[:end] + row["place"].encode())
    plain = opening.update(sealed[end + 12 : -16]) + opening.finalize()
    need(plain == tar.read(row["plain"]), f"{row['plain']} is not what the row holds")
    kept = "content" in row and "manifest.json" not in tar.at  # without the bytes of scans
    held = kept or tar.digest(row["content"]) == plain[3 + plain[2] :] if "content" in row else json.loads(plain)
    need(held, f"{row['plain']} is of another file")
    return str(name).partition("@")[0]


def verify(tar: Tar, vkeys: list[str]) -> str:
    """What was proved. Raises for a bundle that does not hold."""
    kept: Any = {"log": vkeys[0].split("+")[0], "files": [], "kind": "", "name": "of a file that came"}
    alone = {path.split("/")[0] for path in tar.at} == {"rows", "events", "checkpoint"}
    manifest = kept if alone else json.loads(tar.read("manifest.json"))
    origin, files = manifest["log"], {one["path"]: one for one in manifest["files"]}
    signed = alone or f"{origin}/bundle\nrecordsvault bundle v1\nmanifest {b64(tar.digest('manifest.json'))}\n"
    need(alone or signed_text(tar.read("manifest.note"), vkeys) == signed, "another manifest was signed")
    need(alone or list(tar.at) == [*files, "manifest.json", "manifest.note"], "not the manifest's files")
    need(alone or tar.times == {int(datetime.fromisoformat(manifest["made_at"]).timestamp())}, "the tar's times")
    for path, one in files.items():
        need(tar.at[path][1] == one["size"] and tar.digest(path).hex() == one["sha256"], f"{path} was altered")
    if manifest["kind"] == "file":  # a customer's file: what the vault gave out, signed by the log
        return f"{manifest['name']}: {len(files)} files as {origin} has signed them"
    checkpoint, leaves = tar.read("checkpoint"), dict[int, bytes]()
    name, size, root = signed_text(checkpoint, vkeys).split("\n")[:3]
    need(name == origin, "the checkpoint is of another log")
    for index in (int(path[7:-5]) for path in tar.at if re.fullmatch(r"events/\d+\.json", path)):
        leaves[index], proof = tar.read(f"events/{index}.json"), tar.read(f"events/{index}.tlog-proof")
        need(included(leaves[index], proof, checkpoint, unb64(root), int(size)) == index, "a swapped proof")
    rows = (json.loads(tar.read(path)) for path in tar.at if re.fullmatch(r"rows/\d+\.json", path))
    names = [check_row(tar, row, leaves) for row in rows]
    need(alone or manifest["name"].split("/", 2)[-1] in names, "the record is not proved")
    return f"{manifest['name']}: {len(names)} records and {len(leaves)} events proved; {origin} at {size}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Verifies a bundle of a records vault.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--log-key", required=True, help="the log's public key, or a file of them")
    parser.add_argument("--key", type=Path, help="your private key, in PEM")
    parser.add_argument("--open", type=argparse.FileType("xb"), help="new file for the opened tar")
    given = parser.parse_args()
    keys = given.log_key if "+" in given.log_key else Path(given.log_key).read_text()
    try:
        with given.bundle.open("rb") as file, tempfile.TemporaryFile() as opened:
            tar_file: Any = file
            if file.read(len(MAGIC)) == MAGIC.encode():
                need(given.key, "the bundle is sealed: name your private key with --key")
                file.seek(0)
                open_envelope(file, given.key.read_bytes(), opened)
                tar_file = opened
            print(verify(Tar(tar_file), [one for one in keys.split() if one.count("+") > 1]))
            tar_file.seek(0)
            while given.open and (piece := tar_file.read(SIZE)):
                given.open.write(piece)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError,
            InvalidTag, InvalidSignature, tarfile.TarError) as error:
        sys.exit(f"REFUSED: {str(error) or type(error).__name__}")


if __name__ == "__main__":
    main()
