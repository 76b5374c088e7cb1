"""How much a document may take."""

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of reading one document.

    `size`: bytes of a document that is decoded; a larger one gets a placeholder undecoded.
    `pages`, `pixels`: most pages, and most pixels of a page. `pictured_pages`: pages from the first
    that a picture of their own is made of. `memory`: bytes of address space of the process that
    decodes. `processor_seconds`: of that process, its start included. `seconds`: until it answers,
    after it was given the last byte. `long_edge`: pixels of a picture's longer edge.
    """

    size: int = 64 * _MIB
    pages: int = 2_000
    pixels: int = 100_000_000
    pictured_pages: int = 4
    memory: int = 1024 * _MIB
    processor_seconds: int = 20
    seconds: float = 30.0
    long_edge: int = 640

    def __post_init__(self) -> None:
        if not 200 <= self.long_edge <= 1000:
            raise ValueError("long_edge: must be 200 to 1000 pixels")
        if not 1 <= self.pictured_pages <= 16:
            raise ValueError("pictured_pages: must be 1 to 16")
        for name in ("size", "pages", "pixels", "memory", "processor_seconds", "seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be more than none")
