"""Rows with made-up sealed bytes; the store does not look into them."""

from vault.store.check_outs import CheckOutRow
from vault.store.rows import CustomerRow, DocumentRow, TransactionRow


def customer(
    customer: str = "c1", version: int = 1, *, institution: str = "demo", at: int = 1_000
) -> CustomerRow:
    mark = f"{institution}/{customer}/{version}".encode()
    return CustomerRow(institution, customer, version, at, "backend", b"S:" + mark, b"M:" + mark)


def document(
    document: str = "d1",
    version: int = 1,
    *,
    customer: str = "c1",
    institution: str = "demo",
    at: int = 1_000,
) -> DocumentRow:
    mark = f"{institution}/{customer}/{document}/{version}".encode()
    return DocumentRow(
        institution, customer, document, version, at, "backend", b"S:" + mark, b"M:" + mark
    )


def transaction(
    transaction: str = "t1", *, customer: str = "c1", institution: str = "demo", at: int = 1_000
) -> TransactionRow:
    mark = f"{institution}/{customer}/{transaction}".encode()
    return TransactionRow(
        institution,
        customer,
        transaction,
        "transactions/2026",
        at,
        "backend",
        b"S:" + mark,
        b"M:" + mark,
    )


def check_out(
    check_out: str = "o1", version: int = 1, *, customer: str = "c1", institution: str = "demo"
) -> CheckOutRow:
    return CheckOutRow(
        institution=institution,
        check_out=check_out,
        version=version,
        customer=customer,
        requester="teller",
        person="p-teller",
        stage="ACTIVE",
        decide_by=1,
        ends_at=2,
        recorded_at=3,
        recorded_by="teller",
        body=b"{}",
        sealed=b"s",
    )
