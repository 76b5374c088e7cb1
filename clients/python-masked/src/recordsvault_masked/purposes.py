"""Purposes by name: why a full record is opened, or asked for."""

from __future__ import annotations

from recordsvault.type.v1.purpose_pb2 import Purpose

_PREFIX = "PURPOSE_"


def purpose_of(purpose: str | int) -> Purpose.ValueType:
    """The enum value of a purpose: a name with or without `PURPOSE_`, or a value.

    Raises ValueError, which lists the purposes there are.
    """
    for name, value in Purpose.items():
        # UNSPECIFIED may be sent: the vault then says that a purpose is required, and logs it.
        if purpose in (name, name.removeprefix(_PREFIX), value):
            return value
    raise ValueError(f"no such purpose; there are {', '.join(purposes())}")


def purposes() -> list[str]:
    """Names of the purposes, without `PURPOSE_`."""
    return [name.removeprefix(_PREFIX) for name, value in Purpose.items() if value]
