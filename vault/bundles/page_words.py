"""The words of the readable pages, in English and Chinese."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Word(Enum):
    """A heading, a sentence or a column's name."""

    TITLE = auto()
    THE_TRANSACTION = auto()
    THE_CUSTOMER = auto()
    KNOWN_THAT_DAY = auto()
    RECORDED_LATER = auto()
    COUNTERPARTY_NOTE = auto()
    RELATED = auto()
    CORRECTS = auto()
    REVERSES = auto()
    CORRECTED_BY = auto()
    REVERSED_BY = auto()
    ACCOUNT = auto()
    ACCOUNT_NOTE = auto()
    VOUCHERS = auto()
    NO_VOUCHERS = auto()
    VOUCHER = auto()
    ACCESSES = auto()
    ACCESSES_NOTE = auto()
    PROOF = auto()
    PROOF_NOTE = auto()
    NAME = auto()
    RECORDED = auto()
    BOOKED = auto()
    NUMBER = auto()
    AMOUNT = auto()
    DIRECTION = auto()
    BALANCE = auto()
    REFERENCE = auto()
    FILE = auto()
    SIZE = auto()
    TIME = auto()
    WHO = auto()
    ACTION = auto()
    PURPOSE = auto()
    LOG = auto()
    TREE_SIZE = auto()
    ENTRY = auto()
    MADE_AT = auto()
    THIS_ONE = auto()
    VERSION = auto()
    FOOTER = auto()
    FOOTER_VERIFY = auto()


WORDS: Final[dict[Word, tuple[str, str]]] = {
    Word.TITLE: ("Reconstruction of a transaction", "交易重现"),
    Word.THE_TRANSACTION: ("The transaction", "交易"),
    Word.THE_CUSTOMER: ("The customer", "客户"),
    Word.KNOWN_THAT_DAY: (
        "As the vault knew the customer when the transaction was booked.",
        "交易入账时本保险库所记载的客户信息。",
    ),
    Word.RECORDED_LATER: (
        "The customer was recorded after the booking; this is the earliest version there is.",
        "客户信息在入账之后才录入；此处为现存最早的版本。",
    ),
    Word.COUNTERPARTY_NOTE: (
        "The counterparty and the person who acted are as the transaction itself states them.",
        "对手方与代办人信息以交易本身记载为准。",
    ),
    Word.RELATED: ("Corrections and reversals", "更正与冲销"),
    Word.CORRECTS: ("Corrected by this transaction or one before it", "被本交易或其前续交易更正"),
    Word.REVERSES: ("Reversed by this transaction or one before it", "被本交易或其前续交易冲销"),
    Word.CORRECTED_BY: ("Corrects this transaction or one after it", "更正本交易或其后续交易"),
    Word.REVERSED_BY: ("Reverses this transaction or one after it", "冲销本交易或其后续交易"),
    Word.ACCOUNT: ("The account before and after", "账户前后流水"),
    Word.ACCOUNT_NOTE: (
        "Entries of the same account in order of booking.",
        "同一账户按入账顺序排列的分录。",
    ),
    Word.VOUCHERS: ("Vouchers", "凭证"),
    Word.NO_VOUCHERS: ("None are stored.", "未存有凭证。"),
    Word.VOUCHER: ("Document", "证件"),
    Word.ACCESSES: ("Who has opened it", "查阅记录"),
    Word.ACCESSES_NOTE: (
        "Calls of this transaction that were allowed, oldest first, as the log has them. Calls for "
        "investigations and authorities are listed in bundles for such purposes only.",
        "已获准的、涉及本交易的调用，按时间先后排列，以日志为准。"
        "为调查及有权机关查询而进行的调用，仅在为该类用途制作的资料包中列出。",
    ),
    Word.PROOF: ("Proofs", "证明"),
    Word.PROOF_NOTE: (
        "Every record here is in the bundle with the sealed row that it was read from, and with "
        "proof that the log has that row.",
        "资料包中每条记录均附有其密封行，以及该行已载入日志的证明。",
    ),
    Word.NAME: ("Name", "名称"),
    Word.RECORDED: ("Recorded", "录入时间"),
    Word.BOOKED: ("Booked", "入账时间"),
    Word.NUMBER: ("No.", "序号"),
    Word.AMOUNT: ("Amount", "金额"),
    Word.DIRECTION: ("Direction", "借贷"),
    Word.BALANCE: ("Balance", "余额"),
    Word.REFERENCE: ("Reference", "流水号"),
    Word.FILE: ("File", "文件"),
    Word.SIZE: ("Bytes", "字节数"),
    Word.TIME: ("Time", "时间"),
    Word.WHO: ("Who", "人员"),
    Word.ACTION: ("Call", "操作"),
    Word.PURPOSE: ("Purpose", "用途"),
    Word.LOG: ("Log", "日志"),
    Word.TREE_SIZE: ("Entries that the checkpoint covers", "检查点涵盖的条目数"),
    Word.ENTRY: ("Entry of the log", "日志条目"),
    Word.MADE_AT: ("Made", "制作时间"),
    Word.THIS_ONE: ("this transaction", "本交易"),
    Word.VERSION: ("Version", "版本"),
    Word.FOOTER: (
        "This page is for reading. What counts are the files beside it, which manifest.json lists.",
        "本页仅供阅读；以同一资料包内 manifest.json 所列文件为准。",
    ),
    Word.FOOTER_VERIFY: (
        "To verify them without the vault: clients/verifier/verify_bundle.py, with the log's "
        "public key.",
        "无需保险库即可验证：使用 clients/verifier/verify_bundle.py 及日志公钥。",
    ),
}

LABELS: Final = {
    "institution_reference": "机构流水号",
    "end_to_end_reference": "端到端参考号",
    "booking_time": "入账时间",
    "time_zone": "时区",
    "value_date": "起息日",
    "amount": "金额",
    "direction": "借贷方向",
    "exchange": "兑换",
    "rate": "汇率",
    "counter_amount": "对方币种金额",
    "account": "账户",
    "counterparty": "对手方",
    "name": "名称",
    "bic": "BIC",
    "cnaps": "行号",
    "institution_name": "开户机构",
    "country": "国家或地区",
    "instrument": "支付工具",
    "channel": "渠道",
    "kind": "类型",
    "branch": "网点",
    "teller": "柜员",
    "terminal": "终端",
    "device_id": "设备标识",
    "network_address": "网络地址",
    "purpose_code": "用途代码",
    "remittance_text": "附言",
    "agent": "代办人",
    "status": "状态",
    "corrects": "更正",
    "reverses": "冲销",
    "vouchers": "凭证",
    "sequence_number": "账户序号",
    "balance_after": "交易后余额",
    "statement": "对账单",
    "statement_id": "对账单编号",
    "number": "号码",
    "opening_balance": "期初余额",
    "closing_balance": "期末余额",
    "customer_number": "客户号",
    "risk_class": "风险等级",
    "natural_person": "自然人",
    "legal_entity": "单位",
    "sole_trader": "个体工商户",
    "person": "经营者",
    "phones": "电话",
    "emails": "电子邮箱",
    "addresses": "地址",
    "accounts": "账户",
    "change_reason": "变更原因",
    "sensitivities": "敏感标记",
    "relationship": "业务关系",
    "start_date": "开始日期",
    "end_date": "结束日期",
    "jurisdictions": "法域",
    "segments": "分类",
    "custodian": "保管人",
    "review_date": "复核日期",
    "sources": "信息来源",
    "path": "字段",
    "reference": "依据",
    "verified_by": "核实人",
    "verify_time": "核实时间",
    "method": "核实方式",
    "valid_from": "生效日期",
    "correction": "更正说明",
    "full_name": "姓名或名称",
    "latin_name": "拉丁文姓名",
    "sex": "性别",
    "nationality": "国籍",
    "birth_date": "出生日期",
    "occupation": "职业",
    "identity": "身份证件",
    "issuing_country": "签发国家",
    "issue_date": "签发日期",
    "expiry_date": "到期日期",
    "long_term": "长期有效",
    "ownership_basis_points": "持股比例（基点）",
    "phone": "电话",
    "customer": "客户档案",
    "business_scope": "经营范围",
    "unified_social_credit_code": "统一社会信用代码",
    "lei": "LEI",
    "registration_number": "注册号",
    "establishing_document": "设立证明文件",
    "legal_representative": "法定代表人",
    "controllers": "控制人",
    "beneficial_owners": "受益所有人",
    "agents": "授权办理人",
    "trade_name": "字号",
    "business_licence": "营业执照",
    "region": "省",
    "city": "市",
    "district": "区县",
    "street": "街道",
    "postal_code": "邮编",
    "holder_name": "持证人",
    "issuer": "签发机关",
    "machine_readable_zone": "机读码",
}
