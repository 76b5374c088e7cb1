"""`vaultctl subject`: what is typed is what is asked for, and the pages that a person is given."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.type.date_pb2 import Date

from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault

PARENT = "institutions/demo-bank"
CUSTOMER = f"{PARENT}/customers/{'0' * 26}"
SHORT = f"customers/{'0' * 26}/subjectRequests/{'1' * 26}"
NAME = f"{PARENT}/{SHORT}"
ETAG = "e" * 32


def asked(kind: pb.SubjectRequestKind.ValueType) -> pb.SubjectRequest:
    return pb.SubjectRequest(
        name=NAME,
        etag=ETAG,
        kind=kind,
        receive_date=Date(year=2026, month=1, day=3),
        due_date=Date(year=2026, month=2, day=2),
        outcome=pb.SUBJECT_REQUEST_OUTCOME_OPEN,
        source="个人信息保护法",
        article="第四十五条",
        overdue=True,
        said=[pb.SubjectWords(text="What do you <hold> of me?")],
    )


def refused() -> pb.SubjectRequest:
    one = asked(pb.SUBJECT_REQUEST_KIND_ERASURE)
    one.outcome, one.closed_by = pb.SUBJECT_REQUEST_OUTCOME_REFUSED, "li"
    one.close_time.FromDatetime(datetime(2026, 1, 9, tzinfo=UTC))
    kept = one.said.add(text="We regret.").grounds.add(
        what="transactions/2019",
        standing="KEPT",
        rule="cn/2/transactions",
        source="中华人民共和国反洗钱法 (2024 修订)",
        article="第三十四条",
        clock="booking",
        minimum_years=10,
    )
    kept.kept_through.CopyFrom(Date(year=2029, month=5, day=6))
    return one


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault whose one answer to everything is friendly."""
    made = asked(pb.SUBJECT_REQUEST_KIND_ACCESS)
    line = pb.UseLine(
        use=pb.DATA_USE_READ, purpose=purpose_pb2.PURPOSE_CUSTOMER_SERVICE, category="systems"
    )
    line.time.FromDatetime(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    fake.answers |= {
        "FileSubjectRequest": lambda _: pb.FileSubjectRequestResponse(request=made),
        "GetSubjectRequest": lambda _: pb.GetSubjectRequestResponse(request=made),
        "ExtendSubjectRequest": lambda _: pb.ExtendSubjectRequestResponse(request=made),
        "CloseSubjectRequest": lambda _: pb.CloseSubjectRequestResponse(request=made),
        "ListSubjectRequests": lambda _: pb.ListSubjectRequestsResponse(requests=[made]),
        "ReportUse": lambda _: pb.ReportUseResponse(
            categories=[pb.RecipientCategory(name="systems", en="Systems", zh="系统")], lines=[line]
        ),
    }
    return fake


def test_what_a_person_asks_is_entered_in_his_words(
    vault: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    words = tmp_path / "letter.txt"
    words.write_text("Correct me.\n", encoding="utf-8")
    args = ("subject", "request", "0" * 26, "--kind", "correction", "--received", "2026-01-03")
    shown = vaultctl(*args, "--file", str(words))
    assert shown.code == 0 and "OVERDUE" in shown.out and "2026-02-02" in shown.out
    (sent,) = vault.called("FileSubjectRequest")
    assert (sent.parent, sent.text) == (CUSTOMER, "Correct me.")
    assert (sent.kind, sent.receive_date.day) == (pb.SUBJECT_REQUEST_KIND_CORRECTION, 3)
    for wrong in ((), ("--text", "x", "--file", str(words)), ("--file", str(tmp_path / "none"))):
        assert vaultctl(*args, *wrong).code != 0
    assert len(vault.called("FileSubjectRequest")) == 1
    # The same once more, where nobody knows whether it came in.
    mine = str(uuid.uuid4())
    assert vaultctl(*args, "--file", str(words), "--request-id", mine).code == 0
    again = vault.called("FileSubjectRequest")[-1]
    assert (again.text, again.request_id) == (sent.text, mine) and sent.request_id != mine


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        (("answered",), pb.SUBJECT_REQUEST_OUTCOME_ANSWERED),
        (("correct", "--version", "3"), pb.SUBJECT_REQUEST_OUTCOME_CORRECTED),
        (("refuse", "--text", "No."), pb.SUBJECT_REQUEST_OUTCOME_REFUSED),
        (("erased",), pb.SUBJECT_REQUEST_OUTCOME_ERASED),
        (("withdraw",), pb.SUBJECT_REQUEST_OUTCOME_WITHDRAWN),
    ],
)
def test_a_request_ends_as_it_is_said_and_as_it_was_seen(
    vault: FakeVault,
    vaultctl: Vaultctl,
    command: tuple[str, ...],
    outcome: pb.SubjectRequestOutcome.ValueType,
) -> None:
    assert vaultctl("subject", command[0], SHORT, *command[1:]).code == 0
    assert vaultctl("subject", command[0], NAME, *command[1:], "--etag", "f" * 32).code == 0
    seen, given = vault.called("CloseSubjectRequest")
    assert (seen.name, seen.outcome, seen.etag) == (NAME, outcome, ETAG)
    assert given.etag == "f" * 32
    assert seen.version == (3 if command[0] == "correct" else 0)
    assert vaultctl("subject", command[0], "nothing", *command[1:]).code != 0


def test_who_has_used_the_data_is_a_page_in_either_language_and_the_same_each_time(
    vault: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    for n, lang in enumerate(("en", "zh", "en")):
        out = str(tmp_path / f"{n}")
        assert vaultctl("--lang", lang, "subject", "report", SHORT, "--out", out).code == 0
    english, chinese, again = (
        (tmp_path / f"{n}" / "who-used-it.html").read_text(encoding="utf-8") for n in range(3)
    )
    assert english == again
    assert "Systems" in english and "2026-01-02 03:04:05" in english
    assert "customer service" in english and "GDPR article 23" in english
    assert 'lang="zh-CN"' in chinese and "系统" in chinese and "客户服务" in chinese
    assert (tmp_path / "0" / "who-used-it.json").is_file()
    # What is there is not written over.
    assert vaultctl("subject", "report", SHORT, "--out", str(tmp_path / "0")).code != 0


def test_a_refusal_is_a_letter_with_its_law(
    vault: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    vault.answers["GetSubjectRequest"] = lambda _: pb.GetSubjectRequestResponse(request=refused())
    for lang in ("en", "zh"):
        out = str(tmp_path / f"{lang}.html")
        assert vaultctl("--lang", lang, "subject", "letter", SHORT, "--out", out).code == 0
    english = (tmp_path / "en.html").read_text(encoding="utf-8")
    assert "第三十四条: at least 10 years from the last booking, through 2029-05-06" in english
    assert "We regret." in english and "What do you" not in english
    assert "2019 年交易记录" in (tmp_path / "zh.html").read_text(encoding="utf-8")
    shown = vaultctl("--lang", "zh", "subject", "show", SHORT).out
    assert "已逾期" in shown and "删除个人信息" in shown


def test_the_list_names_what_is_overdue(vault: FakeVault, vaultctl: Vaultctl) -> None:
    shown = vaultctl("subject", "list", "--customer", "0" * 26, "--all")
    assert "overdue" in shown.out and "2026-02-02" in shown.out
    (sent,) = vault.called("ListSubjectRequests")
    assert (sent.parent, sent.customer, sent.show_closed) == (PARENT, CUSTOMER, True)
    assert vaultctl("subject", "list", "--json").json["requests"][0]["name"] == NAME
