"""Who keeps a file: no file is written without somebody who may.

What was written is another matter: its custodian may leave at any moment, and such a file falls due
at once, until it is handed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vault.records import Customer
from vault.services.errors import FieldViolation, InvalidArgument, VaultError

NO_SUCH_CUSTODIAN: Final = "NO_SUCH_CUSTODIAN"


class NoCustodian(VaultError):
    """A file names no custodian, and its institution has none for such files."""

    code = "FAILED_PRECONDITION"
    reason = "NO_CUSTODIAN"

    def __init__(self) -> None:
        super().__init__(
            "The file names no custodian, and the institution has none for such files. Name a "
            "custodian in relationship.custodian, or have operations name one who is in the access "
            "directory in life.custodians of the configuration.",
            "该档案未指定保管人，且机构没有默认保管人。请在 relationship.custodian 中指定保管人，"
            "或请运维人员在配置的 life.custodians 中指定权限目录内的保管人。",
        )


@dataclass(frozen=True, slots=True)
class Custody:
    """`keeper` says who keeps a file of an institution, "" for nobody; `may_keep` whether somebody
    of its directory may, by his name there."""

    keeper: Callable[[str, Customer], str]
    may_keep: Callable[[str, str], bool]

    def is_kept(self, institution: str, customer: Customer) -> bool:
        """Whether somebody keeps a file who may, now."""
        return self.may_keep(institution, self.keeper(institution, customer))

    def require(
        self, institution: str, new: Customer, old: Customer | None = None, *, field: str
    ) -> None:
        """Make sure that somebody keeps a file that is about to be written; `field` is where the
        request has it. Whoever kept the version before still does: that he has left is no reason to
        refuse what changes otherwise. Raises InvalidArgument, NoCustodian."""
        keeper = self.keeper(institution, new)
        if old is not None and keeper == self.keeper(institution, old):
            return
        if self.may_keep(institution, keeper):
            return
        if new.relationship is None or not new.relationship.custodian:
            raise NoCustodian
        raise InvalidArgument([nobody(f"{field}.relationship.custodian")])

    def require_keeper(self, institution: str, name: str, field: str) -> None:
        """Make sure that somebody may keep files. Raises InvalidArgument."""
        if not self.may_keep(institution, name):
            raise InvalidArgument([nobody(field)])


def nobody(field: str) -> FieldViolation:
    """A field names somebody who may not keep files."""
    return FieldViolation(
        field,
        NO_SUCH_CUSTODIAN,
        "is no custodian: name a person in the access directory of the institution whom the "
        "policies let keep files, or have him put there (`vaultctl access propose`)",
        "不是保管人：请指定本机构权限目录内、策略允许保管档案的人员，"
        "或先将其加入目录（`vaultctl access propose`）",
    )
