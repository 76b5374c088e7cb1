"""The aims of the main job, and whether a run met them. Nothing fails if it did not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.results import Figure, Measured, Scene, middle
from bench.rotation import SLOWDOWN_BY_VERSIONS, Rotated

MASKED_GET = "masked get, customer"
BARE_SHARE = 0.6  # of the bare handler's rate, on SQLite
LENT_SHARE = 0.85  # of the same read by role
IMPORT_PER_CORE = 10_000.0  # transactions a second of the vault's processor time
SLOWDOWN = 1.2  # at the larger size


@dataclass(frozen=True, slots=True)
class Verdict:
    """An aim, what was measured, and whether that meets it."""

    aim: str
    measured: str
    met: bool


def rate(figures: list[Figure]) -> float:
    """The median of the rounds' rates."""
    return middle([f.per_second for f in figures])


def share_of_bare(measured: Measured) -> float | None:
    """The median of the rounds' ratios, each to the bare round just after it."""
    if not measured.bare:
        return None
    return _share(measured.rounds, measured.bare)


def _share(mine: list[Figure], others: list[Figure]) -> float:
    pairs = zip(mine, others, strict=True)
    return middle([one.per_second / other.per_second for one, other in pairs])


def verdicts(scenes: Sequence[Scene]) -> list[Verdict]:
    """Of all scenes of a run."""
    return [*_masked_get(scenes), *_lent_get(scenes), *_import(scenes), *_growth(scenes)]


def rotation_verdicts(rotated: Sequence[Rotated]) -> list[Verdict]:
    """Whether a thousand versions of a key slow nothing."""
    return [
        Verdict(
            f"{name}, {one.database}: with 1,000 versions of the key no more than "
            f"{SLOWDOWN_BY_VERSIONS} times slower than with one",
            f"{after / before:.2f} times",
            after / before <= SLOWDOWN_BY_VERSIONS,
        )
        for one in rotated
        for name, before, after in (
            ("file key from the store", one.fetch_us, one.fetch_us_of_many),
            ("keys of a new scope", one.new_us, one.new_us_of_many),
        )
    ]


def _masked_get(scenes: Sequence[Scene]) -> Iterator[Verdict]:
    for scene in scenes:
        for measured in scene.operations:
            share = share_of_bare(measured)
            if scene.database == "SQLite" and measured.name == MASKED_GET and share is not None:
                yield Verdict(
                    f"{MASKED_GET}, {scene.database} at {scene.transactions:,}: "
                    f"at least {BARE_SHARE:.0%} of the bare handler",
                    f"{share:.0%}",
                    share >= BARE_SHARE,
                )


def _lent_get(scenes: Sequence[Scene]) -> Iterator[Verdict]:
    for scene in scenes:
        for measured in scene.operations:
            if not measured.beside:
                continue
            share = _share(measured.rounds, measured.beside)
            yield Verdict(
                f"{measured.name}, {scene.database} at {scene.transactions:,}: "
                f"at least {LENT_SHARE:.0%} of the rate by role",
                f"{share:.0%} of {rate(measured.beside):,.0f}",
                share >= LENT_SHARE,
            )


def _import(scenes: Sequence[Scene]) -> Iterator[Verdict]:
    for scene in scenes:
        for imported in scene.imported:
            yield Verdict(
                f"import, {scene.database} at {scene.transactions:,}: "
                f"at least {IMPORT_PER_CORE:,.0f} transactions a second a core",
                f"{imported.per_core_second:,.0f}",
                imported.per_core_second >= IMPORT_PER_CORE,
            )


def _growth(scenes: Sequence[Scene]) -> Iterator[Verdict]:
    for database in dict.fromkeys(scene.database for scene in scenes):
        sizes = sorted((s for s in scenes if s.database == database), key=lambda s: s.transactions)
        if len(sizes) < 2:
            continue
        small, large = sizes[0], sizes[-1]
        before, after = rates(small), rates(large)
        for name in before:
            slower = before[name] / after[name]
            yield Verdict(
                f"{name}, {database}: at {large.transactions:,} no more than {SLOWDOWN} times "
                f"slower than at {small.transactions:,}",
                f"{slower:.2f} times",
                slower <= SLOWDOWN,
            )


def rates(scene: Scene) -> dict[str, float]:
    """Calls, or imported transactions, a second by operation."""
    found = {m.name: rate(m.rounds) for m in scene.operations}
    return found | {"import": middle([i.per_second for i in scene.imported])}
