"""The register of requests: filed, looked at, listed, and given a longer time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.records import new_ulid
from vault.rules.erasure import Erasure
from vault.rules.subjects import RequestKind
from vault.services import sealer
from vault.services.call import Call
from vault.services.errors import Aborted, FieldViolation, InvalidArgument, NotFound
from vault.services.outcomes import Outcome as Filed
from vault.services.outcomes import Stored, only
from vault.services.replays import Replays
from vault.services.replays import Request as Sent
from vault.services.subjects.erasing import Erasing
from vault.services.subjects.errors import RequestStage
from vault.services.subjects.ground import (
    SAID,
    SubjectGround,
    etag_of,
    jurisdictions_of,
    who,
)
from vault.services.subjects.rows import Request, RequestBody, Said, Words, from_row, name_of
from vault.store import subject_requests
from vault.store.subject_requests import Place, RequestRow

_WINDOW = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A request. `said` is empty where it was not asked for, or was destroyed with the file
    (`words_gone`); `erasure` is what the rules say now, of an open request to erase."""

    request: Request
    today: date
    said: tuple[Said, ...] = field(default=(), repr=False)
    erasure: Erasure | None = None
    words_gone: bool = False

    @property
    def etag(self) -> str:
        """Tag of its state."""
        return etag_of(self.request)

    @property
    def overdue(self) -> bool:
        """Whether it should have been answered before today."""
        return not self.request.closed and self.request.due_on < self.today


class Register:
    """Raises NotFound, Shredded, OwnFile, OutsideScope, Merged; StoreUnavailable, KmsUnavailable,
    LogUnavailable from below."""

    def __init__(self, ground: SubjectGround, erasing: Erasing) -> None:
        self._on = ground
        self._erasing = erasing
        self._replays = Replays(ground.database)

    async def file(
        self,
        call: Call,
        institution: str,
        customer: str,
        kind: RequestKind,
        received: date,
        text: str,
        sent: Sent,
    ) -> Shown:
        """Enter what a person asked, in his words, on the day it came in: once, however often the
        same request is sent. Also raises RequestIdReused."""
        on = self._on
        await on.may(call, institution, customer)
        fingerprint = (await on.keys.index(institution)).fingerprint(sent.body)

        async def carry_out() -> list[Filed]:
            one, words = await self._begun(call, institution, customer, kind, received, text)
            record = f"subjectRequests/{one.identifier}"
            filed = Stored(customer, record, one.version, etag_of(one), one.recorded_at)

            def keep(conn: Connection) -> None:
                self._replays.guard(conn, call, institution, sent)
                self._replays.keep(
                    conn, call, institution, sent, fingerprint, [filed], one.recorded_at
                )

            await on.write(call, one, words, keep)
            return [filed]

        filed = only(await self._replays.once(call, institution, sent, fingerprint, carry_out))
        return await self._as_filed(call, institution, filed)

    async def _begun(
        self,
        call: Call,
        institution: str,
        customer: str,
        kind: RequestKind,
        received: date,
        text: str,
    ) -> tuple[Request, Words]:
        on = self._on
        on.merges.require_apart(institution, customer)
        value = (await on.file(institution, customer)).value
        now = on.clock.now_micros()
        today = sealer.utc_day(now)
        # Where the day has begun already it may be tomorrow here.
        if received > today + timedelta(days=1):
            raise InvalidArgument([_to_come()])
        where = jurisdictions_of(value, on.jurisdictions)
        deadline = on.limits.deadline(kind, where, received)
        if deadline is None:
            raise InvalidArgument([_no_limit()])
        one = Request(
            institution,
            customer,
            new_ulid(now // 1000),
            1,
            kind,
            deadline.due,
            now,
            RequestBody(
                received.isoformat(),
                who(call),
                now,
                deadline.by.label,
                deadline.by.source,
                deadline.by.article,
                longest=deadline.extended.isoformat() if deadline.extended else "",
            ),
        )
        return one, Words(text)

    async def _as_filed(self, call: Call, institution: str, filed: Stored) -> Shown:
        """A request as it was when it was entered, whatever has become of it since."""
        identifier = filed.record.rpartition("/")[2]
        row = await self._on.database.read(
            lambda conn: subject_requests.version(
                conn, institution, filed.customer, identifier, filed.version
            )
        )
        if row is None:
            raise NotFound(name_of(institution, filed.customer, identifier))
        one = from_row(row)
        said = await self._on.said(one)
        if call.repeated:
            call.touched(fields=(SAID,))
        first = tuple(each for each in said or () if each.version == filed.version)
        return Shown(one, self._today(), first, words_gone=said is None)

    async def get(self, call: Call, institution: str, customer: str, identifier: str) -> Shown:
        """A request with what was said, and of an open one to erase what the rules say now."""
        one = await self._on.find(call, institution, customer, identifier)
        return await self.shown(one)

    async def shown(self, one: Request) -> Shown:
        """A request as it stands, for who may see it."""
        erasure = None
        if one.kind is RequestKind.ERASURE and not one.closed:
            erasure = await self._erasing.judge(one.institution, one.customer)
        said = await self._on.said(one)
        return Shown(one, self._today(), said or (), erasure, words_gone=said is None)

    async def page(
        self,
        call: Call,
        institution: str,
        *,
        customer: str = "",
        closed: bool,
        after: Place | None,
        limit: int,
    ) -> list[Shown]:
        """Requests without what was said: open ones first, the one that is due first in front."""
        call.require(ActionClass.SUBJECT, institution)
        on, found, today = self._on, list[Shown](), self._today()
        wanted = sorted(on.kin(institution, customer)) if customer else []
        while len(found) < limit:
            rows = await on.database.read(
                lambda conn, after=after: subject_requests.page(  # type: ignore[misc]  # a default, not a parameter
                    conn, institution, customers=wanted, closed=closed, after=after, limit=_WINDOW
                )
            )
            hidden = await self._hidden(call, institution, rows)
            found += [Shown(from_row(row), today) for row in rows if row.customer not in hidden]
            if len(rows) < _WINDOW:
                break
            last = rows[-1]
            after = (last.closed, last.due_on, last.customer, last.request)
        return found[:limit]

    async def _hidden(
        self, call: Call, institution: str, rows: Sequence[RequestRow]
    ) -> frozenset[str]:
        """The customers of rows of whom who calls is not told, since a file that is theirs is out
        of his reach, or his own."""
        on = self._on
        kin = {row.customer: on.kin(institution, row.customer) for row in rows}
        every = [one for some in kin.values() for one in some]
        closed = await on.reach.outside(call.scope, institution, every) | call.close_files
        return frozenset(one for one, some in kin.items() if some & closed)

    async def extend(
        self, call: Call, institution: str, customer: str, identifier: str, etag: str, text: str
    ) -> Shown:
        """Take the longer time that the rule allows, and tell the person why: once, and before the
        first time is over (GDPR art. 12(3))."""
        one = await self._on.find(call, institution, customer, identifier)
        require_open(one, etag)
        if not one.body.longest:
            raise RequestStage(
                f"the rule {one.body.limit} allows no longer time",
                f"规则 {one.body.limit} 不允许延期",
            )
        if one.body.extended:
            raise RequestStage("a longer time was taken already", "已延期一次")
        now = self._on.clock.now_micros()
        if sealer.utc_day(now) > one.due_on:
            raise RequestStage(
                "the time to answer is over, and a longer one is told within it",
                "答复期限已过；延期须在期限内告知",
            )
        made = one.next(now, extended=True, due_on=date.fromisoformat(one.body.longest))
        await self._on.write(call, made, Words(text))
        return await self.shown(made)

    def _today(self) -> date:
        return sealer.utc_day(self._on.clock.now_micros())


def require_open(one: Request, etag: str) -> None:
    """Make sure that a request is the one that was seen, and open. Raises Aborted, RequestStage."""
    if one.closed:
        raise RequestStage("the request is closed", "该请求已结案")
    if etag != etag_of(one):
        raise Aborted(one.name)


def _to_come() -> FieldViolation:
    return FieldViolation(
        "receive_date",
        "FUTURE_DATE",
        "is still to come; give the day on which the request came in",
        "尚未到来；请填写收到请求的日期",
    )


def _no_limit() -> FieldViolation:
    return FieldViolation(
        "receive_date",
        "NO_RULE",
        "is before any rule of when such a request is answered; see vault/rules/data/subjects",
        "早于任何答复期限规则的生效日期；参见 vault/rules/data/subjects",
    )
