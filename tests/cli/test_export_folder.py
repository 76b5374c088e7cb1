"""The folder of an exported log: what the vault left out is noted, what is lost is not."""

from pathlib import Path

from tests.support.log_exports import Export, export_of
from tests.support.note_keys import new_signer
from vault.audit.findings import Kind
from vault.audit.log_sources import FolderSource
from vault.audit.note import KeySigner, SignatureType
from vault.audit.verify import verify_log
from vault.cli.vaultctl.export_folder import ExportFolder

ORIGIN = "example.com/log"


def _log(size: int) -> tuple[Export, KeySigner]:
    signer = new_signer(ORIGIN, SignatureType.ED25519)
    return export_of([b"%d" % n for n in range(size)], ORIGIN, signer), signer


def _export_into(folder: Path, log: Export, *without: str) -> ExportFolder:
    """What `audit export` does with a vault that leaves some bundles out."""
    target = ExportFolder(folder)
    for path, data in log.files.items():
        if path != "checkpoint" and path not in without:
            target.put(path, data)
    target.finish(log.files["checkpoint"])
    return target


def test_which_bundles_were_left_out_is_noted_and_a_lost_one_is_not(tmp_path: Path) -> None:
    first, edge = "tile/entries/001", "tile/entries/003.p/232"
    log, signer = _log(1000)
    _export_into(tmp_path, log, first, edge)
    noted = tmp_path / "withheld"
    assert noted.read_text().split() == [first, edge]
    # Of a later export: the wider edge is here, and what has been lost since is not noted.
    (tmp_path / "tile/entries/000").unlink()
    grown = export_of([b"%d" % n for n in range(1100)], ORIGIN, signer)
    _export_into(tmp_path, grown, first, "tile/entries/000")
    assert noted.read_text().split() == [first]
    found = verify_log(
        FolderSource(tmp_path),
        [signer.verifier_key],
        ORIGIN,
        withheld=FolderSource(tmp_path).withheld(),
    )
    assert [(one.kind, one.place) for one in found.findings] == [
        (Kind.BUNDLE_MISSING, "tile/entries/000")
    ]
    assert (found.noted, found.unnoted) == (1, 1)


def test_a_folder_in_which_nothing_was_left_out_has_no_note(tmp_path: Path) -> None:
    _export_into(tmp_path, _log(300)[0])
    assert not (tmp_path / "withheld").exists()


def test_an_export_with_a_note_that_was_broken_off_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "withheld").write_text("tile/entries/000\n")
    _export_into(tmp_path, _log(300)[0])
    assert not (tmp_path / "withheld").read_text()
