"""The accounts service: a customer's transactions searched, and an account added up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask
from google.type import money_pb2

from recordsvault.accounts.v1 import accounts_pb2 as pb
from vault.access import Action
from vault.records import CustomerName, Money, first_ulid
from vault.records.accounts import AccountFinding, AccountReport, AccountSum, StatementSum
from vault.rpc.masks import revealed
from vault.rpc.methods import Method, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.reads import Lending, relative, shown
from vault.rpc.servicers.resources import TRANSACTION
from vault.rpc.servicers.targets import with_purpose
from vault.rpc.translate.common import from_money, to_millis, to_money
from vault.services.accounts import Accounts, Wanted
from vault.services.call import Call
from vault.services.period import Period

_MOST: Final = 1_000
# What a check shows of the entries, as a sum or in a finding.
_CHECKED: Final = (
    "account.account",
    "amount",
    "balance_after",
    "booking_time",
    "direction",
    "sequence_number",
    "statement",
    "status",
)
_TARGET: Final = with_purpose(target_of_parent, "parent")
_KINDS: Final = {
    value.name.removeprefix("ACCOUNT_FINDING_KIND_"): value.number
    for value in pb.DESCRIPTOR.enum_types_by_name["AccountFindingKind"].values
}


@dataclass(frozen=True, slots=True)
class AccountUseCases:
    """What the methods are built on."""

    accounts: Accounts
    lending: Lending


def methods(u: AccountUseCases) -> dict[str, Method]:
    """The methods by full path."""
    service = pb.DESCRIPTOR.services_by_name["Accounts"]
    return table(service, {"SearchTransactions": _search(u), "CheckAccount": _check(u)})


@dataclass(frozen=True, slots=True, repr=False)
class _Search:
    request: Any
    customer: CustomerName
    wanted: Wanted
    after: str


def _search(u: AccountUseCases) -> Unary:
    def prepare(request: Any, problems: Problems) -> _Search | None:
        after = read_token(request, request.page_token, problems)
        least = _bound(request, "least_amount", problems)
        greatest = _bound(request, "greatest_amount", problems)
        if least is not None and greatest is not None and least.currency != greatest.currency:
            problems.add(
                "greatest_amount.currency_code",
                "CONTRADICTION",
                "must be the currency of the least amount",
                "须与最小金额的币种一致",
            )
        if problems:
            return None
        wanted = Wanted(
            least,
            greatest,
            request.counterparty.strip(),
            request.reference.strip(),
            request.account_number,
        )
        return _Search(request, CustomerName.parse(request.parent), wanted, after)

    async def handle(call: Call, search: _Search) -> pb.SearchTransactionsResponse:
        request, name = search.request, search.customer
        openings = u.lending.openings
        # Else what is found would tell of fields that are not shown.
        openings.require_fields(call, TRANSACTION.field, search.wanted.fields)
        whole = FieldMask()
        cut = openings.cut(call, TRANSACTION.field, whole)
        found = await u.accounts.search(
            call,
            name.institution,
            name.customer,
            search.wanted,
            _period(request),
            search.after,
            page_size(request.page_size),
        )
        records = [shown(TRANSACTION, name.institution, one, cut, whole) for one in found.opened]
        done = replace(
            call.trace,
            fields=revealed(records),
            resources=tuple(map(relative, found.opened)),
            count=len(records),
        )
        await u.lending.finish(call, name.customer, found.opened, done)
        return pb.SearchTransactionsResponse(
            transactions=records,
            next_page_token=make_token(request, found.further) if found.further else "",
            looked_at=found.looked_at,
        )

    return Unary(
        Action.TRANSACTIONS_SEARCH,
        pb.SearchTransactionsRequest,
        _TARGET,
        prepare,
        handle,
    )


def _check(u: AccountUseCases) -> Unary:
    def prepare(request: Any, problems: Problems) -> tuple[CustomerName, str, Period] | None:
        if problems:
            return None
        name = CustomerName.parse(request.parent)
        return name, request.account_number, _period(request)

    async def handle(
        call: Call, asked: tuple[CustomerName, str, Period]
    ) -> pb.CheckAccountResponse:
        name, account, period = asked
        u.lending.openings.require_fields(call, TRANSACTION.field, _CHECKED)
        report = await u.accounts.check(call, name.institution, name.customer, account, period)
        fields = tuple(f"{TRANSACTION.field}.{path}" for path in _CHECKED) if report.entries else ()
        done = replace(call.trace, fields=fields, count=report.entries)
        await u.lending.finish(call, name.customer, [], done)
        return _answer(report)

    return Unary(Action.ACCOUNTS_CHECK, pb.CheckAccountRequest, _TARGET, prepare, handle)


def _period(request: Any) -> Period:
    low = first_ulid(to_millis(request.booked_from)) if request.HasField("booked_from") else ""
    high = first_ulid(to_millis(request.booked_to)) if request.HasField("booked_to") else "~"
    return Period(low, high)


def _answer(report: AccountReport) -> pb.CheckAccountResponse:
    return pb.CheckAccountResponse(
        entries=report.entries,
        sums=map(_sum, report.sums),
        statements=map(_statement, report.statements[:_MOST]),
        findings=map(_finding, report.findings[:_MOST]),
        finding_count=len(report.findings),
        first_number=report.first,
        last_number=report.last,
    )


def _sum(one: AccountSum) -> pb.AccountSum:
    return pb.AccountSum(
        credits=from_money(one.credits),
        debits=from_money(one.debits),
        opening_balance=_money(one.opening),
        closing_balance=_money(one.closing),
        balanced=one.balanced,
    )


def _statement(one: StatementSum) -> pb.StatementCheck:
    return pb.StatementCheck(
        statement_id=one.statement.statement_id,
        number=one.statement.number,
        entries=one.entries,
        opening_balance=_money(one.statement.opening_balance),
        movements=from_money(one.movements),
        closing_balance=_money(one.statement.closing_balance),
        balanced=one.balanced,
    )


def _finding(one: AccountFinding) -> pb.AccountFinding:
    return pb.AccountFinding(
        kind=_KINDS[one.kind.value],  # type: ignore[arg-type]  # its own numbers
        transaction=one.transaction,
        statement_id=one.statement,
        first_number=one.first,
        last_number=one.last,
        expected=_money(one.expected),
        stated=_money(one.stated),
    )


def _money(money: Money | None) -> money_pb2.Money | None:
    return None if money is None else from_money(money)


def _bound(request: Any, field: str, problems: Problems) -> Money | None:
    if not request.HasField(field):
        return None
    money = to_money(getattr(request, field))
    if not money.currency:
        problems.add(
            f"{field}.currency_code",
            "REQUIRED",
            "must say the currency of the amount",
            "须填写金额的币种",
        )
    return money
