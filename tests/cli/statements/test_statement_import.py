"""`vaultctl import` of statements: nothing lost, nothing twice, and a report that adds up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault
from tests.support.statements import (
    CSV_MAPPING,
    OWN,
    entry,
    message,
    pairs,
    statement,
    write_camt,
    write_csv,
    write_mt940,
)

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "clients/examples/statements"
ZONE = ("--time-zone", "Europe/Berlin")


@pytest.fixture
def file(fake: FakeVault) -> Path:
    """250 entries in one statement, five of which cannot be understood."""
    path = fake.folder / "march.xml"
    write_camt(path, 250, broken=5)
    return path


def rejected(path: Path) -> list[dict[str, Any]]:
    lines = path.with_name(f"{path.name}.rejected.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def references(fake: FakeVault) -> list[str]:
    return [one.institution_reference for one in fake.transactions.values()]


def copied(fake: FakeVault, name: str) -> Path:
    path = fake.folder / name
    path.write_bytes((EXAMPLES / name).read_bytes())
    return path


def test_entries_are_stored_and_the_report_says_what_became_of_them(
    fake: FakeVault, file: Path, vaultctl: Vaultctl
) -> None:
    ran = vaultctl("import", file, *ZONE, "--batch", 20, "--json")
    assert ran.code == 20
    (one,) = ran.json["files"]
    assert (one["rows"], one["stored"], one["refused"], one["already_there"]) == (250, 245, 5, 0)
    assert one["statements"]["proved"] == 1
    assert one["sums"] == {
        "read": {"EUR": {"credit": "1251.25", "debit": "1251.25"}},
        "stored": {"EUR": {"credit": "1231.23", "debit": "1221.22"}},
        "refused": {"EUR": {"credit": "20.02", "debit": "30.03"}},
        "already_there": {},
    }
    assert sorted(references(fake)) == [f"REF{n:012}" for n in range(1, 246)]
    assert [row["row"] for row in rejected(file)] == [246, 247, 248, 249, 250]
    owners = {i.account_number for r in fake.called("ImportRecords") for i in r.items}
    assert owners == {OWN}


def test_the_same_file_again_stores_nothing_twice_with_or_without_the_state(
    fake: FakeVault, file: Path, vaultctl: Vaultctl
) -> None:
    vaultctl("import", file, *ZONE, "--batch", 20)
    first = rejected(file)
    sent = len(fake.called("ImportRecords"))
    again = vaultctl("import", file, *ZONE, "--batch", 20, "--json")
    assert len(fake.called("ImportRecords")) == sent
    file.with_name("march.xml.import-state").unlink()
    afresh = vaultctl("import", file, *ZONE, "--batch", 20, "--json")
    assert len(fake.called("ImportRecords")) == 2 * sent
    for ran in (again, afresh):
        assert ran.code == 20
        (one,) = ran.json["files"]
        assert (one["stored"], one["already_there"]) == (245, 245)
        assert one["sums"]["already_there"] == one["sums"]["stored"]
    assert len(references(fake)) == 245
    assert rejected(file) == first


def _spawn(fake: FakeVault, file: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from vault.cli.vaultctl import main; main()"]
    arguments = ["-p", str(fake.folder / "crm.toml"), "import", str(file), "--batch", "10", *ZONE]
    return subprocess.Popen(
        [*command, *arguments, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_an_import_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing(
    fake: FakeVault, file: Path
) -> None:
    fake.profile()
    fake.before_store = fake.before_answer = lambda request: time.sleep(0.03)
    state = file.with_name("march.xml.import-state")
    kills = 0
    while kills < 8:
        process = _spawn(fake, file, "--in-flight", "3")
        lines = len(state.read_bytes().splitlines()) if state.exists() else 0
        while process.poll() is None:
            now = len(state.read_bytes().splitlines()) if state.exists() else 0
            if now > lines + kills % 3:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
            time.sleep(0.005)
        if process.returncode != -signal.SIGKILL:
            break
    assert kills >= 4
    fake.before_store = fake.before_answer = lambda request: None
    last = _spawn(fake, file, "--json")
    out, _ = last.communicate(timeout=60)
    assert last.returncode == 20
    (one,) = json.loads(out)["files"]
    assert (one["rows"], one["stored"], one["refused"]) == (250, 245, 5)
    assert one["sums"]["refused"] == {"EUR": {"credit": "20.02", "debit": "30.03"}}
    assert sorted(references(fake)) == [f"REF{n:012}" for n in range(1, 246)]
    assert sorted(row["row"] for row in rejected(file)) == [246, 247, 248, 249, 250]


@pytest.mark.parametrize(
    ("old", "new"),
    [("</Stmt>", "</Statement>"), ("Invoice 200,", "&x;"), ("</Document>", "")],
    ids=["wrong end", "entity", "cut"],
)
def test_a_file_that_breaks_in_the_middle_stores_nothing(
    fake: FakeVault, file: Path, vaultctl: Vaultctl, old: str, new: str
) -> None:
    file.write_text(file.read_text().replace(old, new))
    ran = vaultctl("import", file, *ZONE)
    assert ran.code == 13
    assert "march.xml" in ran.err
    assert not fake.called("ImportRecords")


def test_a_wrong_encoding_stores_nothing_and_the_right_one_all(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    path = fake.folder / "march.sta"
    path.write_bytes(
        ":20:S1\n:25:ACC1\n:60F:C260302CNY100,00\n:61:260302C1,00NTRFX\n:86:孙慧丽\n"
        ":62F:C260302CNY101,00\n-\n".encode("gb18030")
    )
    terms = (*ZONE, "--channel", "web")
    ran = vaultctl("import", path, *terms)
    assert ran.code == 13
    assert "--encoding" in ran.err
    assert not fake.called("ImportRecords")
    assert vaultctl("import", path, *terms, "--encoding", "gb18030").code == 0
    (stored,) = fake.transactions.values()
    assert stored.remittance_text == "孙慧丽"


def test_statements_that_do_not_add_up_have_an_exit_code_of_their_own(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    path = fake.folder / "wrong.xml"
    path.write_text(message(statement(entry(1, "5.00"), closing="104.00")))
    ran = vaultctl("import", path, *ZONE)
    assert ran.code == 23
    assert "off by -1.00 EUR" in ran.out
    assert OWN not in ran.out + ran.err
    assert len(fake.transactions) == 1
    told = vaultctl("--lang", "zh", "import", path, *ZONE)
    assert "期初加发生额不等于期末（差额 -1.00 EUR）" in told.out


def _numbered(*numbers: int, opening: str = "100.00") -> list[str]:
    """Statements of one account, each with an entry of five euros, on from the one before."""
    found, at = [], Decimal(opening)
    for number in numbers:
        entries = entry(number, "5.00")
        found.append(statement(entries, opening=f"{at}", closing=f"{at + 5}", number=number))
        at += 5
    return found


@pytest.mark.parametrize("check", [True, False], ids=["checked", "imported"])
@pytest.mark.parametrize(
    ("text", "fault", "place", "words"),
    [
        (
            message(*_numbered(1, 4)),
            "GAP",
            2,
            ("numbers of the account's statements are missing before it", "之前缺少对账单编号"),
        ),
        (message(*_numbered(1, 1)), "DOUBLE", 2, ("its number was there before", "对账单编号重复")),
        (
            message(_numbered(1)[0], _numbered(2, opening="106.00")[0]),
            "CONTINUITY",
            2,
            (
                "does not begin with the balance that the one before ended with",
                "期初余额与上一对账单期末不符",
            ),
        ),
        (
            message(statement(entry(1, "5.00"), closing="100.00")),
            "SUM",
            1,
            (
                "opening and movements do not make the closing balance (off by -5.00 EUR)",
                "期初加发生额不等于期末（差额 -5.00 EUR）",
            ),
        ),
        (
            message(*_numbered(1)).replace("<Cd>CLBD</Cd>", "<Cd>XXXX</Cd>"),
            "NO_BALANCE",
            1,
            ("has no opening or no closing balance", "缺少期初或期末余额"),
        ),
    ],
    ids="gap double continuity sum no-balance".split(),
)
def test_what_is_wrong_with_statements_is_told_with_which_one(
    fake: FakeVault,
    vaultctl: Vaultctl,
    check: bool,
    text: str,
    fault: str,
    place: int,
    words: tuple[str, str],
) -> None:
    path = fake.folder / "wrong.xml"
    path.write_text(text)
    more = (*ZONE, "--check") if check else ZONE
    ran = vaultctl("import", path, *more, "--json")
    assert ran.code == 23
    told = ran.json["statements"] if check else ran.json["files"][0]["statements"]
    (found,) = told["findings"]
    assert (found["statement"], found["faults"], found["account_end"]) == (place, [fault], "0647")
    assert told["proved"] == told["count"] - (fault in ("SUM", "NO_BALANCE"))
    english = " ".join(vaultctl("import", path, *more).out.split())
    assert words[0] in english and f"statement {place} (number " in english
    assert words[1] in "".join(vaultctl("--lang", "zh", "import", path, *more).out.split("\n"))


def test_a_check_adds_up_and_stores_nothing(
    fake: FakeVault, file: Path, vaultctl: Vaultctl
) -> None:
    ran = vaultctl("import", file, *ZONE, "--check", "--json")
    assert ran.code == 0
    assert ran.json["statements"]["not_understood"] == 5
    assert not fake.called("ImportRecords")
    assert not file.with_name("march.xml.import-state").exists()


def test_what_statements_leave_open_must_be_said_before_anything_is_sent(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    path = copied(fake, "compte.camt053.v08.xml")
    ran = vaultctl("import", path)
    assert "--time-zone" in ran.err
    ran = vaultctl("import", path, *ZONE)
    assert ran.code == 13
    assert "PMNT/ICDT/ESCT" in ran.err
    assert not fake.called("ImportRecords")
    assert vaultctl("import", path, *ZONE, "--channel", "WEB").code == 0
    assert len(fake.transactions) == 6


def test_an_import_is_not_continued_by_other_terms(
    fake: FakeVault, file: Path, vaultctl: Vaultctl
) -> None:
    vaultctl("import", file, *ZONE)
    ran = vaultctl("import", file, "--time-zone", "UTC")
    assert ran.code == 13
    assert "other options or another mapping" in ran.err


@pytest.mark.parametrize("said", ["C0000036", "0" * 26, f"customers/{'0' * 26}"])
def test_the_customer_may_be_named_for_the_whole_file(
    fake: FakeVault, vaultctl: Vaultctl, said: str
) -> None:
    path = copied(fake, "girokonto.camt053.v02.xml")
    assert vaultctl("import", path, *ZONE, "--customer", said).code == 0
    (request,) = fake.called("ImportRecords")
    named = {item.customer_number or item.customer for item in request.items}
    full = f"institutions/demo-bank/customers/{'0' * 26}"
    assert named == {said if said.startswith("C0") else full}


def test_every_example_is_imported_and_adds_up(fake: FakeVault, vaultctl: Vaultctl) -> None:
    giro, compte, current = (
        copied(fake, name)
        for name in ("girokonto.camt053.v02.xml", "compte.camt053.v08.xml", "current.mt940.sta")
    )
    ran = vaultctl("import", giro, compte, current, *ZONE, "--channel", "WEB", "--json")
    assert ran.code == 0
    assert [one["statements"]["proved"] for one in ran.json["files"]] == [1, 2, 1]
    liushui = copied(fake, "liushui.gb18030.csv")
    ran = vaultctl("import", liushui, "--mapping", EXAMPLES / "liushui.toml", "--json")
    assert (ran.code, ran.json["stored"]) == (0, 4)
    ran = vaultctl("import", liushui, "--mapping", EXAMPLES / "liushui.toml")
    assert "4" in ran.out


def test_a_refused_row_that_was_mended_is_imported_from_its_own_line(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    path = fake.folder / "dup.xml"
    path.write_text(
        message(statement(entry(1) + entry(2, sign="DBIT"), head="<CpyDplctInd>DUPL</CpyDplctInd>"))
    )
    mapping = fake.folder / "m.toml"
    mapping.write_text('[defaults]\ntime_zone = "UTC"\nchannel = "API"\n')
    assert vaultctl("import", path, "--mapping", mapping).code == 20
    assert not fake.transactions
    lines = fake.folder / "dup.xml.rejected.jsonl"
    assert vaultctl("import", lines).code == 0
    assert sorted(references(fake)) == ["REF000000000001", "REF000000000002"]


def test_options_of_statements_are_not_passed_over_with_records(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    path = fake.folder / "a.jsonl"
    path.write_text(json.dumps({"new_customer": {"customer_number": "a"}}) + "\n")
    ran = vaultctl("import", path, *ZONE)
    assert ran.code == 2
    assert "--format" in ran.err
    statements = fake.folder / "b.xml"
    statements.write_text(message(statement("")))
    assert vaultctl("import", statements, *ZONE, "--kind", "customers").code == 2


def test_no_value_of_a_statement_is_told_but_in_the_file_of_refused_rows(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    path = fake.folder / "secret.xml"
    bad = entry(1).replace("Example Company 1", "Secretname").replace("10.01", "1x")
    path.write_text(message(statement(bad + "".join(pairs(2)))))
    ran = vaultctl("import", path, *ZONE)
    assert "Secretname" not in ran.out + ran.err
    assert "Secretname" in rejected(path)[0]["text"]


_PEAK = """
import sys
from pathlib import Path
from vault.cli.vaultctl.app import run
code = run(sys.argv[1:])
status = Path('/proc/self/status').read_text()
print(status.partition('VmHWM:')[2].split()[0])
sys.exit(code)
"""


def _imported(
    fake: FakeVault, path: Path, *terms: str, code: int = 20
) -> tuple[int, dict[str, Any]]:
    """KiB at most of a program that imports a file and does nothing else, and what it told."""
    profile = str(fake.folder / "crm.toml")
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, "-p", profile, "import", str(path), *terms, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    told, kibibytes = done.stdout.splitlines()
    return int(kibibytes), json.loads(told)["files"][0]


class _Forgetful(dict):  # type: ignore[type-arg]  # keeps nothing but the last
    def __setitem__(self, key: object, value: object) -> None:
        self.last = value

    def __getitem__(self, key: object) -> object:
        return self.last

    def append(self, call: object) -> None:
        pass


# What is written, under which name; and the code of an import of which some are refused, where the
# amounts of those are known, and where they are not.
_LARGE: dict[str, tuple[Callable[..., list[int]], int]] = {
    "xml": (write_camt, 20),
    "sta": (write_mt940, 23),
    "csv": (write_csv, 20),
}


@pytest.mark.slow
@pytest.mark.timeout(14_400)
@pytest.mark.parametrize("ending", _LARGE)
def test_a_large_file_takes_no_more_memory_than_a_small_one_and_loses_nothing(
    fake: FakeVault, ending: str
) -> None:
    """`make soak` has it with 1 GiB of each format; every day the readers alone are held to it:
    tests/cli/statements/test_flat_memory.py."""
    if ending != "xml" and "VAULT_SOAK_STATEMENT_MIB" not in os.environ:
        pytest.skip("the soak has it")
    fake.profile()
    fake.transactions = _Forgetful()
    fake.first_answers = _Forgetful()
    fake.calls = _Forgetful()  # type: ignore[assignment]  # only append is used here
    mebibytes = int(os.environ.get("VAULT_SOAK_STATEMENT_MIB", "24"))
    write, code = _LARGE[ending]
    terms: tuple[str, ...] = ("--channel", "API", *ZONE)
    if ending == "csv":
        mapping = fake.folder / "mapping.toml"
        mapping.write_text(CSV_MAPPING)
        terms = ("--mapping", str(mapping))
    peaks = []
    for count in (10_000, mebibytes * 750 * 2):
        path = fake.folder / f"{count}.{ending}"
        broken = write(path, count, broken=700)
        assert path.stat().st_size > count * 600
        peak, told = _imported(fake, path, *terms, code=code)
        peaks.append(peak)
        assert (told["rows"], told["stored"], told["refused"]) == (count, count - 700, 700)
        assert sorted(row["row"] for row in rejected(path)) == broken
    # The little that it may take is what is known of each batch.
    assert peaks[1] < peaks[0] + 3 * 1024 + 6 * mebibytes, peaks
