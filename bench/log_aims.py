"""The aims of the log, and whether a run met them."""

from collections.abc import Iterator, Sequence

from bench.aims import Verdict
from bench.log_results import LogScene
from bench.results import middle

VERIFIED_PER_CORE = 150_000.0  # events a second
RECEIPT_SHARE = 0.10  # of a masked get
BYTES_AN_EVENT = 500.0  # on disk, with indexes
SIGNED_SECONDS = 1.0  # from an answer to a checkpoint that covers it


def log_verdicts(scenes: Sequence[LogScene]) -> list[Verdict]:
    """Of all log scenes of a run."""
    return [verdict for scene in scenes for verdict in _verdicts(scene)]


def _verdicts(scene: LogScene) -> Iterator[Verdict]:
    name = scene.database
    if scene.verified:
        rate = middle([v.per_core_second for v in scene.verified])
        yield Verdict(
            f"offline verification, {name}: at least {VERIFIED_PER_CORE:,.0f} events a second "
            "a core",
            f"{rate:,.0f}",
            rate >= VERIFIED_PER_CORE,
        )
    for provable in scene.provable:
        yield Verdict(
            f"from answer to checkpoint, {name}, {provable.load}: p99 within {SIGNED_SECONDS:g} s",
            f"{provable.checkpoint_p99:.2f} s",
            provable.checkpoint_p99 <= SIGNED_SECONDS,
        )
    if scene.receipt is not None:
        share = scene.receipt.by_cpu
        yield Verdict(
            f"receipt, {name}: less than {RECEIPT_SHARE:.0%} of a masked get's processor time",
            f"{share:.1%}",
            share < RECEIPT_SHARE,
        )
    for disk in scene.on_disk:
        yield Verdict(
            f"on disk, {name}, {disk.calls}: less than {BYTES_AN_EVENT:.0f} bytes an event",
            f"{disk.bytes_an_event:,.0f}",
            disk.bytes_an_event < BYTES_AN_EVENT,
        )
