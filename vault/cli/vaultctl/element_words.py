"""What the elements of a file are called, in English and Chinese."""

from __future__ import annotations

from typing import Final

from vault.cli.vaultctl.language import say

# Those of the vault's own rules (vault/rules/data/elements), as the 2007 办法, art. 33, has them.
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "address": ("address", "住所地"),
    "agent_identity": ("agent's identity", "代办人身份"),
    "business_scope": ("scope of business", "经营范围"),
    "contact": ("contact", "联系方式"),
    "establishing_document": ("document of establishment", "设立证明文件"),
    "establishing_document_validity": ("validity of that document", "设立证明文件有效期"),
    "full_name": ("name", "姓名或名称"),
    "identity_kind": ("kind of identity document", "身份证件种类"),
    "identity_number": ("number of identity document", "身份证件号码"),
    "identity_validity": ("validity of identity document", "身份证件有效期"),
    "legal_representative": ("legal representative", "法定代表人"),
    "legal_representative_identity": ("his identity document", "法定代表人身份证件"),
    "licence_number": ("number of the licence", "营业执照号码"),
    "licence_validity": ("validity of the licence", "营业执照有效期"),
    "nationality": ("nationality", "国籍"),
    "occupation": ("occupation", "职业"),
    "owners_or_controllers": ("owners and controllers", "股东或实际控制人"),
    "sex": ("sex", "性别"),
    "unified_social_credit_code": ("unified social credit code", "统一社会信用代码"),
}


def element_word(name: str) -> str:
    """The words for an element; its name in the rules where it has none, as those of your own."""
    found = _WORDS.get(name)
    return say(*found) if found else name
