"""Currencies and their minor units (ISO 4217).

Source: List One (active codes and funds) as published 2026-01-01 by the maintenance agency, and
those codes of List Three (historic) that left it since 2014, which transactions under retention
still bear. No currency in the sense of a booking: XTS (testing) and XXX (no currency). Metals,
bond market units and the special drawing right have no minor unit; amounts in them may have all
nine decimals.
"""

_ANY = 9
_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL "
    "GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR "
    "LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD "
    "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC "
    "SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR "
    "ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
    _ANY: "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XUA",
}
_HISTORIC = {0: "BYR", 2: "ANG BGN CUC HRK LTL MRO SLL STD VEF ZWL"}

MINOR_UNITS: dict[str, int] = {
    code: decimals
    for table in (_HISTORIC, _BY_DECIMALS)
    for decimals, codes in table.items()
    for code in codes.split()
}
"""Decimals of an amount by currency code, 0 to 9."""


def exists(code: str) -> bool:
    """Tell whether a booking can be in that currency."""
    return code in MINOR_UNITS
