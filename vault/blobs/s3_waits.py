"""How long is waited before a request is made again, and when no more."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Final

from vault.blobs.s3_place import S3Place

FIRST_WAIT: Final = 0.1
LONGEST_WAIT: Final = 2.0


def waits(place: S3Place) -> Iterator[float | None]:
    """One for each attempt: seconds to wait behind it, each about twice the one before; None behind
    the last, after which there is none again."""
    end, wait = time.monotonic() + place.patience, FIRST_WAIT
    for attempt in range(1, place.attempts + 1):
        # Not all at the same moment.
        jittered = wait * random.uniform(0.5, 1.0)  # noqa: S311
        if attempt == place.attempts or time.monotonic() + jittered > end:
            yield None
            return
        yield jittered
        wait = min(2 * wait, LONGEST_WAIT)
