"""Times and durations as people write and read them: `2h`, `30m`, their own time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say

_PARTS = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")
_UNITS = (("d", "天", 86_400), ("h", "小时", 3_600), ("min", "分钟", 60), ("s", "秒", 1))


def span(given: str, option: str) -> timedelta:
    """A duration such as `2h`, `30m`, `1d12h` or `90s`. Raises CommandError."""
    if not given.strip():
        raise CommandError(
            f"Say for how long: {option} 30m, 2h, 1d or 1h30m.",
            f"请说明时长：{option} 30m、2h、1d 或 1h30m。",
        )
    found = _PARTS.fullmatch(given.strip().lower())
    counts = [int(part or 0) for part in found.groups()] if found else []
    seconds = sum(count * unit[2] for count, unit in zip(counts, _UNITS, strict=False))
    made = timedelta(seconds=seconds)
    if not made:
        raise CommandError(
            f"{option} is no duration: write it as 30m, 2h, 1d or 1h30m.",
            f"{option} 不是有效时长：请写作 30m、2h、1d 或 1h30m。",
        )
    return made


def span_text(value: Duration) -> str:
    """A duration for people: `1 h 30 min`."""
    left = round(value.ToTimedelta().total_seconds())
    parts = []
    for en, zh, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {say(en, zh)}")
    return " ".join(parts) or say("0 s", "0 秒")


def local(value: Timestamp) -> str:
    """A moment in the time zone of this machine, to the second, with its offset from UTC."""
    moment = value.ToDatetime(UTC).astimezone()
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def local_moment(given: str, option: str) -> datetime | None:
    """A time from an option: ISO 8601; without a zone, this machine's. Raises CommandError."""
    if not given:
        return None
    try:
        # Of a time without a zone, astimezone() takes it for one of this machine's zone.
        return datetime.fromisoformat(given).astimezone()
    except ValueError:
        raise CommandError(
            f"{option} is no time: write it as 2026-03-01 or 2026-03-01T09:30:00+08:00.",
            f"{option} 不是有效时间：请写作 2026-03-01 或 2026-03-01T09:30:00+08:00。",
        ) from None
