"""Records of any content, valid or not, for properties that hold for all of them."""

from datetime import UTC

from hypothesis import strategies as st

from vault.records import (
    AccountParty,
    AccountStatement,
    Address,
    AddressKind,
    Channel,
    ChannelKind,
    Customer,
    Direction,
    DocumentKind,
    ElementSource,
    ElementSourceKind,
    Exchange,
    IdentityDocument,
    IdentityElement,
    Instrument,
    LegalEntity,
    Money,
    NaturalPerson,
    RelatedPerson,
    Relationship,
    RiskClass,
    Sensitivity,
    Sex,
    SoleTrader,
    Transaction,
    TransactionStatus,
)

# Anything a proto string can hold, and what tends to break text handling.
texts = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text(alphabet="张欧阳abZX019+*•× @.-·/\n\u200b\u202e\u3000é\u0301<", max_size=20),
    st.sampled_from(
        [
            "+8613800138000",
            "4111111111111111",
            "11010519491231002X",
            "a@b.cn",
            "欧阳修",
            "X",
            "XXXX",
        ]
    ),
)
dates = st.none() | st.dates()
elements = st.builds(
    IdentityElement, st.sampled_from(DocumentKind), texts, texts, dates, dates, st.booleans()
)
people = st.builds(
    NaturalPerson, texts, texts, st.sampled_from(Sex), texts, dates, texts, st.none() | elements
)
related = st.builds(
    RelatedPerson, texts, st.none() | elements, st.integers(-(2**31), 2**31), texts, texts
)
some_related = st.lists(related, max_size=2).map(tuple)
entities = st.builds(
    LegalEntity,
    texts,
    texts,
    texts,
    texts,
    texts,
    texts,
    st.none() | elements,
    st.none() | related,
    some_related,
    some_related,
    some_related,
)
traders = st.builds(SoleTrader, st.none() | people, texts, st.none() | elements, texts)
addresses = st.builds(
    Address, st.sampled_from(AddressKind), texts, texts, texts, texts, texts, texts
)
some_texts = st.lists(texts, max_size=3).map(tuple)
relationships = st.builds(Relationship, dates, dates, some_texts, some_texts, texts, dates)
sources = st.builds(
    ElementSource,
    texts,
    st.sampled_from(ElementSourceKind),
    texts,
    texts,
    st.none() | st.datetimes(timezones=st.just(UTC)),
    texts,
)
customers = st.builds(
    Customer,
    texts,
    texts,
    st.sampled_from(RiskClass),
    st.none() | people,
    st.none() | entities,
    st.none() | traders,
    some_texts,
    some_texts,
    st.lists(addresses, max_size=2).map(tuple),
    some_texts,
    texts,
    st.lists(st.sampled_from(Sensitivity), max_size=3).map(tuple),
    st.none() | relationships,
    st.lists(sources, max_size=2).map(tuple),
    dates,
    texts,
)
documents = st.builds(
    IdentityDocument,
    st.sampled_from(DocumentKind),
    texts,
    texts,
    texts,
    texts,
    dates,
    dates,
    st.booleans(),
    texts,
    texts,
)
currencies = st.sampled_from(["CNY", "JPY", "KWD", "CLF", "XAU", "ZZZ", ""])
money = st.builds(
    Money, currencies, st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1)
)
parties = st.builds(AccountParty, texts, texts, texts, texts, texts, texts)
transactions = st.builds(
    Transaction,
    institution_reference=texts,
    end_to_end_reference=texts,
    booking_time=st.datetimes(timezones=st.just(UTC)),
    time_zone=texts,
    value_date=dates,
    amount=money,
    direction=st.sampled_from(Direction),
    exchange=st.none() | st.builds(Exchange, texts, money),
    account=parties,
    counterparty=st.none() | parties,
    instrument=st.sampled_from(Instrument),
    channel=st.builds(Channel, st.sampled_from(ChannelKind), texts, texts, texts, texts, texts),
    purpose_code=texts,
    remittance_text=texts,
    agent=st.none() | related,
    status=st.sampled_from(TransactionStatus),
    corrects=texts,
    reverses=texts,
    vouchers=some_texts,
    sequence_number=st.integers(0, 2**63 - 1),
    balance_after=st.none() | money,
    statement=st.none()
    | st.builds(
        AccountStatement,
        texts,
        st.integers(0, 2**63 - 1),
        st.none() | money,
        st.none() | money,
    ),
)
