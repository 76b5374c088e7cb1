"""The domain: what a customer, a document and a transaction are, and the pure rules over them.

In come records as frozen types; out go their violations, their masked views, their search terms
and the bytes that get sealed. Identifiers are checked by their own check digits (`identifiers`),
texts and fields by rule (`validation`), masks are data (`masks`), names and ULIDs have one form
each (`names`, `ulid`).

This room imports nothing of ours, does no input or output, keeps no record, and never puts a
value into an error, a repr or a log line.
"""

from vault.records.codec import (
    RecordUndecodable,
    decode_customer,
    decode_document,
    decode_masked_customer,
    decode_masked_document,
    decode_masked_transaction,
    decode_transaction,
    encode_record,
    encode_view,
)
from vault.records.customer import (
    Address,
    Customer,
    IdentityElement,
    LegalEntity,
    NaturalPerson,
    RelatedPerson,
    SoleTrader,
)
from vault.records.document import IdentityDocument
from vault.records.enums import (
    AddressKind,
    ChannelKind,
    CustomerKind,
    Direction,
    DocumentKind,
    Instrument,
    MaskState,
    RiskClass,
    Sensitivity,
    Sex,
    TransactionStatus,
)
from vault.records.index_terms import (
    IndexKind,
    claims,
    customer_terms,
    document_terms,
    normalise,
    transaction_terms,
)
from vault.records.likeness import Likeness, customer_commons, document_commons
from vault.records.names import (
    IDENTITY_SCOPE,
    CheckOutName,
    CustomerName,
    DocumentName,
    InstitutionName,
    InvalidName,
    RecordName,
    TransactionName,
    parse_record_name,
    record_name,
    transaction_scope,
    unix_ms,
)
from vault.records.scopes import Branch, ScopeRef
from vault.records.sensitivity import sensitive
from vault.records.transaction import AccountParty, Channel, Exchange, Money, Transaction
from vault.records.ulid import first_ulid, is_ulid, new_ulid, ulid_ms
from vault.records.views import (
    ABSENT,
    SHREDDED,
    WITHHELD,
    MaskedCustomer,
    MaskedDocument,
    MaskedTransaction,
    MaskedValue,
)

__all__ = [
    "ABSENT",
    "IDENTITY_SCOPE",
    "SHREDDED",
    "WITHHELD",
    "AccountParty",
    "Address",
    "AddressKind",
    "Branch",
    "Channel",
    "ChannelKind",
    "CheckOutName",
    "Customer",
    "CustomerKind",
    "CustomerName",
    "Direction",
    "DocumentKind",
    "DocumentName",
    "Exchange",
    "IdentityDocument",
    "IdentityElement",
    "IndexKind",
    "InstitutionName",
    "Instrument",
    "InvalidName",
    "LegalEntity",
    "Likeness",
    "MaskState",
    "MaskedCustomer",
    "MaskedDocument",
    "MaskedTransaction",
    "MaskedValue",
    "Money",
    "NaturalPerson",
    "RecordName",
    "RecordUndecodable",
    "RelatedPerson",
    "RiskClass",
    "ScopeRef",
    "Sensitivity",
    "Sex",
    "SoleTrader",
    "Transaction",
    "TransactionName",
    "TransactionStatus",
    "claims",
    "customer_commons",
    "customer_terms",
    "decode_customer",
    "decode_document",
    "decode_masked_customer",
    "decode_masked_document",
    "decode_masked_transaction",
    "decode_transaction",
    "document_commons",
    "document_terms",
    "encode_record",
    "encode_view",
    "first_ulid",
    "is_ulid",
    "new_ulid",
    "normalise",
    "parse_record_name",
    "record_name",
    "sensitive",
    "transaction_scope",
    "transaction_terms",
    "ulid_ms",
    "unix_ms",
]
