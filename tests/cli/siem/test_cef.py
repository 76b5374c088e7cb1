"""CEF: keys of the published dictionary only, their lengths, and nothing that breaks the line.

Names and lengths are those of the extension dictionary of "Implementing ArcSight Common Event
Format (CEF)", revision 25 (facts about the format).
"""

import re

import pycef
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.siem import KINDS, bare_entry, full_entry, unreadable_entry
from vault.cli.vaultctl.siem.cef import to_cef
from vault.cli.vaultctl.siem.facts import facts

LENGTHS = {
    "act": 63,
    "c6a2": 40,
    "c6a2Label": 1023,
    "cat": 1023,
    "cn1": 40,
    "cn1Label": 1023,
    "cnt": 40,
    "deviceExternalId": 255,
    "duser": 1023,
    "externalId": 40,
    "flexString1": 1023,
    "flexString1Label": 128,
    "msg": 1023,
    "outcome": 63,
    "reason": 1023,
    "rt": 40,
    "spriv": 1023,
    "spt": 40,
    "src": 40,
    "suid": 1023,
    "suser": 1023,
    **{f"cs{n}": 4000 for n in range(1, 7)},
    **{f"cs{n}Label": 1023 for n in range(1, 7)},
}


def read(line: bytes) -> tuple[list[str], dict[str, str]]:
    """A reader as the format asks for: escapes in the header, then keys and values."""
    whole = re.fullmatch(r"((?:(?:\\.|[^\\|])*\|){7})(.*)", line.decode(), re.DOTALL)
    assert whole is not None
    fields = re.findall(r"((?:\\.|[^\\|])*)\|", whole[1], re.DOTALL)
    pairs = re.findall(r"(\w+)=((?:\\.|[^\\=])*?)(?= \w+=|$)", whole[2], re.DOTALL)
    header = [re.sub(r"\\([\\|])", r"\1", one) for one in fields]
    return header, {key: unescaped(value) for key, value in pairs}


def unescaped(value: str) -> str:
    """A value of the extension as it was before it was escaped."""
    return re.sub(r"\\([\\=nr])", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), value)


# -- by another's parser -----------------------------------------------------------------------

# pycef gives a custom field the name in its label, and leaves escapes as they are.
HEADER = (
    *("CEFVersion", "DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID"),
    *("Name", "DeviceName", "Severity", "DeviceSeverity"),
)


def parsed(line: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Header and extension as pycef reads them."""
    found = pycef.parse(line.decode())
    assert found is not None
    return {k: found.pop(k) for k in HEADER}, found


def labelled(extension: dict[str, str]) -> dict[str, str]:
    """Custom fields under the names in their labels."""
    return {
        extension.get(f"{key}Label", key): value
        for key, value in extension.items()
        if not key.endswith("Label")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_another_parser_reads_what_was_written(kind: str) -> None:
    line = to_cef(KINDS[kind])
    header, extension = parsed(line)
    mine, values = read(line)
    assert [header[k] for k in ("DeviceVendor", "DeviceProduct", "DeviceVersion")] == mine[1:4]
    assert (header["CEFVersion"], header["DeviceEventClassID"]) == ("0", mine[4])
    assert (header["Name"], header["Severity"]) == (mine[5], mine[6])
    assert {key: unescaped(value) for key, value in extension.items()} == labelled(values)


# Three ways to end a line are one in CEF. pycef reads no header with an escape or "=" in it: such a
# header is left to the reader above.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
HARD_TEXT = st.text(st.sampled_from("a \\=|\n\r:,é日"), min_size=1, max_size=30)


@given(actor=ANY_TEXT | HARD_TEXT, purpose=ANY_TEXT | HARD_TEXT, reason=HARD_TEXT)
def test_values_survive_escaping_and_another_parser(actor: str, purpose: str, reason: str) -> None:
    line = to_cef(facts(full_entry(actor=actor, purpose=purpose, reason=reason)))
    assert b"\n" not in line
    assert b"\r" not in line
    sent = {"suser": actor, "cs3": purpose, "reason": reason}
    _, values = read(line)
    _, others = parsed(line)
    for key, value in sent.items():
        name = "purpose" if key == "cs3" else key
        assert values[key] == unescaped(others[name]) == re.sub(r"\r\n|\r", "\n", value)


@given(action=HARD_TEXT)
def test_a_header_survives_escaping(action: str) -> None:
    header, _ = read(to_cef(facts(full_entry(action=action))))
    assert len(header) == 7
    assert header[4] == re.sub(r"\r\n|\r|\n", " ", action)


# -- by the dictionary -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_has_the_header_and_keys_of_the_dictionary(kind: str) -> None:
    line = to_cef(KINDS[kind])
    header, extension = read(line)
    assert b"\n" not in line
    assert header[0] == "CEF:0"
    assert len(header) == 7
    assert 0 <= int(header[6]) <= 10
    assert set(extension) <= set(LENGTHS)
    assert all(0 < len(value) <= LENGTHS[key] for key, value in extension.items())
    # A custom field stands with its label, and a label with its field.
    for key in extension:
        if re.fullmatch(r"cs\d|cn\d|c6a\d|flexString\d", key):
            assert f"{key}Label" in extension
        if key.endswith("Label"):
            assert key.removesuffix("Label") in extension


def test_what_happened_is_where_it_is_looked_for() -> None:
    header, extension = read(to_cef(facts(full_entry())))
    assert header[4] == "records.customers.get"
    assert (extension["suser"], extension["src"], extension["spt"]) == (
        "compliance",
        "10.1.2.3",
        "44000",
    )
    assert (extension["act"], extension["outcome"]) == ("ALLOWED", "OK")
    assert extension["rt"] == "1772357400123"
    assert (extension["cs3Label"], extension["cs3"]) == ("purpose", "ONBOARDING_CDD")
    assert read(to_cef(facts(bare_entry())))[0][6] == "7"
    assert read(to_cef(facts(unreadable_entry())))[0][6] == "10"


def test_an_ipv6_address_has_its_own_key() -> None:
    extension = read(to_cef(KINDS["from an IPv6 address"]))[1]
    assert (extension["c6a2"], extension["spt"]) == ("fd00::1", "44000")
    assert "src" not in extension


def test_nothing_in_an_event_breaks_out_of_its_field() -> None:
    evil = "a|b=c\\d\ne suser=root"
    line = to_cef(facts(full_entry(actor=evil, action="x|y\\z", purpose="\r\nCEF:0|")))
    header, extension = read(line)
    assert b"\n" not in line
    assert b"\r" not in line
    assert header[4] == "x|y\\z"
    assert len(header) == 7
    assert extension["suser"] == evil
    assert extension["cs3"] == "\nCEF:0|"


def test_long_values_are_cut_to_what_the_dictionary_allows() -> None:
    extension = read(to_cef(facts(full_entry(fields=["f" * 100] * 100, actor="a" * 5000))))[1]
    assert len(extension["cs5"]) == 4000
    assert len(extension["suser"]) == 1023
