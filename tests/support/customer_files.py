"""The customers' files of a whole tier in tests: read by check-out or by role, and changed; held
against the model of need_to_know.py.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from recordsvault.records.v1 import customer_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import party_pb2, purpose_pb2
from tests.records import builders
from tests.support.bank_staff import ANYHOW, ODD, Staff, Step
from tests.support.lending_facts import BRANCHES, DAY, Account, Life, within
from tests.support.need_to_know import Model
from tests.support.running_vault import OWN
from tests.support.trying import Trying
from tests.support.whole_tier import HandClock, WholeTier, copy_of, kept_folder, template
from vault.rpc.servicers.resources import CUSTOMER

PARENT = f"institutions/{OWN}"
RECORDS = "/recordsvault.records.v1.Records/"
# 2026-06-01, 10 in the morning in Shanghai.
START = 1_780_279_200_000_000
CAREFUL = 1  # the customer whose file needs more care at first
_NUMBERS = ("110105194912310046", "11010519491231002X")  # those of GB 11643, and the next woman's
_VIP = party_pb2.SENSITIVITY_VIP
_NAMING = {"name", "version", "etag", "create_time", "update_time"}
_BACKEND = Account("backend", "backend", "", {}, set())

Flat = dict[str, list[Any]]


class Files:
    """The files of ``names``, each with its versions, the newest one last."""

    def __init__(self, folder: Path, trying: Trying, staff: Staff, model: Model) -> None:
        filled, self.names = _filled()
        copy_of(filled, folder)
        self._try = trying
        self._staff = staff
        self._model = model
        self._versions: dict[int, list[customer_pb2.Customer]] = {}

    async def update(self, step: Step) -> None:
        """Change a customer's number, name or branch, or whether his file needs more care."""
        customer = step.customer
        if customer not in self._versions:
            self._versions[customer] = [await self._stored(customer)]
        versions, careful = self._versions[customer], self._model.careful
        record = customer_pb2.Customer()
        record.CopyFrom(versions[-1])
        kind = step.which % 4
        if kind == 0:
            record.customer_number = f"C{customer}{len(versions)}"
        elif kind == 1:
            record.natural_person.full_name = f"王{'小大'[len(versions) % 2]}明"
        elif kind == 2:
            record.branch = next(one for one in BRANCHES if one != record.branch)
        elif customer in careful:
            del record.sensitivities[:]
        else:
            record.sensitivities.append(_VIP)
        record.change_reason = f"Change {len(versions)}"
        done = await self._try(
            "update", True, _BACKEND, RECORDS + "UpdateCustomer",
            pb.UpdateCustomerRequest(customer=record), pb.UpdateCustomerResponse,
        )  # fmt: skip
        assert done is not None
        record.etag = done.customer.etag
        versions.append(record)
        self._model.branches[customer] = record.branch
        if kind == 3:
            careful ^= {customer}

    async def read(self, step: Step, life: Life | None) -> None:
        """Read a file, by a check-out or by one's role alone: as it is or, by the flag, as it has
        been; all of it, or some fields."""
        model, customer, purpose = self._model, step.customer, step.purpose
        if life is not None and step.aimed != ANYHOW:
            customer, purpose = life.customer, life.purpose
            # What is odd of it is the check-out, or one thing that is asked for by it.
            if step.aimed == ODD and model.lent(life):
                if step.flag:
                    customer = 1 - customer
                else:
                    purpose = step.purpose
        if customer not in self._versions:
            self._versions[customer] = [await self._stored(customer)]
        case = step.aimed != ANYHOW or step.minutes > 20

        def may(one: Account) -> list[tuple[str, ...]] | None:
            return model.reads(one, customer, purpose, life, case=case)

        def might(one: Account) -> bool:
            open_ = model.table(one, purpose, lent=life is not None)
            return bool(open_) and (life is None or one.person == life.asker)

        involved = () if life is None else (life.asker, *(one.person for one in life.agreed))
        who = self._staff.pick(step, lambda one: may(one) is not None, might, involved)
        open_ = may(who)
        mask = step.fields if step.which % 2 else ()
        wanted: dict[str, Any] = {
            "name": self.names[customer],
            "purpose": purpose_of(purpose),
            "case_reference": "K-1" if case else "",
            "check_out": "" if life is None else life.name,
            "read_mask": {"paths": [field.partition(".")[2] for field in mask]},
        }
        what = "read" if life is not None else "read by role"
        shown = await self._shown(what, open_ is not None, who, wanted, history=step.flag)
        if shown is None or open_ is None:
            return
        limits = [*open_, mask] if mask else open_
        versions = self._versions[customer]
        known = [
            _only(_flat(one), limits) for one in (versions[::-1] if step.flag else versions[-1:])
        ]
        assert [_flat(one) for one in shown] == known
        event = self._try.tier.last_event()
        assert {f"customer.{path}" for path in event.fields} == {p for one in known for p in one}
        assert event.actor == who.name
        assert event.check_out == ("" if life is None else life.name.rpartition("/")[2])
        if life is not None and life.once:
            life.over = "USED"

    async def _shown(
        self, what: str, may: bool, who: Account, wanted: dict[str, Any], *, history: bool
    ) -> Sequence[customer_pb2.Customer] | None:
        if history:
            method, request = "ListCustomerVersions", pb.ListCustomerVersionsRequest(**wanted)
            page = await self._try(
                what, may, who, RECORDS + method, request, pb.ListCustomerVersionsResponse
            )
            return None if page is None else page.customers
        one = await self._try(
            what, may, who, RECORDS + "GetCustomer", pb.GetCustomerRequest(**wanted),
            pb.GetCustomerResponse,
        )  # fmt: skip
        return None if one is None else [one.customer]

    async def _stored(self, customer: int) -> customer_pb2.Customer:
        request = pb.GetCustomerRequest(
            name=self.names[customer], purpose=purpose_pb2.PURPOSE_CUSTOMER_SERVICE
        )
        method = RECORDS + "GetCustomer"
        tier = self._try.tier
        return (await tier.call("backend", method, request, pb.GetCustomerResponse)).customer


def purpose_of(name: str) -> purpose_pb2.Purpose.ValueType:
    """As the contract has it."""
    return purpose_pb2.Purpose.Value(f"PURPOSE_{name}")


def _flat(record: customer_pb2.Customer) -> Flat:
    """Values by their path, those of lists in order."""
    out: Flat = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, list):
            for one in value:
                walk(path, one)
        elif isinstance(value, dict) and not path.endswith("_date"):
            for name, inner in value.items():
                walk(f"{path}.{name}", inner)
        else:
            out.setdefault(path, []).append(value)

    for name, value in json_format.MessageToDict(record, preserving_proto_field_name=True).items():
        if name not in _NAMING:
            walk(f"customer.{name}", value)
    return out


def _only(values: Flat, limits: Sequence[tuple[str, ...]]) -> Flat:
    return {
        path: value
        for path, value in values.items()
        if all(any(within(path, one) for one in limit) for limit in limits)
    }


@cache
def _filled() -> tuple[Path, tuple[str, ...]]:
    """A vault with two customers, and their names."""
    folder = kept_folder()
    copy_of(template(), folder)

    async def fill() -> tuple[str, ...]:
        tier = WholeTier(folder, HandClock(START - DAY))
        await tier.start()
        names = []
        for number in range(2):
            record = CUSTOMER.to_proto(builders.customer(customer_number=f"C{number}"))
            record.natural_person.identity.number = _NUMBERS[number]
            record.branch = BRANCHES[0]
            record.accounts[:] = [f"020000123456789012{number}"]
            if number == CAREFUL:
                record.sensitivities.append(_VIP)
            request = pb.CreateCustomerRequest(parent=PARENT, customer=record)
            method = RECORDS + "CreateCustomer"
            made = await tier.call("backend", method, request, pb.CreateCustomerResponse)
            names.append(made.customer.name)
        await tier.stop()
        return tuple(names)

    return folder, asyncio.run(fill())
