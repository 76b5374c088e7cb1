"""The readable page of an export: `index.html` above the folders of its runs, in the language of
the command. It is made from what the manifests say; what proves them is in the runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from vault.bundles.manifest import MANIFEST
from vault.bundles.page import Language, Section, Table, page
from vault.cli.vaultctl import language
from vault.cli.vaultctl.durable import sync_folder
from vault.cli.vaultctl.export_runs import LINES, PAGE, Runs
from vault.cli.vaultctl.language import say

MOST_FILES: Final = 1_000
"""Files that the page names; the lists of the runs have all."""
_COUNTS: Final = ("documents", "transactions", "contents")


def write_page(runs: Runs) -> None:
    """Write the page anew; nothing where there is no manifest yet. Raises OSError."""
    if not runs.runs:
        return
    draft = runs.folder / f".{PAGE}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        file.write(page_of(runs))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(runs.folder / PAGE)
    sync_folder(runs.folder)


def page_of(runs: Runs) -> bytes:
    """The page of an export that has a manifest at least."""
    manifests = [json.loads((one.folder / MANIFEST).read_bytes()) for one in runs.runs]
    last = manifests[-1]
    tongue = Language.ZH_CN if language.language() is language.Language.ZH else Language.EN
    return page(
        tongue,
        say(f"Export of files of {last['name']}", f"档案导出：{last['name']}"),
        [_asked(last), _counted(runs, manifests), _runs(runs, manifests), _files(runs), _proof()],
        [
            say(
                "This page was made by vaultctl from the manifests beside it. It proves nothing "
                "itself, and asks no other machine for anything.",
                "本页由 vaultctl 依据旁边的清单生成，本身不构成证明，亦不访问任何其他机器。",
            ),
            say(f"Manifests signed by the log {last['log']}.", f"清单由日志 {last['log']} 签名。"),
        ],
    )


def _asked(last: Mapping[str, Any]) -> Section:
    facts = last["facts"]
    named = facts["named"]
    every = say("all", "全部")
    unbounded = say("no bound", "不限")
    return Section(
        say("What was asked for", "导出范围"),
        rows=[
            (say("Institution", "机构"), last["name"]),
            (say("Sealed to the key (SHA-256)", "接收方密钥（SHA-256）"), facts["recipient"]),
            (say("Customers", "客户"), str(named) if named else every),
            (say("Parts", "内容"), ", ".join(map(_part, facts["parts"]))),
            (say("Transactions from", "交易起始"), facts["booked_from"] or unbounded),
            (say("Transactions before", "交易截止（不含）"), facts["booked_to"] or unbounded),
        ],
    )


def _counted(runs: Runs, manifests: list[Mapping[str, Any]]) -> Section:
    def total(name: str) -> str:
        return f"{sum(int(one['facts'].get(name, 0)) for one in manifests):,}"

    complete = runs.complete
    adds_up = complete and all(one["facts"]["reconciled"] is True for one in manifests)
    return Section(
        say("What there is", "数量"),
        ""
        if complete
        else say(
            "The export is not complete: it is gone on with by `vaultctl export --go-on`.",
            "导出尚未完成：可用 `vaultctl export --go-on` 继续。",
        ),
        [
            (say("Complete", "是否完成"), _yes(complete)),
            (say("The counts are those of the store", "数量与存储一致"), _yes(adds_up)),
            (say("Files", "档案"), total("files")),
            (say("Customers stored", "存有客户"), total("files_stored")),
            (say("Closed to who exported", "导出人无权查阅"), total("files_closed")),
            (say("Destroyed before", "此前已销毁"), total("files_destroyed")),
            *((_part(name), total(name)) for name in _COUNTS),
        ],
    )


def _runs(runs: Runs, manifests: list[Mapping[str, Any]]) -> Table:
    head = (
        say("Folder", "文件夹"),
        say("Files", "档案"),
        say("Behind the customer", "起始（不含）"),
        say("Through", "止于"),
        say("Check-out", "借阅"),
        say("Made at", "生成时间"),
    )
    rows = [
        (
            run.folder.name,
            f"{one['facts']['files']:,}",
            one["facts"]["after"] or "-",
            one["facts"]["through"] or "-",
            one["facts"]["check_out"],
            one["made_at"],
        )
        for run, one in zip(runs.runs, manifests, strict=True)
    ]
    return Table(
        say("Runs", "批次"),
        say(
            "An export that broke off was gone on with behind the last customer whom a manifest "
            "lists.",
            "中断的导出自清单所列最后一位客户之后继续。",
        ),
        [head, *rows],
    )


def _files(runs: Runs) -> Table:
    head = (
        say("File", "文件"),
        say("Bytes", "字节"),
        *map(_part, _COUNTS),
        "SHA-256",
    )
    lines = list(islice(_lines(runs), MOST_FILES + 1))
    note = say(
        "Each is sealed with a key of its own, which only the recipient's private key opens.",
        "每份档案各用独立密钥密封，仅接收方私钥可以打开。",
    )
    if len(lines) > MOST_FILES:
        note += " " + say(
            f"The first {MOST_FILES:,} are named here, all of them in `{LINES}` of each run.",
            f"此处仅列前 {MOST_FILES:,} 份，全部见各批次的 `{LINES}`。",
        )
    rows = [
        (
            f"{folder}/{one['file']}",
            f"{one['size']:,}",
            *(f"{one[name]:,}" for name in _COUNTS),
            one["sha256"],
        )
        for folder, one in lines[:MOST_FILES]
    ]
    return Table(say("Files", "档案"), note, [head, *rows])


def _proof() -> Section:
    return Section(
        say("How to verify", "如何验证"),
        say(
            "With the public key of the log, which comes from the vault's operator and not from "
            "this folder. Neither takes the vault.",
            "须使用日志公钥；公钥由保险库运维人员另行提供，不取自本文件夹。两者均无需连接保险库。",
        ),
        [
            (
                say("Whole, and as exported", "完整且未被改动"),
                "vaultctl bundle verify-export FOLDER --key LOG.vkey",
            ),
            (
                say("One file, by who has its key", "单份档案（持有私钥者）"),
                "vaultctl bundle verify FILE --key LOG.vkey --private-key KEY",
            ),
        ],
    )


def _lines(runs: Runs) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for run in runs.runs:
        path: Path = run.folder / LINES
        if path.exists():
            with path.open("rb") as lines:
                for line in lines:
                    yield run.folder.name, json.loads(line)


def _part(name: str) -> str:
    return {
        "customer": say("customer", "客户"),
        "documents": say("identity documents", "证件"),
        "transactions": say("transactions", "交易"),
        "contents": say("scans and files", "影像及文件"),
    }[name]


def _yes(value: bool) -> str:
    return say("yes", "是") if value else say("no", "否")
