"""The part of the demonstration that borrows: a teller asks, a custodian lends less, it ends."""

import re
import time
from typing import Any

from clients.examples.demo_stage import DemoFailed, Stage

ASKED = ("natural_person.full_name", "natural_person.identity.number", "phones")
LENT_SECONDS = 10
_OUT = re.compile(r"checkOuts/([0-9a-z]{26})")
_PURPOSE = "CUSTOMER_SERVICE"
NOT_ACTIVE = "CHECK_OUT_NOT_ACTIVE"
_CHANGED = 8

LENDING_EVENTS = (
    ("crm", "lending.check_outs.request"),
    ("custodian", "lending.check_outs.list"),
    ("custodian", "lending.check_outs.get"),
    ("custodian", "lending.check_outs.approve"),
)


def borrow(stage: Stage, name: str, person: dict[str, Any]) -> None:
    """Ask, lend, read, read no more, and look it up in the register. Raises DemoFailed."""
    out = _ask(stage, name)
    ends = _lend(stage, out)
    _read(stage, name, out, person)
    _end(stage, name, out, ends)
    _print_register(stage, name, out)


def _ask(stage: Stage, name: str) -> str:
    stage.step("A teller at the CRM asks to borrow three fields: his token beside its certificate")
    stage.fetch_token("teller", "crm")
    fields = [part for field in ASKED for part in ("--field", field)]
    said = stage.vaultctl(
        "crm",
        *("checkout", "request", name, *fields, "--purpose", _PURPOSE, "--for", "2h"),
        *("--reason", "Calls back about a lost card"),
        person="teller",
    )
    match = _OUT.search(said)
    if match is None or "custodian" not in said:
        raise DemoFailed("the request does not wait for a custodian", said)
    return match.group()


def _lend(stage: Stage, out: str) -> float:
    """When it will have ended, by the monotonic clock."""
    stage.step("The custodian sees what is asked, leaves a field out, shortens it, and agrees")
    waiting = stage.vaultctl("custodian", "checkout", "inbox")
    if out not in waiting:
        raise DemoFailed("the request is not in the custodian's inbox", waiting)
    said = stage.vaultctl(
        "custodian",
        *("checkout", "approve", out, "--field", "full_name", "--field", "phones"),
        *("--for", f"{LENT_SECONDS}s", "--yes"),
    )
    if "(left out)" not in said or "is open until" not in said:
        raise DemoFailed("the approval does not say what it is for", said)
    return time.monotonic() + LENT_SECONDS


def _read(stage: Stage, name: str, out: str, person: dict[str, Any]) -> None:
    stage.step("The CRM reads for the teller what was lent, and of the rest the masked view")
    said = stage.vaultctl("crm", *_reading(name, out), person="teller")
    natural = person["natural_person"]
    lent = (natural["full_name"], *person["phones"])
    kept = (natural["identity"]["number"], *person["accounts"])
    if not all(value in said for value in lent):
        raise DemoFailed("what was lent was not opened", said)
    if any(value in said for value in kept):
        raise DemoFailed("more was opened than was lent", said)


def _end(stage: Stage, name: str, out: str, ends: float) -> None:
    stage.step(f"After {LENT_SECONDS} seconds it has ended by itself: the same read is refused")
    time.sleep(max(0.0, ends - time.monotonic()))
    said = stage.vaultctl("crm", *_reading(name, out), person="teller", expect=_CHANGED)
    if NOT_ACTIVE not in said:
        raise DemoFailed(f"the refusal does not give the reason {NOT_ACTIVE}", said)
    stage.note(f"exit code 8 is FAILED_PRECONDITION; the reason, {NOT_ACTIVE}, is in the log")


def _reading(name: str, out: str) -> tuple[str, ...]:
    return ("customers", "get", name, "--full", "--purpose", _PURPOSE, "--check-out", out)


def _print_register(stage: Stage, name: str, out: str) -> None:
    stage.step("The lending register (借阅登记簿): who borrowed what, who agreed, how it ended")
    said = stage.vaultctl("custodian", "checkout", "register", "--customer", name)
    if out.rpartition("/")[2] not in said or "expired" not in said:
        raise DemoFailed("the register does not show how it ended", said)
    page = stage.folder / "register.html"
    stage.vaultctl(
        "custodian",
        *("checkout", "register", "--format", "html", "--lang", "zh", "--out", str(page)),
    )
    if "借阅登记簿" not in page.read_text(encoding="utf-8"):
        raise DemoFailed("the printed register is not the register")
    stage.note(f"{page} is the same in Chinese, to print")
