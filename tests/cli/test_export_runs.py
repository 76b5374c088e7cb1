"""The folder of an export: what a run that broke off leaves, and how the next one goes on."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import typer

from recordsvault.bundles.v1 import exports_pb2 as pb
from vault.cli.vaultctl import export_many
from vault.cli.vaultctl.export_many import fill, tell
from vault.cli.vaultctl.export_runs import RunFolder, Runs, check_run
from vault.cli.vaultctl.failures import CommandError

NOTE = b"signed"


def identifier(number: int) -> str:
    return f"{number:026}"


def name(number: int) -> str:
    return f"institutions/demo-bank/customers/{identifier(number)}"


def line(number: int, data: bytes) -> str:
    return json.dumps(
        {
            "customer": name(number),
            "file": f"{identifier(number)}.bundle",
            "size": len(data),
            "sha256": sha256(data).hexdigest(),
        }
    )


def file(number: int) -> list[pb.ExportFilesResponse]:
    data = b"sealed %d" % number
    return [
        pb.ExportFilesResponse(customer=name(number), data=data[:3]),
        pb.ExportFilesResponse(customer=name(number), data=data[3:], line=line(number, data)),
    ]


def manifest(*numbers: int, complete: bool = False) -> pb.ExportFilesResponse:
    lines = "".join(line(one, b"sealed %d" % one) + "\n" for one in numbers).encode()
    facts = {"through": identifier(numbers[-1]), "complete": complete, "files": len(numbers)}
    files = [{"path": "files.jsonl", "size": len(lines), "sha256": sha256(lines).hexdigest()}]
    whole = json.dumps({"files": files, "facts": facts}).encode()
    return pb.ExportFilesResponse(manifest=whole, note=NOTE, complete=complete)


def take(run: RunFolder, *answers: pb.ExportFilesResponse) -> None:
    for one in answers:
        run.take(one)
    run.close()


def test_a_run_that_broke_off_goes_on_behind_its_last_manifest(tmp_path: Path) -> None:
    first = Runs(tmp_path).new()
    # A file that no manifest lists yet, and one that was begun.
    take(first, *file(1), *file(2), manifest(1, 2), *file(3), file(4)[0])
    assert {one.name for one in first.folder.iterdir()} == {
        *(f"{identifier(n)}.bundle" for n in (1, 2, 3)),
        *("files.jsonl", "manifest.json", "manifest.note", ".part"),
    }
    runs = Runs.read(tmp_path)
    assert (runs.after, runs.complete) == (identifier(2), False)
    assert not (first.folder / ".part").exists()
    assert not (first.folder / f"{identifier(3)}.bundle").exists()
    assert check_run(first.folder)[0] == 2
    second = runs.new()
    take(second, *file(3), *file(4), manifest(3, 4, complete=True))
    whole = Runs.read(tmp_path)
    assert [one.folder.name for one in whole.runs] == ["run-1", "run-2"]
    assert whole.complete and check_run(second.folder)[3] == NOTE


def test_a_list_that_is_longer_than_its_manifest_is_cut_back(tmp_path: Path) -> None:
    run = Runs(tmp_path).new()
    take(run, *file(1), manifest(1))
    # The process died between the list and the manifest.
    with (run.folder / "files.jsonl").open("a") as lines:
        lines.write(line(2, b"sealed 2") + "\n")
    Runs.read(tmp_path)
    assert check_run(run.folder)[0] == 1


def test_a_run_without_a_manifest_leaves_nothing(tmp_path: Path) -> None:
    take(Runs(tmp_path).new(), *file(1), file(2)[0])
    assert not Runs.read(tmp_path).runs and not list(tmp_path.iterdir())


@pytest.mark.parametrize("harm", ["size", "sha256", "customer", "file"])
def test_a_file_that_is_not_what_its_line_says_is_not_taken(tmp_path: Path, harm: str) -> None:
    run = Runs(tmp_path).new()
    begun, ended = file(1)
    said = json.loads(ended.line)
    said[harm] = {"size": 1, "sha256": "0" * 64, "customer": name(2), "file": "../x"}[harm]
    ended.line = json.dumps(said)
    with pytest.raises(CommandError):
        take(run, begun, ended)
    assert not list(tmp_path.glob("**/*.bundle"))


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    with pytest.raises(CommandError):
        Runs.read(tmp_path)
    assert (tmp_path / "letters").is_dir()


# -- what is told of it ---------------------------------------------------------------------------


def test_progress_counts_the_files_of_those_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, int]] = []

    class Bar:
        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None: ...

        def add_task(self, _: str, **figures: int) -> int:
            told.append(figures)
            return 0

        def update(self, _: int, **figures: int) -> None:
            told.append(figures)

    monkeypatch.setattr(export_many, "bar", lambda *_: Bar())
    begins = pb.ExportFilesResponse(total=3)
    fill(Runs(tmp_path), iter([begins, *file(1), *file(2), manifest(1, 2), *file(3)]))
    figures: dict[str, int] = {}
    seen = []
    for one in told:
        figures |= one
        seen.append((figures.get("completed", 0), figures["total"]))
    assert list(dict.fromkeys(seen)) == [(0, 0), (0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("reconciled", "complete", "code"),
    [(True, True, 0), (False, True, 23), (True, False, 23), (None, True, 23)],
    ids=["adds up", "does not", "is not whole", "does not say"],
)
def test_counts_that_do_not_add_up_with_the_store_end_with_a_code_of_their_own(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    reconciled: bool | None,
    complete: bool,
    code: int,
) -> None:
    """Of the first run of two: the second one does."""
    for number, last, adds_up in ((1, False, reconciled), (2, complete, True)):
        run = Runs.read(tmp_path).new()
        answer = manifest(number, complete=last)
        said = json.loads(answer.manifest)
        said["facts"] |= {"files_stored": 2, "reconciled": adds_up}
        take(
            run,
            *file(number),
            pb.ExportFilesResponse(manifest=json.dumps(said).encode(), note=NOTE, complete=last),
        )
    runs = Runs.read(tmp_path)
    ended = 0
    try:
        tell(runs, as_json=True)
    except typer.Exit as stopped:
        ended = stopped.exit_code
    shown = capsys.readouterr()
    assert ended == code and ("do not add up" in shown.err) == (code == 23)
    figures = json.loads(shown.out)
    assert (figures["files"], figures["files_stored"]) == (2, 4)
    assert figures["reconciled"] is (code == 0)
