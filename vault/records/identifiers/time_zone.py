"""Time zones by their IANA name (RFC 6557, the time zone database)."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """Return the zone of that exact name, or None where the database has none."""
    if name not in _names():
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    # A file system may open "asia/shanghai" or "Asia/../Asia/Shanghai": only listed names count.
    return frozenset(available_timezones())
