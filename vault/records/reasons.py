"""Why a value is refused: a code for programs and a sentence in English and Chinese for people.

The sentences never hold the value.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Reason of a violation, as it stands in the answer's error details."""

    REQUIRED = "REQUIRED"
    TOO_LONG = "TOO_LONG"
    TOO_MANY = "TOO_MANY"
    NOT_NORMALISED = "NOT_NORMALISED"
    CONTROL_CHARACTER = "CONTROL_CHARACTER"
    HIDDEN_CHARACTER = "HIDDEN_CHARACTER"
    OUTER_BLANK = "OUTER_BLANK"
    MASKED_VALUE = "MASKED_VALUE"
    LENGTH = "LENGTH"
    CHARACTERS = "CHARACTERS"
    CHECK_DIGIT = "CHECK_DIGIT"
    REGION = "REGION"
    DATE = "DATE"
    FORMAT = "FORMAT"
    COUNTRY = "COUNTRY"
    CURRENCY = "CURRENCY"
    TIME_ZONE = "TIME_ZONE"
    NEGATIVE = "NEGATIVE"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    TOO_MANY_DECIMALS = "TOO_MANY_DECIMALS"
    CONTRADICTION = "CONTRADICTION"
    DATE_ORDER = "DATE_ORDER"
    IN_FUTURE = "IN_FUTURE"
    DUPLICATE = "DUPLICATE"
    NAME = "NAME"
    ONE_OF = "ONE_OF"

    @property
    def en(self) -> str:
        """The sentence in English."""
        return _TEXTS[self][0]

    @property
    def zh(self) -> str:
        """The sentence in Chinese."""
        return _TEXTS[self][1]


_TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.REQUIRED: ("This field is required.", "此项必填。"),
    Reason.TOO_LONG: ("The text is too long.", "文字过长。"),
    Reason.TOO_MANY: ("There are too many entries.", "条目过多。"),
    Reason.NOT_NORMALISED: (
        "The text is not in Unicode normalisation form C.",
        "文字未按 Unicode NFC 规范化。",
    ),
    Reason.CONTROL_CHARACTER: ("The text holds a control character.", "文字含有控制字符。"),
    Reason.HIDDEN_CHARACTER: (
        "The text holds a hidden, zero-width or direction-changing character.",
        "文字含有隐藏字符、零宽字符或改变书写方向的字符。",
    ),
    Reason.OUTER_BLANK: ("The text begins or ends with a blank.", "文字首尾含有空白。"),
    Reason.MASKED_VALUE: (
        "This looks like a masked value; store the value itself.",
        "此值似为脱敏后的数据，请提交原值。",
    ),
    Reason.LENGTH: ("The number of characters is wrong.", "位数不正确。"),
    Reason.CHARACTERS: (
        "The value holds characters that cannot stand there.",
        "含有不允许的字符。",
    ),
    Reason.CHECK_DIGIT: ("The check digit does not match.", "校验码不正确。"),
    Reason.REGION: ("The region code does not exist.", "行政区划代码不存在。"),
    Reason.DATE: ("There is no such date.", "日期不存在。"),
    Reason.FORMAT: ("The value does not have the required form.", "格式不正确。"),
    Reason.COUNTRY: (
        "There is no such country code (ISO 3166-1 alpha-2).",
        "国家或地区代码不存在（ISO 3166-1 二位字母）。",
    ),
    Reason.CURRENCY: ("There is no such currency (ISO 4217).", "币种不存在（ISO 4217）。"),
    Reason.TIME_ZONE: ("There is no such time zone (IANA).", "时区不存在（IANA）。"),
    Reason.NEGATIVE: ("The amount is negative.", "金额为负数。"),
    Reason.OUT_OF_RANGE: ("The value is out of range.", "数值超出范围。"),
    Reason.TOO_MANY_DECIMALS: (
        "The amount has more decimals than the currency.",
        "金额小数位数超过该币种的规定。",
    ),
    Reason.CONTRADICTION: ("The value contradicts another field.", "与其他字段相矛盾。"),
    Reason.DATE_ORDER: ("The dates are in the wrong order.", "日期先后顺序不正确。"),
    Reason.IN_FUTURE: ("The date lies in the future.", "日期在将来。"),
    Reason.DUPLICATE: ("The value stands there twice.", "内容重复。"),
    Reason.NAME: ("This is not the name of such a resource.", "不是该类资源的名称。"),
    Reason.ONE_OF: ("Exactly one of the alternatives must be set.", "须且仅须填写其中一项。"),
}
