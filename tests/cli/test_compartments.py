"""`vaultctl compartment` and the clients against the vault itself."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recordsvault_client import (
    Aborted,
    AsyncVaultClient,
    FailedPrecondition,
    NotFound,
    Profile,
    VaultClient,
    compartment_kinds,
)
from tests.cli.conftest import Ran
from tests.e2e.calls import create
from tests.support.running_vault import OWN, RunningVault
from vault.cli.vaultctl.app import run
from vault.cli.vaultctl.language import Language, speak
from vault.server.settings import TierName

Ctl = Callable[..., Ran]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("real")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
        yield vault


def profile(real: RunningVault, who: str) -> Path:
    path = real.folder / f"{who}.toml"
    path.write_text(
        f'name = "{who}"\ninstitution = "{OWN}"\n[endpoints]\n'
        f'full = "{real.target(TierName.FULL)}"\nmasked = "{real.target(TierName.MASKED)}"\n'
        f'[tls]\nca = "pki/ca.pem"\ncertificate = "pki/{who}.pem"\nkey = "pki/{who}.key"\n'
    )
    return path


@pytest.fixture
def ctl(
    real: RunningVault, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ctl]:
    monkeypatch.setenv("NO_COLOR", "1")

    def call(who: str, *arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(["-p", str(profile(real, who)), *arguments])
        seen = capsys.readouterr()
        return Ran(code, seen.out, seen.err)

    yield call
    speak(Language.EN)


def opened(ctl: Ctl, title: str = "Nightjar") -> str:
    made = ctl("investigator", "compartment", "open", "--kind", "hold", "--title", title, "--json")
    name: str = made.json["name"]
    return name


def test_a_case_is_opened_noted_in_and_read_at_the_terminal(
    real: RunningVault, ctl: Ctl, tmp_path: Path
) -> None:
    customer, name = create(real).name, opened(ctl)
    short = name.rpartition("/")[2]
    ran = ctl(
        "investigator", "compartment", "add", short, customer, "--text", "-", stdin="雨燕\n二\n"
    )
    assert ran.code == 0
    document = tmp_path / "score.json"
    document.write_text('{"score": 97}')
    ran = ctl(
        *("investigator", "compartment", "add", short, customer.rpartition("/")[2]),
        *("--json-file", str(document)),
    )
    assert ran.code == 0
    found = ctl("investigator", "compartment", "items", name, "--json").json["items"]
    assert [(i.get("text"), i.get("json")) for i in found] == [
        ("雨燕\n二", None),
        (None, '{"score": 97}'),
    ]
    of_him = ctl("investigator", "compartment", "items", "--customer", customer)
    assert of_him.code == 0 and "97" in of_him.out
    listed = ctl("investigator", "compartment", "list")
    assert short in listed.out and "Nightjar" in listed.out
    assert "HOLD" in ctl("investigator", "compartment", "show", short).out
    assert ctl("investigator", "compartment", "close", short, "--json").json["closed"] is True
    refused = ctl("investigator", "compartment", "add", short, customer, "--text", "x")
    assert refused.code != 0 and "closed" in refused.err


def test_a_member_is_made_by_two_persons_at_two_terminals(ctl: Ctl) -> None:
    name = opened(ctl)
    short = name.rpartition("/")[2]
    asked = ctl(
        *("investigator", "compartment", "member", "add", short, "p-colleague"),
        *("--agree-by", "p-compliance"),
    )
    assert asked.code == 0
    command = asked.err.partition("agrees with: ")[2].strip().removeprefix("vaultctl ")
    assert ctl("colleague", "compartment", "show", short).code != 0
    shown = ctl("compliance", "compartment", "member", "show", short, "p-colleague")
    assert "PROPOSED" in shown.out
    agreed = ctl("compliance", *command.split())
    assert agreed.code == 0 and " MEMBER\n" in agreed.out
    assert ctl("colleague", "compartment", "show", short).code == 0
    away = ctl(
        *("colleague", "compartment", "member", "remove", name, "p-investigator"),
        *("--agree-by", "p-compliance", "--json"),
    )
    assert away.json["state"] == "MEMBER_STATE_REMOVAL_PROPOSED" and away.err == ""


@pytest.mark.parametrize(
    ("arguments", "en", "zh"),
    [
        (("open", "--kind", "file", "--title", "x"), "--kind is one of", "--kind 须为其一"),
        (("show", "nothing"), "That is no compartment", "保密案卷名称无效"),
        (("show", "0" * 26), "does not exist", "不存在"),
        (("items",), "Name a compartment", "请指定保密案卷"),
        (("add", "0" * 26, "0" * 26), "Give what is noted", "请给出内容"),
        (("member", "show", "x", "p-x"), "That is no compartment", "保密案卷名称无效"),
    ],
)
def test_what_is_wrong_is_said_in_both_languages(
    ctl: Ctl, arguments: tuple[str, ...], en: str, zh: str
) -> None:
    for language, words in (("en", en), ("zh", zh)):
        ran = ctl("investigator", "--lang", language, "compartment", *arguments)
        assert ran.code != 0 and words in ran.err and ran.out == ""


def test_files_that_cannot_be_read_are_named(real: RunningVault, ctl: Ctl, tmp_path: Path) -> None:
    name = opened(ctl)
    (tmp_path / "latin.json").write_bytes(b'"\xe9"')
    for path, words in (("none.json", "cannot be used"), ("latin.json", "not UTF-8")):
        ran = ctl(
            *("investigator", "compartment", "add", name, "0" * 26),
            *("--json-file", str(tmp_path / path)),
        )
        assert ran.code != 0 and words in ran.err


def test_the_clients_do_all_of_it(real: RunningVault) -> None:
    customer = create(real).name
    assert compartment_kinds() == ("INVESTIGATION", "HOLD", "SUSPICIOUS_ACTIVITY")

    async def meanwhile() -> None:
        async with AsyncVaultClient(Profile.load(profile(real, "compliance"))) as second:
            with pytest.raises(Aborted):
                await second.compartments.agree_member(member.name, etag="old")
            shown = await second.compartments.get_member(member.name)
            await second.compartments.agree_member(member.name, etag=shown.etag)
        async with AsyncVaultClient(Profile.load(profile(real, "colleague"))) as colleague:
            here = colleague.compartments
            await here.add_item(name, customer, text="two")
            found = [item.text async for item in here.list_items(name, page_size=1)]
            assert found == ["one", "two"]
            assert name in [one.name async for one in here.list()]
            assert (await here.get(name)).title == "Nightjar"
            own = await here.open("hold", "Own")
            assert (await here.close(own.name)).closed
            other = await here.add_member(name, "p-third", agree_by="p-compliance")
            with pytest.raises(FailedPrecondition):
                await here.remove_member(f"{own.name}/members/p-no", agree_by="p-compliance")
            assert other.agree_by == "p-compliance"

    with VaultClient(Profile.load(profile(real, "investigator"))) as vault:
        here = vault.compartments
        with pytest.raises(ValueError, match="a compartment is one of"):
            here.open("file", "x")
        name = here.open("COMPARTMENT_KIND_INVESTIGATION", "Nightjar").name
        here.add_item(name, customer, text="one")
        member = here.add_member(name, "p-colleague", agree_by="p-compliance")
        asyncio.run(meanwhile())
        assert [item.text for item in here.list_items(customer=customer)] == ["one", "two"]
        with pytest.raises(NotFound):
            here.get(f"{name[:-26]}{'0' * 26}")
