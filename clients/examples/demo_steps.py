"""The steps of the demonstration, each with what it shows, and each held to it."""

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from clients.examples.command import CUSTOMERS, DOCUMENTS, TRANSACTIONS
from clients.examples.demo_lending import LENDING_EVENTS, NOT_ACTIVE, borrow
from clients.examples.demo_scans import SCAN, SCAN_EVENTS, scan
from clients.examples.demo_stage import DemoFailed, Event, Stage, make_console, running_vault

_HERE = Path(__file__).resolve().parent
_NAME = re.compile(r"customers/[0-9a-z]{26}")
_NUMBER = re.compile(r"(?=.*[0-9]{6})[0-9A-Z+]{9,}")
_RUN = re.compile(rb"[0-9A-Z+]{9,}")
_REASON = "CHECK_OUT_REQUIRED"
_DENIED = "DECISION_DENIED"
_STYLES = {"ALLOWED": "green", "DENIED": "bold red"}
_FULL_FIELDS = (
    "customer_number",
    "natural_person.full_name",
    "natural_person.birth_date",
    "natural_person.identity.number",
    "phones",
    "accounts",
)


def main() -> int:
    """Run the demonstration; the exit code."""
    parser = argparse.ArgumentParser(description="The vault's main job, step by step.")
    parser.add_argument("--dir", type=Path, default=Path(".demo"), help="the vault's folder")
    parser.add_argument("--port-full", help="the full tier's port; by default 7443")
    parser.add_argument("--port-masked", help="the masked tier's port; by default 7444")
    given = parser.parse_args()
    ports = [
        part
        for option in ("port_full", "port_masked")
        if (value := getattr(given, option))
        for part in (f"--{option.replace('_', '-')}", value)
    ]
    console = make_console()
    stage = Stage(given.dir, console)
    started = time.monotonic()
    try:
        _play(stage, ports)
    except DemoFailed as failed:
        console.print()
        console.print(Text(f"The demonstration failed: {failed}.", style="bold red"))
        if failed.output:
            console.print(Text(failed.output.rstrip()), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130
    seconds = time.monotonic() - started
    console.print()
    console.print(
        Text.assemble(
            (f"Done in {seconds:.0f} s. ", "bold green"),
            f"The servers have stopped; the vault stays in {given.dir}/: ",
            ("make dev" if given.dir == Path(".demo") else f"vaultd dev --dir {given.dir}", "bold"),
            " runs it again to play with.",
        ),
        soft_wrap=True,
    )
    return 0


def _play(stage: Stage, ports: Sequence[str]) -> None:
    person = _first_person()
    known = (stage.folder / "vault.toml").exists()
    stage.step(
        "A vault starts: its keys, its certificates, a full tier and a masked tier of its own"
        + (" (those that are there already)" if known else "")
    )
    options = f" {' '.join(ports)}" if ports else ""
    command = Text(f"    $ vaultd dev --dir {stage.folder}{options}", style="dim")
    stage.console.print(command, soft_wrap=True)
    with running_vault(stage.folder, ports):
        stage.note("both tiers take calls, over mutual TLS 1.3 only")
        tail = stage.tail()
        try:
            entries = tail.until([("officer", "audit.events.stream")])
            _store(stage)
            # An import that was done before asks the vault for nothing, so there is no event.
            if not known:
                entries += tail.until([("backend", "records.import")])
            name = _read_masked(stage, person)
            scan(stage, name, _shown(SCAN))
            _be_refused(stage, name, person)
            lends = stage.has_tokens()
            if lends:
                borrow(stage, name, person)
            else:
                stage.note(
                    "(a vault made before persons had tokens: make clean, and see them borrow)"
                )
            _read_full(stage, name, person)
            expected = _EXPECTED + (LENDING_EVENTS if lends else ())
            _show_log(stage, entries + tail.until(expected))
        finally:
            tail.close()
        stage.step("The operator sees the health of both tiers")
        stage.vaultctl("operator", "health")


def _first_person() -> dict[str, Any]:
    """The first natural person of the example customers."""
    with (_HERE / CUSTOMERS).open(encoding="utf-8") as lines:
        for line in lines:
            customer: dict[str, Any] = json.loads(line)["new_customer"]
            if "natural_person" in customer:
                return customer
    raise DemoFailed(f"{CUSTOMERS} has no natural person")


def _secrets(person: dict[str, Any]) -> list[str]:
    """What no masked view may show of a customer."""
    natural = person["natural_person"]
    return [
        natural["identity"]["number"],
        natural["full_name"],
        *person["phones"],
        *person["accounts"],
    ]


def _store(stage: Stage) -> None:
    stage.step("The back end stores customers, documents and transactions: sealed, none in clear")
    files = [str(_shown(_HERE / name)) for name in (CUSTOMERS, DOCUMENTS, TRANSACTIONS)]
    state = str(stage.folder / "import-state")
    stage.vaultctl("backend", "import", *files, "--state", state, bar=True)
    _nothing_in_clear(stage)


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _nothing_in_clear(stage: Stage) -> None:
    """Look for every customer's numbers in the database's own bytes."""
    wanted: set[str] = set()
    with (_HERE / CUSTOMERS).open(encoding="utf-8") as lines:
        for line in lines:
            wanted.update(filter(_NUMBER.fullmatch, _texts(json.loads(line))))
    size, runs = 0, b""
    for file in sorted(stage.folder.glob("vault.db*")):
        data = file.read_bytes()
        size += len(data)
        # A number in clear is part of such a run; there are few of them, and 64 MB of the rest.
        runs += b" ".join(_RUN.findall(data)) + b" "
    if any(number.encode() in runs for number in wanted):
        raise DemoFailed("the database holds a number of a customer in clear")
    stage.note(
        f"{len(wanted):,} identity, phone and account numbers looked for in the {size / 1e6:.0f} MB"
        f" of {stage.folder}/vault.db: none is there in clear"
    )


def _texts(value: object) -> Iterator[str]:
    """Every text in a record."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _read_masked(stage: Stage, person: dict[str, Any]) -> str:
    """The resource name of the person."""
    stage.step("The CRM lists customers: masked views, from a tier that holds no key for more")
    listed = stage.vaultctl("crm", "customers", "list", "--limit", "5")
    if "*" not in listed:
        raise DemoFailed("the list is not masked", listed)

    stage.step("The CRM finds a customer by identity number, and still sees no number")
    number = person["natural_person"]["identity"]["number"]
    found = stage.vaultctl(
        "crm", "customers", "search", "--identity-number", "-", stdin=f"{number}\n"
    )
    stage.note("(the number is read from standard input, so that no list of processes shows it)")
    match = _NAME.search(found)
    if match is None:
        raise DemoFailed("the search did not find the customer that was stored", found)
    name = match.group()

    stage.step("The CRM reads that customer's transactions, masked too")
    booked = stage.vaultctl("crm", "transactions", "list", name, "--limit", "4", "--newest-first")
    if "transactions/" not in booked:
        raise DemoFailed("the customer has no transactions", booked)
    for said in (found, booked):
        _must_not_show(said, person)
    return name


def _must_not_show(said: str, person: dict[str, Any]) -> None:
    if any(value in said for value in _secrets(person)):
        raise DemoFailed("a masked answer shows what it must not", said)


def _be_refused(stage: Stage, name: str, person: dict[str, Any]) -> None:
    stage.step("The CRM asks for the full record, and is refused: PERMISSION_DENIED")
    said = stage.vaultctl(
        "crm",
        *("customers", "get", name, "--full", "--purpose", "CUSTOMER_SERVICE"),
        expect=5,
    )
    if _REASON not in said:
        raise DemoFailed(f"the refusal does not give the reason {_REASON}", said)
    _must_not_show(said, person)
    stage.note(f"exit code 5 is PERMISSION_DENIED; the reason, {_REASON}, is in the log as well")


def _read_full(stage: Stage, name: str, person: dict[str, Any]) -> None:
    stage.step("Compliance opens the same record in full, for a purpose that the log will name")
    said = stage.vaultctl(
        "compliance",
        *("customers", "get", name, "--full", "--purpose", "ENHANCED_DUE_DILIGENCE"),
        *("--fields", ",".join(_FULL_FIELDS)),
    )
    if not all(value in said for value in _secrets(person)):
        raise DemoFailed("the full record is not what was stored", said)


_EXPECTED = (
    ("crm", "masked.customers.list"),
    ("crm", "masked.customers.search"),
    ("masked-node", "internal.index.lookup"),
    ("crm", "masked.transactions.list"),
    *SCAN_EVENTS,
    ("crm", "records.customers.get"),
    ("compliance", "records.customers.get"),
)


def _show_log(stage: Stage, entries: Sequence[Event]) -> None:
    stage.step("The security officer has followed all of it live: every call, with who and why")
    stage.command("officer", "audit", "tail", "--json", note="(running since step 1)")
    table = Table("#", "who", "did", "decision", "", box=None, header_style="bold", pad_edge=False)
    for _, same in groupby(entries, key=_kind):
        alike = list(same)
        event = alike[0]["event"]
        decision = event["decision"].removeprefix("DECISION_")
        table.add_row(
            Text(_positions(alike), style="dim"),
            Text(event.get("actor", "-"), style="bold"),
            Text("/".join(part for part in (event["action"], _phase(event)) if part)),
            Text(decision, style=_STYLES.get(decision, "yellow")),
            Text(_detail(alike), style="dim"),
        )
    stage.show_table(table)
    denied = [entry["event"] for entry in entries if entry["event"]["decision"] == _DENIED]
    # Once without a check-out, and once when its time was over.
    refused = [("crm", _REASON), ("crm", NOT_ACTIVE)]
    if [(event["actor"], event.get("reason")) for event in denied] != refused:
        raise DemoFailed("the log does not show that the CRM was refused, and only he")
    text = json.dumps(entries, ensure_ascii=False)
    if any(value in text for value in _secrets(_first_person())):
        raise DemoFailed("the log shows what it must not")
    stage.note("the entries tell all that, and hold no name or number of the customer")


def _kind(entry: Event) -> tuple[str, ...]:
    event = entry["event"]
    return (event.get("actor", ""), event["action"], _phase(event), event["decision"])


def _phase(event: Event) -> str:
    phase = str(event.get("phase", "")).removeprefix("PHASE_").lower()
    return "" if phase == "call" else phase


def _positions(alike: Sequence[Event]) -> str:
    first, last = (str(entry.get("position", 0)) for entry in (alike[0], alike[-1]))
    return first if first == last else f"{first}-{last}"


def _detail(alike: Sequence[Event]) -> str:
    event = alike[0]["event"]
    count = sum(int(entry["event"].get("count", 0)) for entry in alike)
    parts = [
        f"{len(alike)} messages" if len(alike) > 1 else "",
        f"{count:,} {'record' if count == 1 else 'records'}" if count else "",
        f"on behalf of {event['on_behalf_of']}" if "on_behalf_of" in event else "",
        f"for {event['purpose']}" if "purpose" in event else "",
        f"revealed {len(event['fields'])} fields" if "fields" in event else "",
        event.get("reason", ""),
    ]
    return ", ".join(part for part in parts if part)
