"""Time zones by their IANA name (RFC 6557, the time zone database)."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def zone(name: str) -> ZoneInfo | None:
    """Return the zone of that exact name, or None where the database has none."""
    # A file system may open "asia/shanghai" or "Asia/../Asia/Shanghai": only listed names count.
    return _zone(name) if name in _names() else None


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
