"""The bytes of an event: fixed, complete, bounded, and readable by tomorrow's and today's tools."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import event
from vault.audit import (
    AuditEvent,
    Decision,
    EventTooLarge,
    EventUnreadable,
    Phase,
    RowHash,
    decode,
    encode,
    split_rows,
)
from vault.audit.event import MAX_EVENT_BYTES, format_time, parse_time

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
texts = st.lists(text, max_size=3).map(tuple)
# Years 1 to 9999, which RFC 3339 can write.
times = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
events = st.builds(
    AuditEvent,
    event_id=text,
    time=times,
    tier=text,
    action=text,
    phase=st.sampled_from(Phase),
    institution=text,
    customer=text,
    resource=text,
    actor=text,
    workload=text,
    on_behalf_of=text,
    roles=texts,
    purpose=text,
    case_reference_commitment=st.binary(max_size=33),
    decision=st.sampled_from(Decision),
    policies=texts,
    outcome=text,
    reason=text,
    fields=texts,
    rows=st.lists(st.builds(RowHash, text, st.binary(min_size=32, max_size=32)), max_size=3).map(
        tuple
    ),
    resources=texts,
    count=st.integers(0, 2**63 - 1),
    peer=text,
    request_id=text,
    call_id=text,
    oracle_kind=text,
    check_out=text,
    person=text,
    part=st.integers(0, 100),
    parts=st.integers(0, 100),
)


@given(events)
def test_every_field_comes_back_from_the_bytes(original: AuditEvent) -> None:
    assert decode(encode(original)) == original


@given(events)
def test_the_bytes_are_plain_json_without_empty_values(original: AuditEvent) -> None:
    data = json.loads(encode(original).decode("utf-8"))
    assert next(iter(data)) == "v"
    assert data["v"] == 1
    for name, value in data.items():
        if name not in {"event_id", "tier", "action"}:
            assert value not in ("", [], 0), name


def test_the_generator_above_knows_every_field_of_an_event() -> None:
    """A field that was added to the event and forgotten in its bytes must fail a test."""
    everything = AuditEvent(
        event_id="e",
        time=1,
        tier="full",
        action="a",
        phase=Phase.CLOSED,
        institution="i",
        customer="c",
        resource="r",
        actor="p",
        workload="w",
        on_behalf_of="o",
        roles=("r",),
        purpose="p",
        case_reference_commitment=b"c",
        decision=Decision.DENIED,
        policies=("p",),
        outcome="OK",
        reason="r",
        fields=("f",),
        rows=(RowHash("n", bytes(32)),),
        resources=("r",),
        count=1,
        peer="p",
        request_id="r",
        call_id="c",
        oracle_kind="k",
        check_out="b",
        person="q",
        part=1,
        parts=2,
    )
    for field in fields(AuditEvent):
        assert getattr(everything, field.name) != field.default
    data = json.loads(encode(everything))
    assert set(data) == {f.name for f in fields(AuditEvent)} | {"v"}


def test_the_bytes_of_version_1_do_not_change() -> None:
    """These bytes are hashed for ever: a change of order, names or spelling breaks every log."""
    written = encode(
        event(
            phase=Phase.OPENED,
            rows=(RowHash("institutions/demo/customers/c@1", bytes(range(224, 256))),),
            case_reference_commitment=b"\xff\xee",
            count=2,
        )
    )
    assert written == (
        b'{"v":1,"event_id":"01j0000000000000000000000a","time":"2026-01-01T00:00:00.123456Z",'
        b'"tier":"masked","action":"masked.customers.get","decision":"allowed","phase":"opened",'
        b'"resource":"institutions/demo/customers/01j0000000000000000000000b","actor":"crm",'
        b'"workload":"spiffe://demo/crm","roles":["crm_viewer"],'
        b'"case_reference_commitment":"_-4","policies":["crm-view"],"outcome":"OK","count":2,'
        b'"peer":"ipv4:127.0.0.1:44000",'
        b'"rows":[["institutions/demo/customers/c@1",'
        b'"4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8"]]}'
    )


def test_what_a_resource_name_says_is_not_repeated_and_comes_back() -> None:
    name = f"institutions/demo/customers/{'c' * 26}/transactions/{'t' * 26}"
    told = event(institution="demo", customer="c" * 26, resource=name, phase=Phase.CALL)
    data = json.loads(encode(told))
    assert not {"institution", "customer", "phase"} & set(data)
    assert decode(encode(told)) == told


def test_an_institution_or_customer_that_the_resource_does_not_name_is_written() -> None:
    for told in (
        event(institution="demo", customer="c" * 26, resource=""),
        event(institution="demo", customer="c" * 26, resource="institutions/demo"),
        event(institution="demo", customer="", resource="institutions/other"),
    ):
        assert decode(encode(told)) == told


def test_fields_of_tomorrow_are_passed_over() -> None:
    data = json.loads(encode(event()))
    data |= {"v": 2, "device": {"id": "x"}, "receipt": [1, 2]}
    assert decode(json.dumps(data).encode()) == event()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"v":1}',
        encode(event())[:-1],
        encode(event()) + b"x",
        encode(event()).replace(b"allowed", b"perhaps"),
        encode(event()).replace(b".123456Z", b".123456"),
        encode(event()).replace(b"2026-01-01", b"2026-02-30"),
        encode(event(case_reference_commitment=b"abc")).replace(b"YWJj", b"YW*j"),
    ],
)
def test_bytes_that_are_no_event_are_refused(data: bytes) -> None:
    with pytest.raises(EventUnreadable):
        decode(data)


@given(times)
def test_a_time_keeps_its_microseconds(micros: int) -> None:
    written = format_time(micros)
    assert len(written) == 27
    assert written.endswith("Z")
    assert parse_time(written) == micros


def test_times_are_written_as_rfc_3339_has_them() -> None:
    assert format_time(0) == "1970-01-01T00:00:00.000000Z"
    assert format_time(-1) == "1969-12-31T23:59:59.999999Z"
    # RFC 3339, section 5.8: the same instant in two zones.
    assert parse_time("1996-12-19T16:39:57-08:00") == parse_time("1996-12-20T00:39:57Z")


def test_an_event_may_fill_its_limit_and_not_exceed_it() -> None:
    room = MAX_EVENT_BYTES - len(encode(event(reason="x"))) + 1
    assert len(encode(event(reason="x" * room))) == MAX_EVENT_BYTES
    with pytest.raises(EventTooLarge):
        encode(event(reason="x" * (room + 1)))
    with pytest.raises(EventTooLarge):
        split_rows(event(reason="x" * (room + 1)))


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=2000)


@given(
    resources=st.lists(names, max_size=80).map(tuple),
    rows=st.lists(st.builds(RowHash, names, st.just(bytes(32))), max_size=80).map(tuple),
    repeat=st.integers(1, 8),
)
def test_a_split_event_loses_nothing_and_every_part_fits(
    resources: tuple[str, ...], rows: tuple[RowHash, ...], repeat: int
) -> None:
    whole = event(resources=resources * repeat, rows=rows * repeat, count=7)
    parts = split_rows(whole)
    assert all(len(encode(part)) <= MAX_EVENT_BYTES for part in parts)
    assert sum((part.resources for part in parts), ()) == whole.resources
    assert sum((part.rows for part in parts), ()) == whole.rows
    if len(parts) == 1:
        assert parts == (whole,)
    else:
        assert [(p.part, p.parts) for p in parts] == [
            (i, len(parts)) for i in range(1, len(parts) + 1)
        ]
        bare = replace(whole, resources=(), rows=())
        assert {replace(p, resources=(), rows=(), part=0, parts=0) for p in parts} == {bare}


def test_a_single_row_that_cannot_fit_is_refused() -> None:
    with pytest.raises(EventTooLarge):
        split_rows(event(rows=(RowHash("n" * 70_000, bytes(32)),)))


def test_five_hundred_transactions_make_a_few_events() -> None:
    rows = tuple(
        RowHash(f"institutions/demo/customers/{'c' * 26}/transactions/{i:026}", bytes(32))
        for i in range(500)
    )
    assert [len(p.rows) for p in split_rows(event(rows=rows))] == [449, 51]
