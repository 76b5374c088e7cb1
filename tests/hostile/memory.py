"""Searches the memory of a running process."""

import os
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.scanner import Patterns


def writable_memory(pid: int) -> Iterator[bytes]:
    """What stands in each writable region of a process, as it is now."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            span, rights, *rest = line.split(maxsplit=5)
            if not rights.startswith("rw") or rest[-1].startswith("[v"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                yield os.pread(memory.fileno(), end - start, start)
            except OSError:
                continue  # unmapped since, or a device


def forms_of_key(key: bytes) -> list[bytes]:
    """How the bytes of a key may lie in memory.

    The first round of an AES-256 key schedule is the key itself (FIPS 197, 5.2), in this byte
    order or with each word turned, so a cipher that is held is found by its key's own bytes.
    """
    turned = b"".join(key[at : at + 4][::-1] for at in range(0, len(key), 4))
    return [key, turned]


def found_in(pid: int, wanted: dict[str, list[bytes]]) -> set[str]:
    """Names of those of `wanted` that stand in the process's writable memory."""
    patterns = Patterns((name, "", form) for name, forms in wanted.items() for form in forms)
    return {f.text for region in writable_memory(pid) for f in patterns.scan(region)}
