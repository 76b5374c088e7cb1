"""Whose right to keep files would end by a change of principals, while he keeps some.

It is looked at when the change is proposed, and when it is approved. A file that is stored in the
second between is not missed for long: it falls due, as those of a revocation do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable

from vault.access import PolicyEngine, Principal
from vault.access.directory_change import DirectoryChange
from vault.access.keeping import may_keep
from vault.services.errors import VaultError

# Counts the files of an institution that somebody of these keeps.
Kept = Callable[[str, Collection[str]], Awaitable[int]]
_SHOWN = 5


class KeepsFiles(VaultError):
    """Files would be left without a custodian."""

    code = "FAILED_PRECONDITION"
    reason = "CUSTODIAN_KEEPS_FILES"

    def __init__(self, places: list[str], files: int) -> None:
        where = ", ".join(places[:_SHOWN]) + (" ..." if len(places) > _SHOWN else "")
        super().__init__(
            f"The change ({where}) ends the right to keep files of somebody who keeps {files}. "
            "Hand them over first: `vaultctl records hand-over --from HIM --to ANOTHER --reason "
            "WHY`. If he has to go at once, say leaves_files in the change: then they fall due "
            "until they are handed over.",
            f"该变更（{where}）将终止某保管人的保管权限，而其名下仍有 {files} 份档案。"
            "请先移交：`vaultctl records hand-over --from 原保管人 --to 接收人 --reason 原因`。"
            "若须立即撤销，请在变更中声明 leaves_files：相关档案将列为待办，直至移交。",
            files=str(files),
            entries=",".join(places),
        )


def leaving(
    policy: PolicyEngine, institution: str, now: Iterable[Principal], then: Iterable[Principal]
) -> frozenset[str]:
    """The names of those of an institution who may keep files now, and could not then."""

    def keepers(some: Iterable[Principal]) -> set[str]:
        return {
            who.name for who in some if who.institution == institution and may_keep(policy, who)
        }

    return frozenset(keepers(now) - keepers(then))


def places(change: DirectoryChange, names: Collection[str]) -> list[str]:
    """Where a change names them: their names may be persons'."""
    return [
        *(f"remove[{n}]" for n, name in enumerate(change.remove) if name in names),
        *(f"upsert[{n}]" for n, one in enumerate(change.upsert) if one.principal.name in names),
    ]
