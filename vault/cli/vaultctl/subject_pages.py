"""What a person is given who has asked about his own data: pages to read and to print.

The look is that of the pages in bundles (vault/bundles/page.py). A page has nothing in it but what
the vault answers of the request, and no time of its own, so that it is the same page each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC

from recordsvault.life.v1 import subjects_pb2 as pb
from vault.bundles.page import Language, Section, Table, page
from vault.cli.vaultctl.language import Language as Spoken
from vault.cli.vaultctl.language import language, say
from vault.cli.vaultctl.subject_words import KINDS, OUTCOMES, USES, day, ground, part, purpose, word


def used(
    request: pb.SubjectRequest,
    categories: Sequence[pb.RecipientCategory],
    lines: Sequence[pb.UseLine],
) -> bytes:
    """Who has used his data."""
    named = {one.name: say(one.en, one.zh) for one in categories}
    counts = Counter((one.category, one.use) for one in lines)
    order = [one.name for one in categories]
    summary = [
        (named.get(category, category), word(USES, use), str(count))
        for (category, use), count in sorted(
            counts.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
        )
    ]
    uses = [
        (
            one.time.ToDatetime(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            word(USES, one.use),
            purpose(one.purpose),
            named.get(one.category, one.category),
        )
        for one in lines
    ]
    head = say("By whom", "使用方"), say("What was done", "使用方式"), say("How often", "次数")
    heads = (
        say("Time (UTC)", "时间（UTC）"),
        say("What was done", "使用方式"),
        say("What for", "目的"),
        say("By whom", "使用方"),
    )
    none = say("There is no use to tell of.", "没有可告知的使用记录。")
    return page(
        _language(),
        say("Who has used your data", "您的个人信息使用情况"),
        [
            _asked(request),
            Table(
                say("Summary", "概要"),
                say(
                    "Recipients are named by category, as the law allows "
                    "(GDPR article 15(1)(c); 个人信息保护法 第四十五条).",
                    "依法按类别列示使用方"
                    "（个人信息保护法第四十五条；GDPR 第 15 条第 1 款 (c) 项）。",
                )
                if uses
                else none,
                [head, *summary] if uses else (),
            ),
            Table(say("Every use", "逐次使用记录"), "", [heads, *uses] if uses else ()),
        ],
        [
            # In every page, whether anything was left out of it or not.
            say(
                "Uses that the law does not allow anybody to be told of are in no such report, "
                "whether there are any or not (GDPR article 23; Directive (EU) 2015/849 articles "
                "39 and 41(4); 反洗钱法).",
                "法律规定不得告知的使用，无论是否存在，均不列入任何此类报告"
                "（反洗钱法；个人信息保护法第十八条、第四十五条；GDPR 第 23 条）。",
            ),
            say(
                "Each line is an entry of a log in which nothing can be changed unnoticed.",
                "每一行均对应不可悄然更改的日志中的一条记录。",
            ),
        ],
    )


def letter(request: pb.SubjectRequest) -> bytes:
    """What became of his request; of a refusal to erase, the law by which it is refused."""
    parts: list[Section | Table] = [_asked(request)]
    said = [one for one in request.said[1:] if one.text]
    if said:
        rows = [(str(n), one.text) for n, one in enumerate(said, 1)]
        parts.append(Section(say("What we say to it", "我方答复"), "", rows))
    grounds = [one for words in request.said for one in words.grounds]
    if grounds:
        parts.append(
            Section(
                say("Why it is refused", "拒绝的理由"),
                say(
                    "The law asks that these records be kept (GDPR article 17(3)(b); "
                    "个人信息保护法 第四十七条). When the periods are over they are disposed of, "
                    "without a further request.",
                    "法律规定的保存期限未届满"
                    "（个人信息保护法第四十七条；GDPR 第 17 条第 3 款 (b) 项）。"
                    "期限届满后将依规销毁，无须另行申请。",
                ),
                [(part(one.what), ground(one)) for one in grounds],
            )
        )
    if request.erasure.verdict == pb.ERASURE_VERDICT_DUE:
        parts.append(
            Section(
                say("What happens now", "后续处理"),
                say(
                    "Every period for which the law asks that the records be kept is over. They "
                    "are disposed of by the procedure of disposal, which two persons carry out.",
                    "法定保存期限均已届满，将按销毁程序由两人共同办理销毁。",
                ),
            )
        )
    if request.corrected:
        rows = [(say("Version", "版本"), f"{request.corrected}@{request.version}")]
        parts.append(Section(say("The correction", "更正"), "", rows))
    return page(
        _language(),
        say("Your request about your data", "关于您个人信息请求的答复"),
        parts,
        [
            say(
                "You may complain to the supervisory authority, and go to court.",
                "您有权向履行个人信息保护职责的部门投诉，或依法提起诉讼。",
            )
        ],
    )


def _asked(request: pb.SubjectRequest) -> Section:
    rows = [
        (say("Request", "请求"), request.name),
        (say("You asked for", "请求事项"), word(KINDS, request.kind)),
        (say("It came in on", "收到日期"), day(request.receive_date)),
        (say("To be answered by", "答复期限"), day(request.due_date)),
        (say("By", "依据"), f"{request.source}, {request.article}"),
    ]
    if request.outcome != pb.SUBJECT_REQUEST_OUTCOME_OPEN:
        rows.append((say("Outcome", "结果"), word(OUTCOMES, request.outcome)))
        closed = request.close_time.ToDatetime(UTC).date().isoformat()
        rows.append((say("Closed on", "结案日期"), closed))
    return Section(say("Your request", "您的请求"), "", rows)


def _language() -> Language:
    return Language.ZH_CN if language() is Spoken.ZH else Language.EN
