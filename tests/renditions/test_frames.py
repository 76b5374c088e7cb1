"""What a process that a document has taken over may answer: pixels, or nothing."""

from typing import Any

import msgspec
import pytest

from vault.renditions import Limits, Problem
from vault.renditions.frames import Answer, AnswerInvalid, PageAnswer, read_answer

LIMITS = Limits()


def test_an_honest_answer_is_read() -> None:
    answer = Answer(None, 2, (PageAnswer("passport-td3", 640, 450, 96), PageAnswer()))
    assert read_answer(msgspec.json.encode(answer), LIMITS) == answer
    refusal = Answer(Problem.BROKEN)
    assert read_answer(msgspec.json.encode(refusal), LIMITS) == refusal


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"problem": "NONE"}',
        b'{"page_count": "2"}',
        b"\xff\xfe",
        msgspec.json.encode(Answer()),
        msgspec.json.encode(Answer(None, -1)),
        msgspec.json.encode(Answer(None, LIMITS.pages + 1)),
        msgspec.json.encode(Answer(None, 9, (PageAnswer(),) * 9)),
        msgspec.json.encode(Answer(None, 1, (PageAnswer("passport-td3", 641, 1, 1),))),
        msgspec.json.encode(Answer(None, 1, (PageAnswer("passport-td3", 1, 2**40, 1),))),
        msgspec.json.encode(Answer(None, 1, (PageAnswer("passport-td3", 1, 1, 257),))),
        msgspec.json.encode(Answer(None, 1, (PageAnswer("passport-td3", 0, 1, 1),))),
        msgspec.json.encode(Answer(None, 1, (PageAnswer("passport-td3", 1, -1, 1),))),
        msgspec.json.encode(Answer(None, 1, (PageAnswer("", 1, 1, 1),))),
        msgspec.json.encode(Answer(None, 1, (PageAnswer("any text", 1, 1, 1),))),
    ],
)
def test_what_no_honest_process_answers_is_not_believed(answer: bytes) -> None:
    with pytest.raises(AnswerInvalid):
        read_answer(answer, LIMITS)


@pytest.mark.parametrize(
    "wrong",
    [{"long_edge": 100}, {"long_edge": 5_000}, {"pictured_pages": 0}, {"size": 0}, {"seconds": -1}],
)
def test_limits_that_limit_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)
