"""Receipts: each proves its own event's place in a batch that the node's key signed."""

import asyncio
import os
import re
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.events import event
from tests.support.log_keys import ORIGIN, clock, receipt_signers, sequencer
from vault.audit import AuditLog, LogUnavailable, encode
from vault.audit.merkle import Frontier, leaf_hash
from vault.audit.reader import read
from vault.audit.receipts import ReceiptInvalid, ReceiptWriter, verify_receipt
from vault.audit.signers import Signers
from vault.kms.signing import Purpose, retire_signing_keys, rotate_signing_keys
from vault.store import Database, log_tree

PROMISE = 60_000_000


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    return receipt_signers(tmp_path_factory.mktemp("keys"))


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def write(signers: Signers, hashes: list[bytes], first: int = 0) -> list[bytes]:
    return ReceiptWriter(signers, PROMISE).write(hashes, first, range(len(hashes)), 1_000_000)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 70), first=st.integers(0, 10**12))
def test_every_receipt_of_a_batch_verifies_and_names_its_own_leaf(
    signers: Signers, size: int, first: int
) -> None:
    hashes = [leaf_hash(b"%d" % n) for n in range(size)]
    root = Frontier.empty().append(hashes).root()
    for n, data in enumerate(write(signers, hashes, first)):
        receipt = verify_receipt(data, signers.verifiers(), ORIGIN)
        assert (receipt.index, receipt.leaf_hash) == (first + n, hashes[n])
        assert (receipt.batch_first, receipt.batch_size, receipt.batch_root) == (first, size, root)
        assert (receipt.committed_at, receipt.provable_by) == (1_000_000, 61_000_000)


def test_a_receipt_with_any_bit_flipped_does_not_verify(signers: Signers) -> None:
    """Exhaustive, over a receipt from a batch of five."""
    data = write(signers, [leaf_hash(b"%d" % n) for n in range(5)], 7)[2]
    verify_receipt(data, signers.verifiers(), ORIGIN)
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(ReceiptInvalid):
            verify_receipt(bytes(changed), signers.verifiers(), ORIGIN)


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (rb"index 8", b"index 9"),
        (rb"index 8", b"index 08"),
        (rb"leaf \S+", b"leaf " + b"A" * 43 + b"="),
        (rb"1970-01-01T00:01:01", b"1970-01-01T00:09:01"),
        (rb"\n5\n", b"\n6\n"),
        (rb"receipt/v1", b"receipt/v2"),
    ],
)
def test_a_receipt_that_says_something_else_does_not_verify(
    signers: Signers, pattern: bytes, instead: bytes
) -> None:
    data = write(signers, [leaf_hash(b"%d" % n) for n in range(5)], 7)[1]
    changed = re.sub(pattern, instead, data, count=1)
    assert changed != data
    with pytest.raises(ReceiptInvalid):
        verify_receipt(changed, signers.verifiers(), ORIGIN)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff", b"recordsvault-receipt/v1\n\n", b"x" * 99])
def test_what_is_no_receipt_is_told_from_one(signers: Signers, data: bytes) -> None:
    with pytest.raises(ReceiptInvalid):
        verify_receipt(data, signers.verifiers(), ORIGIN)


def test_a_receipt_of_another_vault_does_not_verify(signers: Signers, tmp_path: Path) -> None:
    data = write(receipt_signers(tmp_path), [leaf_hash(b"x")])[0]
    with pytest.raises(ReceiptInvalid, match="no signature of a known key"):
        verify_receipt(data, signers.verifiers(), ORIGIN)
    with pytest.raises(ReceiptInvalid):
        verify_receipt(write(signers, [leaf_hash(b"x")])[0], signers.verifiers(), "other.bank/log")


def test_both_keys_sign_during_a_rotation(tmp_path: Path) -> None:
    signers = receipt_signers(tmp_path)
    (old,) = signers.verifiers()
    rotate_signing_keys(tmp_path, Purpose.RECEIPT)
    data = write(signers, [leaf_hash(b"x")])[0]
    for key in signers.verifiers():
        verify_receipt(data, [key], ORIGIN)
    retire_signing_keys(tmp_path, Purpose.RECEIPT)
    later = write(signers, [leaf_hash(b"x")])[0]
    verify_receipt(later, signers.verifiers(), ORIGIN)
    with pytest.raises(ReceiptInvalid):
        verify_receipt(later, [old], ORIGIN)


def test_a_receipt_of_the_largest_batch_leaves_room_for_a_status(signers: Signers) -> None:
    """What gRPC clients take of metadata is 8 KiB; vault.rpc.errors reckons with 900 bytes."""
    hashes = [leaf_hash(os.urandom(8)) for _ in range(512)]
    first = 10**12
    assert max(map(len, write(signers, hashes, first))) < 900


# -- from the log ----------------------------------------------------------------------------


def test_the_log_gives_every_call_the_receipt_of_its_event(
    database: Database, tmp_path: Path
) -> None:
    signers = receipt_signers(tmp_path)
    got: dict[str, bytes] = {}

    async def main() -> None:
        log = AuditLog(database, clock, receipts=ReceiptWriter(signers, PROMISE))
        await log.start()
        before = clock()

        async def one(name: str) -> None:
            def keep(receipt: bytes) -> None:
                got[name] = receipt

            if name.startswith("w"):
                await log.commit(lambda _: name, lambda n: [event(f"{n}-"), event(n)], receive=keep)
            else:
                await log.record(event(name), receive=keep)

        await one("first")
        await asyncio.gather(*[one(f"{'rw'[n % 2]}{n}") for n in range(50)])
        with pytest.raises(ZeroDivisionError):
            await log.commit(lambda _: 1 // 0, lambda _: [event("never")], receive=print)
        await log.stop()
        for data in got.values():
            receipt = verify_receipt(data, signers.verifiers(), ORIGIN)
            assert before <= receipt.committed_at <= clock()

    run(main)
    stored = database.read_sync(lambda c: read(c, 0, 1_000)).events
    assert len(got) == 51
    for name, data in got.items():
        receipt = verify_receipt(data, signers.verifiers(), ORIGIN)
        # A call of several events: the last one's.
        assert stored[receipt.index].leaf == encode(event(name))
        # And the batch's root is that of the events that stand there.
        end = receipt.batch_first + receipt.batch_size
        hashes = [leaf_hash(e.leaf) for e in stored[receipt.batch_first : end]]
        assert Frontier.empty().append(hashes).root() == receipt.batch_root


def test_what_a_receipt_promises_is_proved_in_time(database: Database, tmp_path: Path) -> None:
    signers = receipt_signers(tmp_path)
    one = sequencer(database, tmp_path, interval=0.2)
    got: list[bytes] = []

    async def main() -> None:
        log = AuditLog(database, clock, receipts=ReceiptWriter(signers, PROMISE))
        await log.start()
        await log.record(event("e"), receive=got.append)
        await log.stop()

    one.start()
    try:
        run(main)
        receipt = verify_receipt(got[0], signers.verifiers(), ORIGIN)
        while database.read_sync(log_tree.latest) is None:
            assert clock() < receipt.provable_by
            time.sleep(0.02)
    finally:
        one.stop()


def test_without_a_receipt_there_is_no_answer(database: Database, tmp_path: Path) -> None:
    """The event stands, so the caller is told that the outcome is not known."""

    class Broken(Signers):
        def sign(self, text: str) -> bytes:
            raise OSError("no key")

    signers = receipt_signers(tmp_path)
    broken = Broken(signers._keys, signers.name, clock)

    async def main() -> None:
        log = AuditLog(database, clock, receipts=ReceiptWriter(broken, PROMISE))
        await log.start()
        with pytest.raises(LogUnavailable) as caught:
            await log.record(event("e"))
        assert caught.value.outcome_unknown
        log._receipts = ReceiptWriter(signers, PROMISE)
        await log.record(event("later"))
        await log.stop()

    run(main)
    assert len(database.read_sync(lambda c: read(c, 0, 10)).events) == 2
