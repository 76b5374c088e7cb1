"""The part of the demonstration with scans: one is stored sealed, and seen masked by the CRM."""

import re
from pathlib import Path

from clients.examples.demo_stage import DemoFailed, Stage

SCAN = Path(__file__).resolve().parent / "specimen-resident-id.jpg"
_DOCUMENT = re.compile(r"customers/[0-9a-z]{26}/documents/[0-9a-z]{26}")

SCAN_EVENTS = (
    ("crm", "masked.documents.list"),
    ("backend", "records.contents.upload"),
    ("crm", "masked.contents.view"),
)


def scan(stage: Stage, name: str, shown: Path) -> None:
    """Store the specimen for a customer, look for it on the disk, and view it masked. Raises
    DemoFailed."""
    stage.step("The back end stores the scan of an identity card, sealed, by stream")
    said = stage.vaultctl("crm", "documents", "list", name)
    match = _DOCUMENT.search(said)
    if match is None:
        raise DemoFailed("the customer has no identity document", said)
    document = match.group()
    stage.vaultctl("backend", "documents", "put", document, str(shown), bar=True)
    _nothing_in_clear(stage)

    stage.step("The CRM sees it masked: portrait, number, name, birth and address are covered")
    pictures = stage.folder / "pictures"
    for before in pictures.glob("page-*.png"):
        before.unlink()  # of an earlier demonstration; what is there is not written over
    said = stage.vaultctl("crm", "documents", "view", document, str(pictures))
    if "page-1-1.png" not in said:
        raise DemoFailed("there is no picture of the scan", said)
    stage.note("the picture is stamped with the viewer, the time and the number of the log's entry")


def _nothing_in_clear(stage: Stage) -> None:
    """Look for a part of the scan in every object."""
    part = SCAN.read_bytes()[2_000:2_064]
    objects = [path for path in (stage.folder / "blobs").rglob("*") if path.is_file()]
    if not objects:
        raise DemoFailed("the scan is not among the objects")
    if any(part in path.read_bytes() for path in objects):
        raise DemoFailed("an object holds the scan in clear")
