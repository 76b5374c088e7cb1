"""SIGKILL during mixed load, again and again: what was answered stands, and nothing stands half.

`VAULT_SOAK_KILLS` sets how often each database's vault is killed (50 by default), for longer
campaigns.
"""

import os
import random
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from tests.hostile.driving import events, laid_out, opened
from tests.hostile.load import Ledger, Load
from tests.hostile.reckoning import check_answers, check_itself, read_all
from tests.support.databases import PostgresServer
from tests.support.running_vault import RunningVault
from vault.audit.chain import EMPTY, Head, verify
from vault.audit.reader import head, read
from vault.records import parse_record_name
from vault.server.parts import build
from vault.server.settings import TierName, load
from vault.store import schema

KILLS = int(os.environ.get("VAULT_SOAK_KILLS", "50"))
SEED = int(os.environ.get("VAULT_SOAK_SEED", "1"))
# Victims of one kill, and how often.
VICTIMS: list[tuple[list[TierName], int]] = [
    ([TierName.FULL], 5),
    ([TierName.FULL, TierName.MASKED], 4),
    ([TierName.MASKED], 1),
]


def light_check(vault: RunningVault, seen: Head, ledger: Ledger, answered: int) -> Head:
    """The log goes on from where it was, whole; the writes answered since are there.

    The database is opened for this alone: were it held open, a killed SQLite would find its
    shared memory still there, and its recovery would not be tried.
    """

    def look(conn: Connection) -> Head:
        now = head(conn)
        page = read(conn, seen.size, 10**9)
        reached = verify(page.events, seen)
        assert reached.size >= now.size
        for written in ledger.written[answered:]:
            name = parse_record_name(written.name)
            conditions = [schema.customers.c.customer == name.customer]
            if written.version:
                conditions.append(schema.customers.c.version == max(1, written.version))
            if "/documents/" in written.name or "/transactions/" in written.name:
                continue
            count = select(func.count()).select_from(schema.customers).where(*conditions)
            assert conn.execute(count).scalar_one() >= 1, written.name
        return reached

    with opened(vault) as database:
        return database.read_sync(look)


def await_answers(ledger: Ledger, more: int) -> None:
    """Until so many more calls are answered, or for a while: the load finds the server again."""
    wanted = len(ledger.written) + len(ledger.reads) + more
    until = time.monotonic() + 2.0
    while len(ledger.written) + len(ledger.reads) < wanted and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.timeout(60 + 10 * KILLS)
def test_a_vault_killed_again_and_again_keeps_every_answer(
    tmp_path: Path, dialect: str, server: PostgresServer | None
) -> None:
    dice = random.Random(SEED)
    with laid_out(tmp_path, dialect, server) as vault:
        vault.start()
        running = Load(vault, SEED)
        running.start()
        ledger, seen, answered = running.ledger, EMPTY, 0
        killed = 0
        try:
            while killed < KILLS:
                # Sometimes at once: a server that is killed while it comes up.
                if dice.random() < 0.85:
                    await_answers(ledger, dice.randrange(5, 50))
                    time.sleep(dice.random() * 0.05)
                (victims,) = dice.choices([v for v, _ in VICTIMS], [n for _, n in VICTIMS])
                for tier in victims:
                    vault.kill(tier)
                killed += 1
                if dice.random() < 0.5:
                    # What is answered is durable before anybody starts the server again.
                    now = len(ledger.written)
                    seen = light_check(vault, seen, ledger, answered)
                    answered = now
                vault.start(*victims)
        finally:
            running.stop()
        assert ledger.failures == []
        report = (
            f"{killed} kills: {len(ledger.written)} writes, {len(ledger.reads)} reads answered,"
            f" {len(set(ledger.repeated))} writes repeated, {len(ledger.unanswered)} calls lost"
        )
        print(report)
        # The load was real: many answers, and kills that hit calls in flight.
        assert len(ledger.written) > 10 * KILLS, report
        assert len(ledger.reads) > 5 * KILLS, report
        assert len(set(ledger.repeated)) > KILLS // 2, report
        vault.stop()

        parts = build(load(vault.config, TierName.FULL))
        try:
            everything = read_all(parts, events(parts.database))
            check_itself(parts, everything)
            check_answers(parts, everything, ledger)
        finally:
            parts.close()
