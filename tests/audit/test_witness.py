"""The witness, by C2SP tlog-witness: what it cosigns, and what it answers to everything else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.witness_log import MemoryLog
from vault.audit.checkpoint import cosignatures, verify_checkpoint
from vault.audit.merkle import Frontier
from vault.audit.note import Signature, parse_note
from vault.audit.witness import (
    AddCheckpoint,
    Cosigner,
    RequestInvalid,
    StateFolder,
    StateUnusable,
    WitnessKey,
    WitnessKeyRefused,
)
from vault.kms import KeyFileRefused

# The example of C2SP tlog-witness (CC-BY-4.0), as published.
PUBLISHED = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501 - as published


class Rig:
    """A witness on a folder, and the log that it knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1_700_000_000
        self.log = MemoryLog.of(folder)
        file = folder / "witness.key"
        self.key = (
            WitnessKey.read(file) if file.exists() else WitnessKey.create(file, "w.example/1")
        )
        self.state = StateFolder(folder / "state")
        self.cosigner = Cosigner(
            self.key,
            {self.log.origin: self.log.signers.verifiers()},
            self.state,
            lambda: self.now,
        )

    def ask(self, body: bytes) -> tuple[int, bytes]:
        answer = self.cosigner.add_checkpoint(body)
        if answer.status == 409:
            assert answer.content_type == "text/x.tlog.size"
        return answer.status.value, answer.body

    def restarted(self) -> "Rig":
        self.state.close()
        return Rig(self.folder)

    def size(self) -> int:
        latest = self.state.latest(self.log.origin)
        return latest.body.size if latest else 0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    tmp_path.chmod(0o700)
    made = Rig(tmp_path)
    yield made
    made.state.close()


def test_the_published_example_is_read_and_written_byte_for_byte() -> None:
    request = AddCheckpoint.parse(PUBLISHED.encode())
    assert (request.old_size, len(request.proof)) == (20852014, 4)
    body = request.checkpoint().body
    assert (body.origin, body.size) == ("example.com/behind-the-sofa", 20852163)
    assert request.encode() == PUBLISHED.encode()


def test_a_growing_log_is_cosigned_at_every_size(rig: Rig) -> None:
    old = 0
    for size in (1, 2, 7, 8, 300):
        status, body = rig.ask(rig.log.request(old, size))
        assert status == 200
        note = rig.log.note(size) + body
        checkpoint = verify_checkpoint(note, rig.log.signers.verifiers(), rig.log.origin)
        (cosignature,) = cosignatures(checkpoint, [rig.key.verifier])
        assert (checkpoint.size, cosignature.time) == (size, rig.now)
        old = size
    assert rig.size() == 300


def test_the_same_checkpoint_is_cosigned_again(rig: Rig) -> None:
    assert rig.ask(rig.log.request(0, 5))[0] == 200
    assert rig.ask(rig.log.request(5, 5))[0] == 200


def test_an_unknown_log_is_404_before_its_signature_is_looked_at(rig: Rig) -> None:
    other = MemoryLog(rig.log.signers, origin="other.bank/log")
    assert rig.ask(other.request(0, 3))[0] == 404


def test_a_checkpoint_of_another_key_is_403_and_foreign_lines_are_passed_over(
    rig: Rig, tmp_path: Path
) -> None:
    others = tmp_path / "others"
    others.mkdir(mode=0o700)
    forged = MemoryLog.of(others)
    assert rig.ask(forged.request(0, 3))[0] == 403
    foreign = parse_note(forged.note(3)).signatures
    both = parse_note(rig.log.note(3)).with_signatures(foreign).encode()
    assert rig.ask(AddCheckpoint(0, (), both).encode())[0] == 200


def test_an_old_size_beyond_the_checkpoint_is_400(rig: Rig) -> None:
    rig.ask(rig.log.request(0, 5))
    assert rig.ask(AddCheckpoint(5, (), rig.log.note(3)).encode())[0] == 400
    assert rig.size() == 5


def test_another_old_size_is_409_with_the_size(rig: Rig) -> None:
    assert rig.ask(AddCheckpoint(2, rig.log.proof(2, 5), rig.log.note(5)).encode()) == (409, b"0\n")
    rig.ask(rig.log.request(0, 5))
    assert rig.ask(rig.log.request(0, 9)) == (409, b"5\n")
    assert rig.ask(rig.log.request(4, 9)) == (409, b"5\n")
    # Also for who would have it go back.
    assert rig.ask(rig.log.request(3, 4)) == (409, b"5\n")
    assert rig.size() == 5


def test_a_wrong_proof_is_422(rig: Rig) -> None:
    rig.ask(rig.log.request(0, 5))
    good = rig.log.proof(5, 9)
    for proof in ((), good[:-1], (*good, good[0]), tuple(reversed(good)), (bytes(32), *good[1:])):
        assert rig.ask(AddCheckpoint(5, proof, rig.log.note(9)).encode())[0] == 422
    assert rig.size() == 5
    assert rig.ask(AddCheckpoint(5, good, rig.log.note(9)).encode())[0] == 200


def test_a_proof_from_nothing_must_be_empty(rig: Rig) -> None:
    assert rig.ask(AddCheckpoint(0, (bytes(32),), rig.log.note(9)).encode())[0] == 422


def test_a_split_view_is_refused_at_the_same_size_and_beyond(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = MemoryLog.of(tmp_path, "b", shared=3)
    assert rig.ask(rig.log.request(0, 8))[0] == 200
    assert rig.ask(other.request(8, 8))[0] == 409
    assert "SPLIT VIEW" in caplog.text
    assert rig.ask(other.request(8, 12))[0] == 422
    assert rig.ask(other.request(3, 12))[0] == 409
    assert rig.ask(rig.log.request(8, 12))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"old 0\n",
        b"old 00\n\n{note}",
        b"old -1\n\n{note}",
        b"old  0\n\n{note}",
        b"new 0\n\n{note}",
        b"old 0\nAAAA\n\n{note}",
        b"old 0\n!\n\n{note}",
        b"old 0\r\n\n{note}",
        b"old 9999999999999999999999\n\n{note}",
        b"old 0\n\n{note}x",
        b"old 0\n\nnothing",
    ],
)
def test_what_is_no_request_is_400(rig: Rig, body: bytes) -> None:
    assert rig.ask(body.replace(b"{note}", rig.log.note(3)))[0] == 400
    assert rig.size() == 0


def test_more_than_63_lines_of_proof_are_no_request(rig: Rig) -> None:
    full = AddCheckpoint(0, (bytes(32),) * 63, rig.log.note(3)).encode()
    assert len(AddCheckpoint.parse(full).proof) == 63
    with pytest.raises(RequestInvalid):
        AddCheckpoint.parse(AddCheckpoint(0, (bytes(32),) * 64, rig.log.note(3)).encode())


def test_the_state_outlives_the_process(rig: Rig) -> None:
    rig.ask(rig.log.request(0, 5))
    again = rig.restarted()
    assert again.ask(again.log.request(0, 9)) == (409, b"5\n")
    assert again.ask(again.log.request(5, 9))[0] == 200
    again.state.close()


def test_nothing_is_signed_that_cannot_be_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.ask(rig.log.request(0, 5))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("vault.audit.witness.state.write_whole", full)
        status, body = rig.ask(rig.log.request(5, 9))
        assert status == 500 and b"w.example" not in body
    assert rig.ask(rig.log.request(5, 9))[0] == 200


@pytest.mark.parametrize("damage", [b"", b"x", b"demo.bank/log\n0\n"])
def test_a_damaged_state_is_not_taken_for_none(rig: Rig, damage: bytes) -> None:
    rig.ask(rig.log.request(0, 5))
    (file,) = (rig.folder / "state").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage)
    assert rig.ask(rig.log.request(0, 5))[0] == 500
    file.write_bytes(whole)
    assert rig.ask(rig.log.request(5, 6))[0] == 200


def test_a_state_has_one_witness(rig: Rig) -> None:
    with pytest.raises(StateUnusable, match="in use"):
        StateFolder(rig.folder / "state")


def test_a_log_that_is_forgotten_begins_anew_and_leaves_its_evidence(
    rig: Rig, tmp_path: Path
) -> None:
    rig.ask(rig.log.request(0, 5))
    aside = rig.state.forget(rig.log.origin)
    assert aside is not None and parse_note(aside.read_bytes()).text.split("\n")[1] == "5"
    assert rig.ask(MemoryLog.of(tmp_path, "b").request(0, 3))[0] == 200
    assert rig.state.forget("unknown/log") is None


def test_a_clock_that_goes_back_does_not_make_a_later_cosignature_older(rig: Rig) -> None:
    rig.ask(rig.log.request(0, 5))
    rig.now -= 1_000
    _, body = rig.ask(rig.log.request(5, 6))
    assert rig.key.verifier.signed_at(Signature.parse(body.decode()[:-1])) == 1_700_000_000


def test_the_key_file_is_read_as_it_was_made_and_only_if_private(rig: Rig) -> None:
    file = rig.folder / "witness.key"
    assert file.read_text().startswith("PRIVATE+KEY+w.example/1+")
    assert WitnessKey.read(file).verifier == rig.key.verifier
    with pytest.raises(KeyFileRefused):
        WitnessKey.create(file, "w.example/1")
    file.chmod(0o644)
    with pytest.raises(KeyFileRefused, match="chmod"):
        WitnessKey.read(file)
    file.chmod(0o600)
    file.write_text("PRIVATE+KEY+w.example/1+00000000+AAAA\n")
    with pytest.raises(WitnessKeyRefused) as refused:
        WitnessKey.read(file)
    assert "AAAA" not in str(refused.value)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 12)), max_size=12),
)
def test_whatever_is_asked_the_cosigned_trees_are_one_history(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[bool, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("witness")
    folder.chmod(0o700)
    rig = Rig(folder)
    logs = {False: rig.log, True: MemoryLog.of(folder, "b", shared=4)}
    signed: list[tuple[int, bytes]] = []
    for other, old, size in asked:
        log = logs[other]
        if rig.ask(log.request(old, size))[0] == 200:
            signed.append((size, log.root(size)))
    rig.state.close()
    assert [size for size, _ in signed] == sorted(size for size, _ in signed)
    assert len(set(signed)) == len({size for size, _ in signed})
    one = all(rig.log.root(size) == root for size, root in signed)
    another = all(logs[True].root(size) == root for size, root in signed)
    assert one or another
    assert Frontier.empty().root() == rig.log.root(0)
