"""The readable page of a transaction's bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vault.audit.event import format_time
from vault.bundles.page import Language, Section, Table, page, rows_of, text_of, word
from vault.bundles.page_words import Word
from vault.records import Transaction
from vault.services.reconstructing.accesses import who
from vault.services.reconstructing.proofs import Proved
from vault.services.reconstructing.shown import Gathered, Shown

_RELATIONS: Final = {
    "corrects": Word.CORRECTS,
    "reverses": Word.REVERSES,
    "corrected_by": Word.CORRECTED_BY,
    "reversed_by": Word.REVERSED_BY,
}


def render(
    gathered: Gathered,
    proved: Proved,
    language: Language,
    origin: str,
    made_at: int,
    paths: Mapping[str, str],
) -> bytes:
    """The page. `paths` says where in the bundle each content is, by its row's name."""

    def say(key: Word) -> str:
        return word(language, key)

    own = gathered.transaction
    parts: list[Section | Table] = [
        Section(
            say(Word.THE_TRANSACTION),
            say(Word.COUNTERPARTY_NOTE),
            [
                (say(Word.NAME), own.name),
                *rows_of(language, own.value),
                (say(Word.RECORDED), format_time(own.recorded_at)),
            ],
        ),
        *(
            Section(
                f"{say(Word.RELATED)}: {say(_RELATIONS[relation])}",
                one.name,
                rows_of(language, one.value),
            )
            for relation, one in gathered.related
        ),
        _account(gathered, language),
    ]
    known = gathered.customer
    if known is not None:
        note = say(Word.KNOWN_THAT_DAY if gathered.known_then else Word.RECORDED_LATER)
        head = [(say(Word.NAME), known.name), (say(Word.VERSION), str(known.version))]
        recorded = (say(Word.RECORDED), format_time(known.recorded_at))
        rows = [*head, *rows_of(language, known.value), recorded]
        parts.append(Section(say(Word.THE_CUSTOMER), note, rows))
    parts += [
        *_vouchers(gathered, language, paths),
        _accesses(proved, language),
        _proofs(gathered, proved, language, origin, made_at),
    ]
    footer = [say(Word.FOOTER), say(Word.FOOTER_VERIFY)]
    return page(language, say(Word.TITLE), parts, footer)


def _account(gathered: Gathered, language: Language) -> Table:
    names = (
        Word.NUMBER,
        Word.BOOKED,
        Word.REFERENCE,
        Word.DIRECTION,
        Word.AMOUNT,
        Word.BALANCE,
    )
    rows: list[Sequence[str]] = [[word(language, one) for one in names]]
    for one in (*gathered.before, gathered.transaction, *gathered.after):
        mark = one is gathered.transaction
        rows.append(_entry(one, f" ← {word(language, Word.THIS_ONE)}" if mark else ""))
    return Table(word(language, Word.ACCOUNT), word(language, Word.ACCOUNT_NOTE), rows)


def _entry(one: Shown[Transaction], mark: str) -> list[str]:
    booked = one.value
    return [
        text_of(booked.sequence_number) or "–",
        text_of(booked.booking_time),
        booked.institution_reference + mark,
        booked.direction.value,
        text_of(booked.amount),
        text_of(booked.balance_after) or "–",
    ]


def _vouchers(
    gathered: Gathered, language: Language, paths: Mapping[str, str]
) -> list[Section | Table]:
    heading = word(language, Word.VOUCHERS)
    if not gathered.vouchers and not gathered.contents:
        return [Section(heading, word(language, Word.NO_VOUCHERS))]
    parts: list[Section | Table] = [
        Section(
            f"{heading}: {word(language, Word.VOUCHER)}", one.name, rows_of(language, one.value)
        )
        for one in gathered.vouchers
    ]
    if gathered.contents:
        names = (Word.FILE, Word.NAME, Word.SIZE, Word.RECORDED)
        rows: list[Sequence[str]] = [[word(language, one) for one in names]]
        rows += [
            [paths[one.logged], one.name, str(one.value.row.size), format_time(one.recorded_at)]
            for one in gathered.contents
        ]
        parts.append(Table(heading, "", rows))
    return parts


def _accesses(proved: Proved, language: Language) -> Table:
    names = (Word.ENTRY, Word.TIME, Word.WHO, Word.ACTION, Word.PURPOSE)
    rows: list[Sequence[str]] = [[word(language, one) for one in names]]
    rows += [
        [
            str(one.index),
            format_time(one.event.time),
            who(one),
            one.event.action,
            one.event.purpose or "–",
        ]
        for one in proved.told.accesses
    ]
    return Table(word(language, Word.ACCESSES), word(language, Word.ACCESSES_NOTE), rows)


def _proofs(
    gathered: Gathered, proved: Proved, language: Language, origin: str, made_at: int
) -> Section:
    indexes = proved.told.rows[gathered.transaction.logged]
    return Section(
        word(language, Word.PROOF),
        word(language, Word.PROOF_NOTE),
        [
            (word(language, Word.LOG), origin),
            (word(language, Word.TREE_SIZE), str(proved.size)),
            (word(language, Word.ENTRY), ", ".join(map(str, indexes))),
            (word(language, Word.MADE_AT), format_time(made_at)),
        ],
    )
