"""Field paths of a check-out: a kind of record, then the path of a field in it, joined by dots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def within(path: str, wider: str) -> bool:
    """Whether `path` is `wider` or lies in it."""
    return path == wider or path.startswith(wider + ".")


def overlaps(one: str, other: str) -> bool:
    """Whether a field could be under both."""
    return within(one, other) or within(other, one)


def all_within(paths: Iterable[str], wider: Sequence[str]) -> bool:
    """Whether each path is one of `wider` or lies in one."""
    return all(any(within(path, one) for one in wider) for path in paths)


def intersection(some: Iterable[str], others: Sequence[str]) -> tuple[str, ...]:
    """What both open, each path once, none inside another."""
    found = {a if within(a, b) else b for a in some for b in others if overlaps(a, b)}
    return tuple(sorted(p for p in found if not any(p != q and within(p, q) for q in found)))
