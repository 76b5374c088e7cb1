"""Calls of access administration, for the commands of `vaultctl policy` and `vaultctl access`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import typer

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault_client import NotFound
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.session import session

_ID = re.compile(r"[0-9a-z]{26}")
_NAME = re.compile(r"(institutions/[a-z][a-z0-9-]{1,39}/)?proposals/[0-9a-z]{26}")
_COMPARING_SECONDS = 60.0
_PAGE = 200


class Steward:
    """The service, as the profile's caller."""

    def __init__(self, context: typer.Context) -> None:
        """Take the profile of the command. Raises ProfileError, CommandError."""
        made = session(context)
        client = made.client()
        self.parent = client.profile.parent
        self.service = client.access_admin
        # Decisions of two sets of policies are compared, which takes the vault some seconds.
        self._patience = max(made.timeout, _COMPARING_SECONDS)

    def compare(self, texts: Mapping[str, str]) -> pb.PolicyReport:
        """What is to be said of policies beside those in force. Raises VaultError, as all that
        follows."""
        return self.service.test_policies(texts, compare=True, timeout=self._patience)

    def proposal(self, name: str) -> pb.GetProposalResponse:
        """A proposal with its content."""
        return self.service.get_proposal(name, timeout=self._patience)

    def policy_proposals(self) -> Iterable[pb.Proposal]:
        """All of policies, newest first; read as far as they are taken."""
        return self.service.list_proposals(kind="POLICY", parent="", page_size=_PAGE)

    def change_proposals(self) -> Iterable[pb.Proposal]:
        """All of the institution's principals, as above."""
        return self.service.list_proposals(kind="DIRECTORY", page_size=_PAGE)

    def principals(self) -> Iterable[pb.ListedPrincipal]:
        """The institution's, by name; read as far as they are taken."""
        return self.service.list_principals(page_size=_PAGE)

    def policies_name(self, given: str) -> str:
        """The name of a proposal of policies; its identifier will do. Raises CommandError."""
        return _name(given, "")

    def change_name(self, given: str) -> str:
        """The name of a proposal of principals; its identifier will do. Raises CommandError."""
        return _name(given, f"{self.parent}/")

    def step_name(self, given: str) -> str:
        """The name of a proposal about a key; its identifier will do, be the key the institution's
        or a KEK. Raises CommandError, VaultError."""
        mine, of_vault = _name(given, f"{self.parent}/"), _name(given, "")
        if mine != of_vault:
            try:
                self.service.get_proposal(mine)
            except NotFound:
                return of_vault
        return mine

    @staticmethod
    def either(context: typer.Context, given: str) -> tuple[str, str]:
        """What may be meant by a proposal about a key: one of the institution's keys, or a KEK.
        Raises CommandError."""
        parent = session(context).profile().parent
        return _name(given, f"{parent}/"), _name(given, "")


def _name(given: str, under: str) -> str:
    text = given.strip().lower()
    if _ID.fullmatch(text):
        return f"{under}proposals/{text}"
    if re.fullmatch(r"proposals/[0-9a-z]{26}", text):
        return under + text
    if _NAME.fullmatch(text):
        return text
    raise CommandError(
        "That is no proposal: give its 26 characters, or its whole name.",
        "提案名称无效：请给出其 26 个字符或完整名称。",
    )
