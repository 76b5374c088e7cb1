"""`vaultctl checkout` and `break-glass`: asking, deciding on what was shown, and the register."""

from __future__ import annotations

import csv
import html
import io
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from rich.console import Console

from recordsvault.access.v1 import access_pb2 as pb
from tests.cli.conftest import Vaultctl
from tests.clients.fake_lending import CUSTOMER, START, FakeLending
from tests.clients.fake_vault import FakeVault
from tests.support import forked_programs
from vault.cli.vaultctl import checkout_show

ROOT = Path(__file__).parents[2]
SHORT = "customers/01h00000000000000000000000"
NAME, PHONES = "customer.natural_person.full_name", "customer.phones"
HOUR = timedelta(hours=1)
ASK = ("--purpose", "customer_service", "--reason", "Calls back", "--for", "2h")


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's time zone, as the commands show times."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def lending(fake: FakeVault) -> FakeLending:
    """The register, as the custodian Li Wei sees it."""
    fake.lending.caller = "li-wei"
    return fake.lending


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at the terminal and can be asked."""
    monkeypatch.setattr("vault.cli.vaultctl.checkout_options.attended", lambda: True)


# -- asking ----------------------------------------------------------------------------------


def test_what_is_typed_is_what_is_asked_for(fake: FakeVault, vaultctl: Vaultctl) -> None:
    ran = vaultctl(
        *("checkout", "request", SHORT, "--field", "phones,natural_person.full_name"),
        *("--field", "transaction.amount", "--purpose", "regulator_request", "--case", "2026-0117"),
        *("--for", "1h30m", "--one-time", "--reason", "Letter of 1 March"),
    )
    assert ran.code == 0, ran.err
    assert ran.out == "checkOuts/01h00000000000000000000000 waits for custodian.\n"
    (sent,) = fake.called("RequestCheckOut")
    wish = sent.check_out
    assert wish.subject == CUSTOMER
    assert list(wish.fields) == [PHONES, NAME, "transaction.amount"]
    assert wish.duration.ToTimedelta() == timedelta(minutes=90)
    assert (wish.purpose, wish.case_reference, wish.one_time) == (6, "2026-0117", True)
    assert wish.reason == "Letter of 1 March"


def test_a_reason_can_stay_out_of_the_list_of_processes(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    asked = ("checkout", "request", SHORT, "--field", "phones", *ASK[:2], "--for", "2h")
    assert vaultctl(*asked, "--reason", "-", stdin="Calls back\nabout a card\n").code == 0
    assert fake.called("RequestCheckOut")[0].check_out.reason == "Calls back\nabout a card"
    assert vaultctl(*asked, "--reason", "-", stdin="\n").code == 13


def test_a_record_of_a_customer_can_be_asked_for_alone(fake: FakeVault, vaultctl: Vaultctl) -> None:
    one = f"{SHORT}/transactions/01h00000000000000000000009"
    assert vaultctl("checkout", "request", one, "--field", "amount", *ASK).code == 0
    wish = fake.called("RequestCheckOut")[0].check_out
    assert wish.subject == f"institutions/demo-bank/{one}"
    assert list(wish.fields) == ["transaction.amount"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--field", "phones", *ASK[:4]], "Say for how long: --for 30m"),
        (["--field", "phones", *ASK[:4], "--for", "0h"], "--for is no duration"),
        (["--field", "phones", *ASK[:4], "--for", "-1h"], "--for is no duration"),
        (["--field", "phones", *ASK[:4], "--for", "2 hours"], "--for is no duration"),
        (["--field", "phones", *ASK[:4], "--for", "h"], "--for is no duration"),
        (["--field", "phones", *ASK[:2], *ASK[4:]], "Say why"),
        (["--field", "phones", *ASK[2:]], "give --purpose with one of"),
        (["--field", "phones", *ASK[2:], "--purpose", "curiosity"], "CUSTOMER_SERVICE"),
        (["--field", "phons", *ASK], "did you mean phones?"),
        (["--field", "natural_person.ful_name", *ASK], "did you mean natural_person.full_name?"),
        (["--field", "number", *ASK], "say which of customer.natural_person.identity.number"),
        (["--field", "*", *ASK], "names of fields"),
        (["--field", "customer.*", *ASK], "names of fields"),
        (["--field", "张三", *ASK], "names of fields"),
        ([*ASK], "Name the fields"),
    ],
)
def test_what_makes_no_request_is_refused_before_the_call(
    fake: FakeVault, vaultctl: Vaultctl, arguments: list[str], said: str
) -> None:
    ran = vaultctl("checkout", "request", SHORT, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "张三" not in ran.err
    assert fake.calls == []


def test_what_is_no_check_out_is_refused_before_the_call(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    for wrong in ("x", "customers/" + "0" * 26, "checkOuts/", "checkOuts/" + "0" * 27):
        assert vaultctl("checkout", "show", wrong).code == 2
    assert fake.calls == []


@pytest.mark.parametrize("form", ["{}", "checkOuts/{}", "institutions/demo-bank/checkOuts/{}"])
def test_a_check_out_is_named_in_full_or_in_short(
    vaultctl: Vaultctl, lending: FakeLending, form: str
) -> None:
    made = lending.add()
    ran = vaultctl("checkout", "show", form.format(made.name[-26:]), "--json")
    assert ParseDict(ran.json, pb.CheckOut()) == lending.check_outs[made.name]


# -- looking and deciding --------------------------------------------------------------------


def test_the_inbox_holds_what_waits_for_me_and_no_more(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending
) -> None:
    waits = lending.add(requester="zhang-min", duration=timedelta(minutes=90))
    own = lending.add(requester="li-wei")
    over = lending.add(state=pb.CHECK_OUT_STATE_DENIED)
    ran = vaultctl("checkout", "inbox")
    assert waits.name[-26:] in ran.out
    assert own.name[-26:] not in ran.out
    assert over.name[-26:] not in ran.out
    for said in ("zhang-min", SHORT, "CUSTOMER_SERVICE", NAME, "1 h 30 min", "2026-03-02 17:30:00"):
        assert said in ran.out
    assert "“Calls back about a lost card”" in ran.out
    assert fake.called("ListCheckOuts")[0].filter.mine_to_decide


def test_a_name_is_whole_on_a_narrow_terminal_and_nothing_is_cut(lending: FakeLending) -> None:
    made = lending.add(requester="zhang-min", reason="Because " * 30, one_time=True)
    for table in (checkout_show.inbox, checkout_show.listed, checkout_show.open_now):
        out = io.StringIO()
        Console(file=out, width=60).print(table([made]))
        lines = [line.rstrip() for line in out.getvalue().splitlines()]
        assert {f"checkOuts/{made.name[-26:]}", f"  {SHORT}"} <= set(lines)
        assert max(map(len, lines)) <= 60
        text = " ".join(out.getvalue().split())
        assert "zhang-min · CUSTOMER_SERVICE · " in text and " · once · " in text
        assert f"{NAME}, {PHONES}" in text
        # Why somebody asked belongs to a decision, not to a list that others look at.
        assert ("Because Because" in text) is (table is checkout_show.inbox)


def test_an_empty_inbox_says_so(vaultctl: Vaultctl, lending: FakeLending) -> None:
    ran = vaultctl("--lang", "zh", "checkout", "inbox")
    assert (ran.code, ran.out, ran.err) == (0, "", "没有记录。\n")


def test_show_says_all_of_it_in_both_languages(vaultctl: Vaultctl, lending: FakeLending) -> None:
    made = lending.add(
        needed_roles=["custodian", "compliance"],
        approvals=[pb.Approval(approver="sun-compliance", role="compliance")],
        case_reference="2026-0117",
        one_time=True,
    )
    lending.check_outs[made.name].approvals[0].time.FromDatetime(START)
    english = vaultctl("checkout", "show", made.name).out
    chinese = vaultctl("--lang", "zh", "checkout", "show", made.name).out
    for said in ("zhang-min", NAME, PHONES, "2026-0117", "Calls back about a lost card"):
        assert said in english
        assert said in chinese
    assert "waiting for custodian until 2026-03-02 17:30:00 +08:00" in english
    assert "sun-compliance (compliance) 2026-03-01 17:30:00 +08:00" in english
    assert "待审批：档案保管人，截止 2026-03-02 17:30:00 +08:00" in chinese
    assert "sun-compliance（合规） 2026-03-01 17:30:00 +08:00" in chinese


def test_what_is_of_all_customers_is_shown_as_such_wherever_it_stands(
    vaultctl: Vaultctl, lending: FakeLending
) -> None:
    asked = lending.add(subject="institutions/demo-bank")
    english = "ALL CUSTOMERS of institutions/demo-bank, for an export"
    for command in (("show", asked.name), ("inbox",), ("list",), ("register",)):
        shown = vaultctl("checkout", *command)
        assert shown.code == 0, shown.err
        assert english in " ".join(shown.out.split()), command
    approved = vaultctl("checkout", "approve", asked.name, "--yes")
    assert approved.code == 0 and english in approved.out
    chinese = vaultctl("--lang", "zh", "checkout", "show", asked.name)
    assert "institutions/demo-bank 的全部客户（导出）" in chinese.out


def test_what_a_requester_wrote_cannot_act_on_the_approvers_terminal(
    vaultctl: Vaultctl, lending: FakeLending
) -> None:
    made = lending.add(reason="x\x1b[31m\u202eevil [bold]")
    for command in (("show", made.name), ("inbox",)):
        out = vaultctl("checkout", *command).out
        assert not set(out) & set("\x1b\u202e")
        assert "[bold]" in out


def test_an_approval_shows_what_is_agreed_to_and_sends_exactly_that(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending
) -> None:
    made = lending.add()
    ran = vaultctl(
        "checkout", "approve", made.name, "--field", "full_name", "--for", "30m", "--yes"
    )
    assert ran.code == 0, ran.err
    assert f"{PHONES} (left out)" in ran.out
    assert "30 min (asked: 2 h)" in ran.out
    assert ran.out.endswith("is open until 2026-03-01 18:00:00 +08:00.\n")
    (sent,) = fake.called("ApproveCheckOut")
    assert (sent.etag, list(sent.fields)) == (made.etag, [NAME])
    assert sent.duration.ToTimedelta() == timedelta(minutes=30)


def test_a_part_of_a_field_can_be_agreed_to(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending
) -> None:
    made = lending.add(fields=["customer.natural_person"])
    ran = vaultctl("checkout", "approve", made.name, "--field", "birth_date", "--yes")
    assert "customer.natural_person (the rest left out)" in ran.out
    assert list(fake.called("ApproveCheckOut")[0].fields) == ["customer.natural_person.birth_date"]


def test_a_field_that_was_not_asked_for_cannot_be_agreed_to(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending
) -> None:
    made = lending.add()
    for field in ("customer.accounts", "emails", "transaction", "content"):
        ran = vaultctl("checkout", "approve", made.name, "--field", field, "--yes")
        assert ran.code == 2
        assert f"{field} was not asked for" in ran.err
    ran = vaultctl("--lang", "zh", "checkout", "approve", made.name, "--field", "emails", "--yes")
    assert "申请中没有 emails" in ran.err
    ran = vaultctl("checkout", "approve", made.name, "--field", "phons", "--yes")
    assert "There is no field phons: did you mean phones?" in ran.err
    assert fake.called("ApproveCheckOut") == []


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_nothing_is_decided_where_nobody_can_be_asked(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending, decision: str
) -> None:
    made = lending.add()
    ran = vaultctl("checkout", decision, made.name, stdin="y\n")
    assert ran.code == 2
    assert "--yes and its --etag" in ran.err
    assert lending.check_outs[made.name].state == pb.CHECK_OUT_STATE_REQUESTED


@pytest.mark.usefixtures("at_terminal")
@pytest.mark.parametrize(("answer", "code", "state"), [("y", 0, 2), ("n", 1, 1), ("", 1, 1)])
def test_whoever_is_at_the_terminal_is_asked(
    vaultctl: Vaultctl, lending: FakeLending, answer: str, code: int, state: int
) -> None:
    made = lending.add()
    ran = vaultctl("checkout", "approve", made.name, stdin=f"{answer}\n")
    assert ran.code == code
    assert "Do you agree to exactly this?" in ran.err
    assert lending.check_outs[made.name].state == state


@pytest.mark.usefixtures("at_terminal")
def test_what_changes_while_the_approver_thinks_is_not_agreed_to(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lending.add()

    def think(*_: object, **__: object) -> bool:
        lending.change(made.name, reason="Something else")
        return True

    monkeypatch.setattr("typer.confirm", think)
    ran = vaultctl("checkout", "approve", made.name)
    assert ran.code == 8
    assert "ETAG_MISMATCH" in ran.err
    assert lending.check_outs[made.name].state == pb.CHECK_OUT_STATE_REQUESTED


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_script_holds_a_decision_to_what_it_has_seen(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending, decision: str
) -> None:
    made = lending.add()
    seen = vaultctl("checkout", "show", made.name, "--json").json["etag"]
    lending.change(made.name, reason="Something else")
    ran = vaultctl("checkout", decision, made.name, "--etag", seen, "--yes")
    assert ran.code == 8
    assert lending.check_outs[made.name].state == pb.CHECK_OUT_STATE_REQUESTED
    now = lending.check_outs[made.name].etag
    assert vaultctl("checkout", decision, made.name, "--etag", now, "--yes").code == 0


def test_with_json_the_decision_is_shown_on_stderr_and_the_answer_on_stdout(
    vaultctl: Vaultctl, lending: FakeLending
) -> None:
    ran = vaultctl("checkout", "approve", lending.add().name, "--yes", "--json")
    assert NAME in ran.err
    assert ran.json["state"] == "CHECK_OUT_STATE_ACTIVE"


def test_a_refusal_is_told_in_the_language_of_the_caller(
    vaultctl: Vaultctl, lending: FakeLending
) -> None:
    own = lending.add(requester="li-wei")
    ran = vaultctl("--lang", "zh", "checkout", "approve", own.name, "--yes")
    assert ran.code == 5
    assert ran.err == "vaultctl: 任何人不得审批自己的申请。 [CHECK_OUT_OWN_REQUEST]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deny", "NAME", "--yes"], "is denied.\n"),
        (["revoke", "NAME"], "is revoked.\n"),
        (["return", "NAME"], "is withdrawn.\n"),
        (["renew", "NAME", "--for", "1d", "--reason", "Still"], "waits for custodian.\n"),
    ],
    ids=lambda part: part[0] if isinstance(part, list) else "",
)
def test_each_command_says_what_became_of_it(
    vaultctl: Vaultctl, lending: FakeLending, arguments: list[str], said: str
) -> None:
    made = lending.add()
    ran = vaultctl("checkout", *(made.name if part == "NAME" else part for part in arguments))
    assert ran.code == 0, ran.err
    assert ran.out.endswith(said)


def test_a_watch_shows_each_change_in_a_line(fake: FakeVault, lending: FakeLending) -> None:
    made = lending.add()
    command = forked_programs.command("vaultctl")
    watch = subprocess.Popen(
        [*command, "--profile", str(fake.profile()), "checkout", "watch"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watch.stdout is not None
        assert "zhang-min" in watch.stdout.readline()
        fake.stop()
        lending.change(made.name, state=pb.CHECK_OUT_STATE_DENIED, ended_by="li-wei")
        fake.start()
        assert "denied by li-wei" in watch.stdout.readline()
    finally:
        watch.terminate()
        watch.wait()


def test_lists_are_filtered_paged_and_read_back(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending
) -> None:
    made = [lending.add() for _ in range(3)]
    ran = vaultctl(
        *("checkout", "list", "--json", "--state", "requested", "--requester", "zhang-min"),
        *("--customer", SHORT[-26:], "--limit", 2),
    )
    listed = [ParseDict(one, pb.CheckOut()) for one in ran.json["check_outs"]]
    assert [one.name for one in listed] == [made[2].name, made[1].name]
    assert ran.json["next_page_token"] == "2"
    (sent,) = fake.called("ListCheckOuts")
    assert (sent.filter.customer, sent.filter.requester) == (CUSTOMER, "zhang-min")
    assert vaultctl("checkout", "list", "--state", "open").code == 2
    ran = vaultctl("checkout", "list", "--limit", 2)
    assert "waiting for custodian" in ran.out
    assert "--page-token 2" in ran.err


# -- for whom --------------------------------------------------------------------------------


def test_a_token_file_says_for_whom_it_is(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    token = tmp_path / "zhang.jwt"
    token.write_text("aaa.bbb.ccc\n", "ascii")
    assert vaultctl("--token", token, "checkout", "list").code == 0
    assert [call.authorization for call in fake.calls] == ["Bearer aaa.bbb.ccc"]


@pytest.mark.parametrize("content", [None, "", "two words", "姓名"])
def test_a_token_file_that_cannot_be_used_is_reported_without_its_content(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path, content: str | None
) -> None:
    token = tmp_path / "zhang.jwt"
    if content is not None:
        token.write_text(content, "utf-8")
    ran = vaultctl("--token", token, "checkout", "list")
    assert ran.code == 12
    assert not content or content not in ran.err
    assert fake.calls == []


# -- breaking the glass ----------------------------------------------------------------------


def test_breaking_the_glass_warns_first_and_says_what_follows(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending
) -> None:
    why = ("--purpose", "customer_service", "--reason", "Threat to life")
    refused = vaultctl("break-glass", "open", SHORT, *why)
    assert refused.code == 2
    # There is nothing yet to be looked at.
    assert "give --yes." in refused.err and "--etag" not in refused.err
    assert fake.called("BreakGlass") == []
    ran = vaultctl("break-glass", "open", SHORT, *why, "--yes")
    assert "is open until 2026-03-01 18:00:00 +08:00." in ran.out
    assert "Another person reviews it until 2026-03-02 17:30:00 +08:00." in ran.out
    assert fake.called("BreakGlass")[0].reason == "Threat to life"


@pytest.mark.parametrize("verdict", ["justified", "unjustified"])
def test_a_review_shows_what_was_opened_and_keeps_the_verdict(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending, verdict: str
) -> None:
    lending.caller = "zhao-night"
    why = ("--purpose", "customer_service", "--reason", "Threat to life", "--yes")
    name = vaultctl("break-glass", "open", SHORT, *why, "--json").json["name"]
    lending.caller = "qian-officer"
    ran = vaultctl("break-glass", "review", name, "--verdict", verdict, "--yes")
    assert "Threat to life" in ran.out
    assert ran.out.endswith(f"{verdict}, qian-officer\n")
    (sent,) = fake.called("ReviewBreakGlass")
    assert sent.etag == "e1"


# -- the register ----------------------------------------------------------------------------


def lent(lending: FakeLending) -> None:
    """One of each kind, an hour apart."""
    agreed = [pb.Approval(approver="li-wei", role="custodian")]
    agreed[0].time.FromDatetime(START)
    kinds: list[tuple[pb.CheckOutState.ValueType, dict[str, object]]] = [
        (pb.CHECK_OUT_STATE_RETURNED, {"ended_by": "zhang-min", "approvals": agreed}),
        (pb.CHECK_OUT_STATE_DENIED, {"ended_by": "li-wei"}),
        (pb.CHECK_OUT_STATE_LAPSED, {}),
        (pb.CHECK_OUT_STATE_EXPIRED, {"approvals": agreed, "requester": "wang-fang"}),
        (pb.CHECK_OUT_STATE_REQUESTED, {}),
    ]
    for at, (state, more) in enumerate(kinds):
        asked = START + at * HOUR
        times = {"start_time": asked, "end_time": asked + HOUR} if "approvals" in more else {}
        if state == pb.CHECK_OUT_STATE_DENIED:
            times = {"end_time": asked + HOUR}
        lending.add(state=state, request_time=asked, **times, **more)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_register_says_who_borrowed_what_who_agreed_and_how_it_ended(
    vaultctl: Vaultctl, lending: FakeLending
) -> None:
    lent(lending)
    read = table(vaultctl("checkout", "register", "--format", "csv").out)
    assert [line["outcome"] for line in read] == [
        "returned by zhang-min",
        "denied by li-wei",
        "lapsed",
        "expired",
        "waiting for custodian until 2026-03-02 21:30:00 +08:00; asked for 2 h",
    ]
    first = read[0]
    assert first["requester"] == "zhang-min"
    assert first["subject"] == SHORT
    assert first["fields"] == f"{NAME}, {PHONES}"
    assert first["purpose"] == "CUSTOMER_SERVICE"
    assert first["approvals"] == "li-wei (custodian) 2026-03-01 17:30:00 +08:00"
    assert (first["requested"], first["start"], first["end"]) == (
        "2026-03-01 17:30:00 +08:00",
        "2026-03-01 17:30:00 +08:00",
        "2026-03-01 18:30:00 +08:00",
    )


def test_the_register_of_a_period_is_of_what_was_asked_for_in_it(
    vaultctl: Vaultctl, lending: FakeLending
) -> None:
    lent(lending)

    def asked(*arguments: str) -> list[str]:
        ran = vaultctl("checkout", "register", "--format", "csv", *arguments)
        return [line["requested"][11:16] for line in table(ran.out)]

    # Without a zone a time is of this machine's.
    assert asked("--since", "2026-03-01T18:30") == ["18:30", "19:30", "20:30", "21:30"]
    assert asked("--until", "2026-03-01T18:30") == ["17:30"]
    assert asked("--since", "2026-03-01T10:30:00Z", "--until", "2026-03-01T12:30Z") == [
        "18:30",
        "19:30",
    ]
    assert asked("--requester", "wang-fang") == ["20:30"]
    assert asked("--state", "expired", "--state", "lapsed") == ["19:30", "20:30"]
    assert asked("--customer", "01h00000000000000000000009") == []
    assert vaultctl("checkout", "register", "--since", "yesterday").code == 2
    for until in ("2026-03-01", "2026-02-28"):
        ran = vaultctl("checkout", "register", "--since", "2026-03-01", "--until", until)
        assert (ran.code, ran.out) == (2, "")
        assert "--until is not later than --since" in ran.err


def test_the_register_reads_no_more_pages_than_the_period_needs(
    fake: FakeVault, vaultctl: Vaultctl, lending: FakeLending
) -> None:
    for day in range(450):
        lending.add(request_time=START + timedelta(days=day))
    ran = vaultctl("checkout", "register", "--since", "2027-05-01", "--format", "json")
    assert 0 < len(ran.lines) < 200
    assert len(fake.called("ListCheckOuts")) == 1


def test_the_register_holds_no_reason_and_no_case_reference(
    vaultctl: Vaultctl, lending: FakeLending
) -> None:
    lending.add(reason="SECRET-REASON", case_reference="SECRET-CASE")
    for form in ("table", "csv", "html"):
        assert "SECRET" not in vaultctl("checkout", "register", "--format", form).out


class Page(HTMLParser):
    """Texts of the cells, and whatever acts."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []
        self.cells: list[str] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "img", "link", "object", "form", "a"):
            self.active.append(tag)
        self.active += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag == "td":
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["Lending register", "borrower", "agreed", "how it ended", "lapsed"]),
        ("zh", ["借阅登记簿", "借阅人", "审批", "归还情况", "逾期未批", "客户服务", "档案保管人"]),
    ],
)
def test_the_printed_register_stands_alone(
    vaultctl: Vaultctl, lending: FakeLending, tmp_path: Path, lang: str, words: list[str]
) -> None:
    lent(lending)
    lending.add(requester="<script>alert(1)</script>", subject=CUSTOMER)
    out = tmp_path / "register.html"
    ran = vaultctl("checkout", "register", "--format", "html", "--lang", lang, "--out", out)
    assert (ran.code, ran.out) == (0, "")
    text = out.read_text("utf-8")
    assert [word for word in words if word not in text] == []
    assert ('lang="zh-CN"' in text) == (lang == "zh")
    page = Page()
    page.feed(text)
    assert page.active == []
    assert len(page.cells) == 11 * 6
    assert html.escape("<script>alert(1)</script>") in text
    assert not re.search(r"https?://", text)


def test_no_cell_of_the_csv_is_a_formula(vaultctl: Vaultctl, lending: FakeLending) -> None:
    lending.add(requester='=HYPERLINK("http://evil")')
    (line,) = table(vaultctl("checkout", "register", "--format", "csv").out)
    assert line["requester"].startswith("'=")


# -- full reads by a check-out ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "method"),
    [
        (["customers", "get", SHORT], "GetCustomer"),
        (["customers", "history", SHORT], "ListCustomerVersions"),
        (["documents", "get", f"{SHORT}/documents/{SHORT[-26:]}"], "GetIdentityDocument"),
        (["documents", "list", SHORT], "ListIdentityDocuments"),
        (["documents", "history", f"{SHORT}/documents/{SHORT[-26:]}"], "ListIdentityDocumentVer"),
        (["transactions", "get", f"{SHORT}/transactions/{SHORT[-26:]}"], "GetTransaction"),
        (["transactions", "list", SHORT], "ListTransactions"),
    ],
    ids=lambda part: " ".join(part[:2]) if isinstance(part, list) else "",
)
def test_every_full_read_takes_a_check_out(
    fake: FakeVault, vaultctl: Vaultctl, command: list[str], method: str
) -> None:
    full = [] if "history" in command else ["--full"]
    vaultctl(*command, *full, "--purpose", "customer_service", "--check-out", "0" * 26)
    (call,) = fake.calls
    assert call.method.startswith(method)
    assert call.request.check_out == "institutions/demo-bank/checkOuts/" + "0" * 26
    if full:
        assert vaultctl(*command, "--check-out", "0" * 26).code == 2
