"""Keys held in memory: a bounded, expiring cache, and the holding of keys that came from a KMS.

To let go of a key is to drop it: its cipher context clears itself once nobody uses it any more
(vault.sealing.hierarchy). Locks are held for dictionary work only, never over a call to a KMS or
a database, so that nothing here can stop an event loop.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vault.kms import KmsUnavailable
from vault.store.errors import StoreUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """At most `capacity` values, each until its own time; the one longest unused goes first."""

    def __init__(self, capacity: int, monotonic: Callable[[], float]) -> None:
        if capacity < 1:
            raise ValueError("a cache holds at least one value")
        self._capacity = capacity
        self._monotonic = monotonic
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value, unless its time is over."""
        return self.get_many((key,)).get(key)

    def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """Those of `keys` that are held and whose time is not over."""
        now = self._monotonic()
        found: dict[K, V] = {}
        entries = self._entries
        with self._lock:
            for key in keys:
                entry = entries.get(key)
                if entry is None:
                    continue
                value, until = entry
                if now < until:
                    entries.move_to_end(key)
                    found[key] = value
                else:
                    del entries[key]
        return found

    def put(self, key: K, value: V, until: float) -> None:
        """Hold `value` until that monotonic time, in place of what was held for `key`."""
        with self._lock:
            self._entries[key] = (value, until)
            self._entries.move_to_end(key)
            if len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Let go of one value."""
        with self._lock:
            self._entries.pop(key, None)

    def sweep(self) -> None:
        """Let go of everything whose time is over."""
        now = self._monotonic()
        with self._lock:
            for key in [key for key, (_, until) in self._entries.items() if now >= until]:
                del self._entries[key]

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._entries.clear()


@dataclass(slots=True)
class Held(Generic[V]):
    """A key from the KMS, the time it may be held until, and when to ask for it again."""

    key: V
    until: float
    renew_at: float


class HeldKeys(Generic[K, V]):
    """Keys from a KMS, each held for `ttl` seconds and no longer.

    From half of that time on it is asked for again, and kept if the KMS is away: so an outage is
    survived for at least half of `ttl` whenever it begins, and for `ttl` at most. While the KMS is
    away, a key is asked for once in a sixteenth of `ttl`, and its other callers do not wait.
    """

    def __init__(self, capacity: int, ttl: float, monotonic: Callable[[], float]) -> None:
        self._ttl = ttl
        self._monotonic = monotonic
        self._cache: ExpiringCache[K, Held[V]] = ExpiringCache(capacity, monotonic)

    def __len__(self) -> int:
        return len(self._cache)

    def peek(self, index: K) -> V | None:
        """The key if it is held."""
        held = self._cache.get(index)
        return None if held is None else held.key

    def get(self, index: K, unwrap: Callable[[], V]) -> Held[V]:
        """The held key, or what `unwrap` gives. Raises what `unwrap` raises.

        Threads that miss the same key at once each unwrap it: they are few, and none waits behind
        another's call to a KMS that may not answer.
        """
        held = self._cache.get(index)
        if held is None:
            return self._take(index, unwrap)
        now = self._monotonic()
        if now >= held.renew_at:
            held.renew_at = now + self._ttl / 16
            try:
                return self._take(index, unwrap)
            except (KmsUnavailable, StoreUnavailable):
                pass  # held.until still stands, and ends it
        return held

    def drop(self, index: K) -> None:
        """Let go of one key."""
        self._cache.drop(index)

    def sweep(self) -> None:
        """Let go of every key whose time is over."""
        self._cache.sweep()

    def clear(self) -> None:
        """Let go of every key."""
        self._cache.clear()

    def _take(self, index: K, unwrap: Callable[[], V]) -> Held[V]:
        # Its time counts from before the call: what was asked for then may be held from then.
        asked = self._monotonic()
        held = Held(unwrap(), asked + self._ttl, asked + self._ttl / 2)
        self._cache.put(index, held, held.until)
        return held
