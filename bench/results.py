"""What is measured, as it goes into .bench/latest.json."""

from dataclasses import dataclass, field

from bench.loader import Seen
from bench.meters import Metered


@dataclass(frozen=True, slots=True)
class Figure:
    """One run of one operation. A call is a message in an import."""

    calls: int
    per_second: float
    p50_ms: float
    p99_ms: float
    answer_bytes: float
    errors: dict[str, int]
    server_cpu_us: float  # a call, of the tiers together
    database_cpu_us: float
    server_cores: float
    load_cores: float
    others_cores: float
    memory_mb: float


def figure(seen: Seen, metered: Metered) -> Figure:
    """Raises RuntimeError when nothing was answered."""
    if not seen.calls:
        raise RuntimeError(f"no call was answered: {seen.errors}")
    return Figure(
        calls=seen.calls,
        per_second=seen.per_second,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        answer_bytes=seen.answer_bytes,
        errors=seen.errors,
        server_cpu_us=metered.server_cpu / seen.calls * 1e6,
        database_cpu_us=metered.database_cpu / seen.calls * 1e6,
        server_cores=metered.server_cpu / metered.seconds,
        load_cores=seen.load_cpu_seconds / seen.seconds,
        others_cores=metered.others_cores,
        memory_mb=metered.memory / 1e6,
    )


@dataclass(slots=True)
class Measured:
    """An operation: its rounds, those of the bare handler between them, and one caller alone.
    ``beside`` are rounds, between them too, of the operation that it is compared with."""

    name: str
    rounds: list[Figure] = field(default_factory=list)
    bare: list[Figure] = field(default_factory=list)
    beside: list[Figure] = field(default_factory=list)
    alone: Figure | None = None


@dataclass(slots=True)
class Imported:
    """An import. Rates are transactions a second, of time and of the vault's processor time."""

    transactions: int
    seconds: float
    per_second: float
    per_core_second: float
    per_core_second_with_database: float
    message: Figure
    plain_insert_per_second: float = 0.0
    plain_insert_per_core_second: float = 0.0


@dataclass(slots=True)
class Scene:
    """One database at one size."""

    database: str
    customers: int
    transactions: int
    built: Imported
    imported: list[Imported] = field(default_factory=list)
    operations: list[Measured] = field(default_factory=list)
    database_mb: float = 0.0


def middle(values: list[float]) -> float:
    """The median."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2
