"""What validation, masks and codec cost a record, in microseconds: the best of five rounds.

    python bench/records_micro.py

Bulk import has 100 us a transaction on one core for everything; these have 40 of them.
"""

import timeit
from collections.abc import Callable
from datetime import UTC, date, datetime

from vault.records import (
    AccountParty,
    Channel,
    ChannelKind,
    Direction,
    Instrument,
    Money,
    Transaction,
    TransactionStatus,
    decode_masked_transaction,
    decode_transaction,
    encode_record,
    encode_view,
    new_ulid,
    transaction_scope,
    transaction_terms,
    unix_ms,
)
from vault.records.masks import mask_transaction
from vault.records.validation import validate_transaction

CALLS = 5_000

TRANSACTION = Transaction(
    institution_reference="R2026-000001",
    end_to_end_reference="E2E-2026-77",
    booking_time=datetime(2026, 3, 4, 5, 6, 7, 123456, UTC),
    time_zone="Asia/Shanghai",
    value_date=date(2026, 3, 4),
    amount=Money("CNY", 1250, 500_000_000),
    direction=Direction.DEBIT,
    account=AccountParty(
        "6205500000000000004", "王小明", "ICBKCNBJ", "102100099996", "中国工商银行", "CN"
    ),
    counterparty=AccountParty(
        "DE89370400440532013000", "Erika Mustermann", "COBADEFFXXX", "", "Commerzbank AG", "DE"
    ),
    instrument=Instrument.CREDIT_TRANSFER,
    channel=Channel(ChannelKind.MOBILE, device_id="dev-1", network_address="10.1.2.3"),
    purpose_code="SALA",
    remittance_text="Rechnung 4711",
    status=TransactionStatus.BOOKED,
)


def micros(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=CALLS, repeat=5)) / CALLS * 1e6


def main() -> None:
    assert validate_transaction(TRANSACTION) == ()
    view = mask_transaction(TRANSACTION)
    sealed, masked = encode_record(TRANSACTION), encode_view(view)
    parts: dict[str, Callable[[], object]] = {
        "validate": lambda: validate_transaction(TRANSACTION),
        "mask": lambda: mask_transaction(TRANSACTION),
        "encode record": lambda: encode_record(TRANSACTION),
        "encode view": lambda: encode_view(view),
    }
    others: dict[str, Callable[[], object]] = {
        "identifier and scope": lambda: (
            new_ulid(unix_ms(TRANSACTION.booking_time)),
            transaction_scope(TRANSACTION.booking_time, TRANSACTION.time_zone),
        ),
        "index terms": lambda: transaction_terms(TRANSACTION),
        "decode record": lambda: decode_transaction(sealed),
        "decode view": lambda: decode_masked_transaction(masked),
    }
    spent = {name: micros(call) for name, call in (parts | others).items()}
    for name, cost in spent.items():
        print(f"{name:<22}{cost:8.2f} us")
    print(f"{'validate to encode':<22}{sum(spent[name] for name in parts):8.2f} us")
    print(f"{len(sealed)} bytes a record, {len(masked)} a view")


if __name__ == "__main__":
    main()
