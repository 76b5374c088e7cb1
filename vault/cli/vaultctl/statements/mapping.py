"""The mapping file of an import (TOML): what statements leave open, and what columns mean.

    [defaults]                       # for what neither file nor code says
    time_zone = "Asia/Shanghai"
    instrument = "CREDIT_TRANSFER"
    channel = "WEB"
    currency = "CNY"
    account = "6200007349225835184"

    [codes."PMNT/ICDT/ESCT"]         # instrument and channel of a booking's code
    channel = "WEB"

    [csv]                            # for CSV only
    delimiter = ";"
    encoding = "gb18030"
    skip_lines = 2                   # above the header
    decimal = ","
    thousands = "."
    date = "%d.%m.%Y"

    [columns]
    "交易日期" = "booked"
    "借方" = "debit"
    "贷方" = "credit"
    "余额" = "balance"
    "借贷" = { field = "direction", values = { "借" = "DEBIT", "贷" = "CREDIT" } }
    "时间" = { field = "booked", format = "%Y-%m-%d %H:%M:%S" }
    "柜员" = "channel.teller"

A name or value that is not known is an error, which says where: a misspelt option is never passed
over.
"""

from __future__ import annotations

import hashlib
import tomllib
import zoneinfo
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from recordsvault.type.v1.transaction_pb2 import ChannelKind, Instrument
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.options import unreadable
from vault.cli.vaultctl.statements import decoding
from vault.cli.vaultctl.statements.codes import NOTHING, Meaning, meaning

INSTRUMENTS: Final = tuple(
    name.removeprefix("INSTRUMENT_") for name, number in Instrument.items() if number
)
CHANNELS: Final = tuple(
    name.removeprefix("CHANNEL_KIND_") for name, number in ChannelKind.items() if number
)
FIELDS: Final = frozenset(
    "booked valued amount credit debit direction currency account reference end_to_end "
    "remittance purpose code balance instrument channel status customer_number".split()
)
"""What a column of a CSV can be, beside paths of a transaction such as `counterparty.name`."""
_LARGEST: Final = 1 << 20
_DEFAULTS: Final = ("time_zone", "instrument", "channel", "currency", "account")
_CSV: Final = ("delimiter", "quote", "encoding", "skip_lines", "decimal", "thousands", "date")


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What a column means: its field, the form of its days, and other words for its values."""

    header: str
    meant: str
    format: str = ""
    values: MappingOf[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a CSV file is written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = ""
    skip_lines: int = 0
    decimal: str = "."
    thousands: str = ""
    date: str = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, checked. `digest` tells two of them apart."""

    time_zone: str = ""
    instrument: str = ""
    channel: str = ""
    currency: str = ""
    account: str = ""
    codes: MappingOf[str, Meaning] = field(default_factory=dict)
    csv: CsvForm = field(default_factory=CsvForm)
    columns: tuple[ColumnRule, ...] = ()
    digest: str = ""

    def meaning(self, code: str) -> Meaning:
        """Instrument and channel of a code: by the file, then by what the code itself says, then
        by the defaults. `NTRF+166` is looked for before `NTRF`."""
        said = self.codes.get(code)
        if said is None and "+" in code:
            said = self.codes.get(code.partition("+")[0])
        said = said or NOTHING
        own = meaning(code)
        return (
            said[0] or own[0] or self.instrument,
            said[1] or own[1] or self.channel,
        )


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file. Raises CommandError, which names what is wrong in it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(data) > _LARGEST:
        raise _wrong(path, "the file", "is larger than a mapping can be", "过大")
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise _wrong(path, "the file", "is no TOML", "不是 TOML") from None
    _only(path, table, ("defaults", "codes", "csv", "columns"), "")
    defaults = _table(path, table, "defaults")
    _only(path, defaults, _DEFAULTS, "defaults.")
    return Mapping(
        time_zone=zone(_text(path, defaults, "time_zone", "defaults.")),
        instrument=_one_of(path, defaults, "instrument", INSTRUMENTS, "defaults."),
        channel=_one_of(path, defaults, "channel", CHANNELS, "defaults."),
        currency=_text(path, defaults, "currency", "defaults."),
        account=_text(path, defaults, "account", "defaults."),
        codes=_codes(path, _table(path, table, "codes")),
        csv=_form(path, _table(path, table, "csv")),
        columns=_columns(path, _table(path, table, "columns")),
        digest=hashlib.sha256(data).hexdigest()[:16],
    )


def zone(name: str) -> str:
    """A time zone, or none. Raises CommandError for one that does not exist."""
    if name:
        try:
            zoneinfo.ZoneInfo(name)
        except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
            raise CommandError(
                "That time zone does not exist: give an IANA name such as Asia/Shanghai.",
                "时区不存在：请使用 IANA 名称，如 Asia/Shanghai。",
            ) from None
    return name


def _codes(path: Path, table: dict[str, Any]) -> dict[str, Meaning]:
    found: dict[str, Meaning] = {}
    for code in table:
        rule = _table(path, table, code, "codes.")
        where = f"codes.{code}."
        _only(path, rule, ("instrument", "channel"), where)
        found[code] = (
            _one_of(path, rule, "instrument", INSTRUMENTS, where),
            _one_of(path, rule, "channel", CHANNELS, where),
        )
    return found


def _form(path: Path, table: dict[str, Any]) -> CsvForm:
    _only(path, table, _CSV, "csv.")
    usual = CsvForm()
    skip = table.get("skip_lines", 0)
    if type(skip) is not int or not 0 <= skip <= 1000:
        raise _wrong(
            path, "csv.skip_lines", "must be a number up to 1000", "必须是不超过 1000 的数"
        )
    form = CsvForm(
        delimiter=_text(path, table, "delimiter", "csv.") or usual.delimiter,
        quote=_text(path, table, "quote", "csv.") or usual.quote,
        encoding=_text(path, table, "encoding", "csv."),
        skip_lines=skip,
        decimal=_text(path, table, "decimal", "csv.") or usual.decimal,
        thousands=_text(path, table, "thousands", "csv."),
        date=_text(path, table, "date", "csv.") or usual.date,
    )
    for name, value in (("delimiter", form.delimiter), ("quote", form.quote)):
        if len(value) != 1 or value in "\r\n":
            raise _wrong(path, f"csv.{name}", "must be one character", "必须是单个字符")
    if form.decimal not in (".", ",") or form.thousands not in ("", ".", ",", " ", "'"):
        raise _wrong(path, "csv.decimal", "or csv.thousands is no such mark", "或千位分隔符无效")
    if form.decimal == form.thousands or form.delimiter == form.quote:
        raise _wrong(path, "csv", "has one mark for two things", "同一符号用于两处")
    if form.encoding:
        decoding.known(form.encoding)
    return form


def _columns(path: Path, table: dict[str, Any]) -> tuple[ColumnRule, ...]:
    rules = []
    for header, given in table.items():
        where = f"columns.{header}"
        rule = {"field": given} if isinstance(given, str) else given
        if not isinstance(rule, dict):
            raise _wrong(path, where, "must be a field or a table", "必须是字段或表")
        _only(path, rule, ("field", "format", "values"), f"{where}.")
        name = _text(path, rule, "field", f"{where}.")
        if not name:
            raise _wrong(path, where, "names no field", "未指定字段")
        values = rule.get("values", {})
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise _wrong(path, f"{where}.values", "must be a table of texts", "必须是文本表")
        format_ = _text(path, rule, "format", f"{where}.")
        rules.append(ColumnRule(header, name, format_, dict(values)))
    fields = [rule.meant for rule in rules]
    for name in fields:
        # A day and a time of day may stand in two columns.
        if fields.count(name) > 1 and name not in ("booked", "remittance"):
            raise _wrong(path, f"columns, {name}", "is the field of two columns", "对应两列")
    return tuple(rules)


def _table(path: Path, table: dict[str, Any], name: str, where: str = "") -> dict[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise _wrong(path, where + name, "must be a table", "必须是表")
    return found


def _text(path: Path, table: dict[str, Any], name: str, where: str) -> str:
    found = table.get(name, "")
    if not isinstance(found, str):
        raise _wrong(path, where + name, "must be a text", "必须是文本")
    return found


def _one_of(
    path: Path, table: dict[str, Any], name: str, allowed: tuple[str, ...], where: str
) -> str:
    found = _text(path, table, name, where)
    if found and found not in allowed:
        listed = ", ".join(allowed)
        raise _wrong(path, where + name, f"must be one of {listed}", f"必须是以下之一：{listed}")
    return found


def _only(path: Path, table: dict[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in allowed:
            listed = ", ".join(allowed)
            raise _wrong(
                path, where + name, f"is not known; there are {listed}", f"未知；可用项：{listed}"
            )


def _wrong(path: Path, where: str, en: str, zh: str) -> CommandError:
    return CommandError(f"{path}: {where} {en}.", f"{path}：{where} {zh}。", INPUT)
