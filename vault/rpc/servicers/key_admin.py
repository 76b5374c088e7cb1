"""The service of keys: their versions, and steps with them, seen and proposed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from recordsvault.admin.v1 import keys_pb2 as pb
from vault.access import Action
from vault.rpc.methods import Method, Target, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.paging import page_size
from vault.rpc.problems import Problems
from vault.rpc.translate import keys as translate
from vault.rpc.translate import proposals
from vault.sealing import Clock
from vault.services.call import Call
from vault.services.proposing import Proposing
from vault.services.rotation.showing import Showing
from vault.services.rotation.steps import Step, Verb

_NAME = re.compile(r"(?:institutions/([a-z][a-z0-9-]{1,39})/)?proposals/([0-9a-z]{26})")


@dataclass(frozen=True, slots=True)
class KeyAdminUseCases:
    """What the service carries out."""

    proposing: Proposing
    showing: Showing
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Proposed:
    institution: str
    step: Step
    reason: str


@dataclass(frozen=True, slots=True)
class _Named:
    institution: str
    identifier: str


def methods(use: KeyAdminUseCases) -> dict[str, Method]:
    """The service's table."""
    showing, proposing, clock = use.showing, use.proposing, use.clock

    async def versions(call: Call, institution: str) -> Message:
        found = await showing.versions(call, institution)
        providers = () if institution else showing.providers
        return pb.ListKeyVersionsResponse(
            versions=map(translate.version, found), providers=providers
        )

    async def steps(call: Call, asked: tuple[str, int]) -> Message:
        institution, limit = asked
        work = await showing.work(call, institution, limit)
        waiting = await proposing.waiting_key_steps(call, institution, limit)
        call.touched(count=len(work) + len(waiting))
        now = clock.now_micros()
        return pb.ListKeyStepsResponse(
            work=map(translate.work, work),
            waiting=[proposals.proposal(one, now, whole=False) for one in waiting],
        )

    async def get(call: Call, named: _Named) -> Message:
        job = await showing.job(call, named.institution, named.identifier)
        found = await proposing.find_key_step(named.institution, named.identifier)
        return pb.GetKeyStepResponse(
            proposal=proposals.proposal(found, clock.now_micros(), whole=True),
            work=None if job is None else translate.work(job),
        )

    async def propose(call: Call, asked: _Proposed) -> Message:
        made = await proposing.key_step(call, asked.institution, asked.step, asked.reason)
        shown = proposals.proposal(made, clock.now_micros(), whole=True)
        return pb.ProposeKeyStepResponse(proposal=shown)

    async def withdraw(call: Call, named: _Named) -> Message:
        made = await proposing.withdraw_key_step(call, named.institution, named.identifier)
        shown = proposals.proposal(made, clock.now_micros(), whole=True)
        return pb.WithdrawKeyStepResponse(proposal=shown)

    return table(
        pb.DESCRIPTOR.services_by_name["KeyAdmin"],
        {
            "ListKeyVersions": Unary(
                Action.KEYS_LIST, pb.ListKeyVersionsRequest, _parent, _read_parent, versions
            ),
            "ListKeySteps": Unary(
                Action.KEYS_STATUS, pb.ListKeyStepsRequest, _parent, _read_page, steps
            ),
            "GetKeyStep": Unary(Action.KEYS_GET, pb.GetKeyStepRequest, _target, _read_name, get),
            "ProposeKeyStep": Unary(
                Action.KEYS_PROPOSE, pb.ProposeKeyStepRequest, _parent, _read_step, propose
            ),
            "WithdrawKeyStep": Unary(
                Action.KEYS_WITHDRAW, pb.WithdrawKeyStepRequest, _target, _read_name, withdraw
            ),
        },
    )


# -- reading requests ------------------------------------------------------------------------------


def _parent(request: Any) -> Target:
    return target_of_parent(request.parent) if request.parent else Target()


def _target(request: Any) -> Target:
    match = _NAME.fullmatch(request.name)
    return Target(match[1] or "", resource=request.name) if match else Target()


def _read_parent(request: Any, _problems: Problems) -> str:
    return _parent(request).institution


def _read_page(request: Any, _problems: Problems) -> tuple[str, int]:
    return _parent(request).institution, page_size(request.page_size)


def _read_name(request: Any, _problems: Problems) -> _Named:
    match = _NAME.fullmatch(request.name)
    # What is no name has been refused by the contract's own rule.
    return _Named(match[1] or "", match[2]) if match else _Named("", "")


def _read_step(request: pb.ProposeKeyStepRequest, problems: Problems) -> _Proposed | None:
    institution = _parent(request).institution
    if request.step.key not in translate.KEYS or request.step.verb not in translate.VERBS:
        return None  # refused by the contract's own rule
    step = translate.to_step(request.step)
    if step.key.of_vault and institution:
        problems.add(
            "parent",
            "KEY_OF_VAULT",
            "must be empty: KEKs are of the vault as a whole",
            "须为空：KEK 属于整个保险库",
        )
    if not step.key.of_vault and not institution:
        problems.add(
            "parent",
            "KEY_OF_INSTITUTION",
            "must name the institution whose key it is",
            "须指明密钥所属机构",
        )
    with problems.under("step"):
        _check(step, problems)
    if not request.reason.strip():
        problems.add("reason", "REQUIRED", "must say why", "必须说明理由")
    return None if problems else _Proposed(institution, step, request.reason.strip())


def _check(step: Step, problems: Problems) -> None:
    number = step.version.isascii() and step.version.isdecimal()
    if step.verb is not Verb.RETIRE and step.version:
        problems.add(
            "version",
            "ONLY_TO_RETIRE",
            "is given to retire one; a rotation makes the next version by itself",
            "仅在停用时填写；轮换会自动生成下一版本",
        )
    if step.verb is Verb.RETIRE and not (step.version if step.key.of_vault else number):
        problems.add(
            "version",
            "REQUIRED",
            "must be the version to retire, as ListKeyVersions has it",
            "须为要停用的版本，见 ListKeyVersions",
        )
    if step.verb not in (Verb.REWRAP, Verb.RESEAL) and step.rate:
        problems.add(
            "rate",
            "ONLY_TO_REWRAP",
            "is of a rewrap or a re-sealing only",
            "仅用于重新封装或重新密封",
        )
    if step.provider and not (step.key.of_vault and step.verb is Verb.ROTATE):
        problems.add(
            "provider",
            "ONLY_TO_ROTATE_KEK",
            "is given where a KEK is rotated only",
            "仅在轮换 KEK 时填写",
        )
