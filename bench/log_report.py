"""The log's table: one line a figure, the median of its rounds and how far they lie apart."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from bench.log_results import LogScene, OnDisk
from bench.results import middle

Row = tuple[str, str, str, str]


def log_table(scene: LogScene) -> Table:
    """Of one database."""
    table = Table(title=f"{scene.database}, the log", title_justify="left")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("±", justify="right")
    table.add_column("besides")
    for row in _rows(scene):
        table.add_row(*row)
    return table


def disk_table(scene: LogScene) -> Table:
    """Bytes an event, by table and index."""
    table = Table(title=f"{scene.database}, bytes an event on disk", title_justify="left")
    table.add_column("table or index")
    for disk in scene.on_disk:
        table.add_column(f"{disk.calls} ({disk.events:,} events)", justify="right")
    for name in dict.fromkeys(name for disk in scene.on_disk for name in disk.parts):
        table.add_row(name, *(f"{disk.parts.get(name, 0):,.1f}" for disk in scene.on_disk))
    table.add_row("together", *(f"{disk.bytes_an_event:,.1f}" for disk in scene.on_disk))
    table.add_section()
    for action in dict.fromkeys(action for disk in scene.on_disk for action in disk.actions):
        table.add_row(f"leaf, {action}", *(_leaf(disk, action) for disk in scene.on_disk))
    table.add_row("leaf, all", *(f"{disk.leaf:,.1f}" for disk in scene.on_disk))
    return table


def _leaf(disk: OnDisk, action: str) -> str:
    if action not in disk.actions:
        return ""
    count, length = disk.actions[action]
    return f"{length:,.1f} ({count / disk.events:.0%})"


def spread(values: Sequence[float]) -> tuple[float, str]:
    """The median, and half of what lies between least and most, as a share of it."""
    mid = middle(list(values))
    return mid, f"{(max(values) - min(values)) / 2 / mid:.0%}" if mid else ""


def _rate(values: Sequence[float]) -> tuple[str, str]:
    mid, apart = spread(values)
    return f"{mid:,.0f}/s", apart


def _rows(scene: LogScene) -> Iterator[Row]:
    yield from _alone(scene)
    wire = scene.on_the_wire
    if wire:
        cpu = middle([w.calls.server_cpu_us for w in wire])
        others = middle([w.calls.others_cores for w in wire])
        beside = f"CPU {cpu:,.0f} us a call, others {others:.2f} cores"
        yield "over the wire, answered", *_rate([w.calls.per_second for w in wire]), beside
        yield "over the wire, signed", *_rate([w.signed_per_second for w in wire]), ""
    for p in scene.provable:
        yield (
            f"answer to checkpoint, {p.load}", f"{p.checkpoint_p50:.2f} s", "",
            f"p50; p99 {p.checkpoint_p99:.2f} s; {p.calls} calls",
        )  # fmt: skip
        yield (
            f"answer to proof verified, {p.load}", f"{p.proof_p50:.2f} s", "",
            f"p50; p99 {p.proof_p99:.2f} s; most {p.proof_max:.2f} s",
        )  # fmt: skip
    for kind in dict.fromkeys((d.followers, d.verifiable) for d in scene.delivered):
        rounds = [d for d in scene.delivered if (d.followers, d.verifiable) == kind]
        cpu = middle([d.cpu_us for d in rounds])
        yield (
            f"stream, {kind[0]} follower{'s' * (kind[0] > 1)}{', verifiable' * kind[1]}",
            *_rate([d.per_second for d in rounds]),
            f"entries, all followers together; CPU {cpu:,.0f} us an entry",
        )
    if scene.receipt is not None:
        yield from _receipt(scene)


def _alone(scene: LogScene) -> Iterator[Row]:
    for receipts in (True, False):
        rounds = [a for a in scene.appended if a.receipts is receipts]
        if not rounds:
            continue
        kind = "with receipts" if receipts else "without receipts"
        cpu, apart = spread([a.cpu_us for a in rounds])
        beside = f"CPU {cpu:,.0f} us an event, ± {apart}"
        yield (
            f"log alone, committed, {kind}",
            *_rate([a.committed_per_second for a in rounds]), beside,
        )  # fmt: skip
        yield f"log alone, signed, {kind}", *_rate([a.signed_per_second for a in rounds]), ""
    if scene.verified:
        events = f"{scene.verified[0].events:,} events"
        wall = middle([v.per_second for v in scene.verified])
        yield (
            "verified offline, a core", *_rate([v.per_core_second for v in scene.verified]),
            f"{events}; {wall:,.0f}/s by the clock",
        )  # fmt: skip


def _receipt(scene: LogScene) -> Iterator[Row]:
    cost = scene.receipt
    assert cost is not None
    signed, apart = spread([f.server_cpu_us for f in cost.signed])
    unsigned, apart_too = spread([f.server_cpu_us for f in cost.unsigned])
    yield (
        "receipt, of a masked get by CPU", f"{cost.by_cpu:.1%}", "",
        f"{signed:,.0f} us ± {apart} with, {unsigned:,.0f} us ± {apart_too} without",
    )  # fmt: skip
    with_, apart = spread([f.per_second for f in cost.signed])
    without, apart_too = spread([f.per_second for f in cost.unsigned])
    yield (
        "receipt, of a masked get by rate", f"{cost.by_rate:.1%}", "",
        f"{with_:,.0f}/s ± {apart} with, {without:,.0f}/s ± {apart_too} without",
    )  # fmt: skip
