"""What the log's scene measures, as it goes into .bench/latest.json."""

from dataclasses import dataclass, field

from bench.results import Figure, middle


@dataclass(frozen=True, slots=True)
class Appended:
    """One round of events through `AuditLog` alone, on one core with its sequencer.

    `signed_per_second` counts until a checkpoint covers the last of them; `cpu_us` is this
    process's processor time for an event, signing of checkpoints included.
    """

    events: int
    receipts: bool
    committed_per_second: float
    signed_per_second: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class OnTheWire:
    """One round of masked gets, an event each, and how long the checkpoint over them took."""

    calls: Figure
    signed_per_second: float


@dataclass(frozen=True, slots=True)
class Provable:
    """From a call's answer to its proof, in seconds.

    `checkpoint` is until GetCheckpoint answered one that covers the receipt's index, `proof` until
    GetProof's answer was verified with the public key alone.
    """

    load: str
    calls: int
    checkpoint_p50: float
    checkpoint_p99: float
    proof_p50: float
    proof_p99: float
    proof_max: float


@dataclass(frozen=True, slots=True)
class Verified:
    """One round of `verify_log` over an exported log, by one worker."""

    events: int
    bytes_an_event: float
    per_second: float
    per_core_second: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """Entries of one stored log, read from its beginning by several followers at once.

    `per_second` is of all followers together; `cpu_us` the full tier's time for an entry delivered.
    """

    followers: int
    verifiable: bool
    entries: int
    per_second: float
    cpu_us: float
    others_cores: float


@dataclass(frozen=True, slots=True)
class ReceiptCost:
    """Masked gets of two vaults by turns, one of which signs no receipts (bench-only process)."""

    signed: list[Figure]
    unsigned: list[Figure]

    @property
    def by_cpu(self) -> float:
        """The share of the call's processor time that the receipt takes."""
        mine = middle([figure.server_cpu_us for figure in self.signed])
        bare = middle([figure.server_cpu_us for figure in self.unsigned])
        return (mine - bare) / mine

    @property
    def by_rate(self) -> float:
        """The share of the rate that the receipt takes."""
        mine = middle([figure.per_second for figure in self.signed])
        bare = middle([figure.per_second for figure in self.unsigned])
        return (bare - mine) / bare


@dataclass(frozen=True, slots=True)
class OnDisk:
    """Bytes an event of each table and index of the log, after a kind of calls.

    `actions` are the calls' actions with the number of their events and the mean length of these
    (the leaves) in bytes, which is part of the first table.
    """

    calls: str
    events: int
    actions: dict[str, tuple[int, float]]
    parts: dict[str, float]

    @property
    def leaf(self) -> float:
        """Mean length of an event."""
        return sum(count * length for count, length in self.actions.values()) / self.events

    @property
    def bytes_an_event(self) -> float:
        """Everything together."""
        return sum(self.parts.values())


@dataclass(slots=True)
class LogScene:
    """The log on one database."""

    database: str
    appended: list[Appended] = field(default_factory=list)
    verified: list[Verified] = field(default_factory=list)
    on_the_wire: list[OnTheWire] = field(default_factory=list)
    provable: list[Provable] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    receipt: ReceiptCost | None = None
    on_disk: list[OnDisk] = field(default_factory=list)
