"""The certificate of a disposal: a signed note (C2SP signed-note) in the name of `<origin>/access`,
whose digest an event of the log names, and the proof that the event is in the log.

    demo.bank/log/access
    recordsvault certificate of disposal v1
    institution demo-bank
    disposal 01kaz0...
    plan <sha256 of the plan, hexadecimal>
    day 2036-07-02                  of which the rules were asked
    planned 2036-07-02T01:02:03Z by <principal>
    agreed 2036-07-02T02:00:00Z by <principal>
    finished 2036-07-02T03:00:00Z
    destroyed 12                    scopes and records of the plan that went
    passed-over 1                   those that were not due any more, or kept, when their turn came
    rows 3481                       that were taken away
    keys-final 2036-08-06           from then on no backup of the key store has their keys
    rows-final 2046-07-02           from then on no backup of the data has the rows

Until `keys-final` a backup of the key store opens, together with one of the data, what was
destroyed; until `rows-final` single transactions that were removed before the rest of their scope
(their file key lives on) stand in backups of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vault.access.proposals import Proposal
from vault.services.retention.disposal_rows import Disposal


@dataclass(frozen=True, slots=True)
class BackupDays:
    """For how many days backups are kept, of the key store and of the data."""

    keys: int
    data: int


def lines_of(one: Disposal, agreed: Proposal, days: BackupDays) -> tuple[str, ...]:
    """What is certified of a disposal that is done."""
    body = one.body
    finished = datetime.fromtimestamp(body.finished_at / 1_000_000, UTC)
    return (
        f"institution {one.institution}",
        f"disposal {one.identifier}",
        f"plan {body.sha256}",
        f"day {body.day}",
        f"planned {_time(body.planned_at)} by {body.planned_by}",
        f"agreed {_time(agreed.decided_at)} by {agreed.decided_by}",
        f"finished {_time(body.finished_at)}",
        f"destroyed {body.gone}",
        f"passed-over {body.passed}",
        f"rows {body.rows}",
        f"keys-final {(finished + timedelta(days=days.keys + 1)).date().isoformat()}",
        f"rows-final {(finished + timedelta(days=days.data + 1)).date().isoformat()}",
    )


def _time(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
