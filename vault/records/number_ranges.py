"""Which whole numbers were seen, and which between them were not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class NumberRanges:
    """Numbers that were seen, as ranges: what is held grows with the gaps alone."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, number: int) -> bool:
        """Whether it is new."""
        at = bisect_right(self.starts, number) - 1
        if at >= 0 and number <= self.ends[at]:
            return False
        joins_left = at >= 0 and self.ends[at] == number - 1
        joins_right = at + 1 < len(self.starts) and self.starts[at + 1] == number + 1
        if joins_left and joins_right:
            self.ends[at] = self.ends.pop(at + 1)
            del self.starts[at + 1]
        elif joins_left:
            self.ends[at] = number
        elif joins_right:
            self.starts[at + 1] = number
        else:
            self.starts.insert(at + 1, number)
            self.ends.insert(at + 1, number)
        return True

    def gaps(self) -> Iterator[tuple[int, int]]:
        """First and last missing number of each gap."""
        for end, start in zip(self.ends, self.starts[1:], strict=False):
            yield end + 1, start - 1
