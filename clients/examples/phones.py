"""Telephone numbers in E.164 form from ranges that no subscriber holds.

United Kingdom: Ofcom's numbers for drama. Germany: the Bundesnetzagentur's. France: ARCEP's for
audiovisual works. Sweden: PTS's for books and films. United States: 555-0100 to 555-0199.
China keeps none; 1349 and 1740 are satellite ranges with next to no person behind them.
Countries that keep no range are given a neighbour's.
"""

from clients.examples.dice import Dice

# Patterns: `#` is any digit, `@` an area code.
_PATTERNS: dict[str, tuple[str, ...]] = {
    "CN": ("+861349#######", "+8617400######", "+8617401######", "+8617402######"),
    "GB": (
        "+442079460###", "+441134960###", "+441144960###", "+441164960###",
        "+441174960###", "+441184960###", "+441214960###", "+441314960###", "+441414960###",
        "+441514960###", "+441614960###",
    ),
    "DE": ("+493023125###", "+496990009###", "+494066969###", "+498999998###", "+4917139200##"),
    "FR": ("+3319900####", "+3326191####", "+3335301####", "+3346571####", "+3353649####"),
    "SE": ("+4684650040#", "+4670174061#", "+4670174065#", "+4670174069#"),
    "US": ("+1@55501##",),
}  # fmt: skip
_NEIGHBOURS = {"AT": "DE", "CH": "DE", "PL": "DE", "NL": "DE", "BE": "FR", "ES": "FR", "IT": "FR",
               "IE": "GB"}  # fmt: skip
_AREAS = (
    "201 202 205 206 207 208 212 213 214 215 216 217 218 239 253 301 302 303 304 305 307 312 313 "
    "314 315 316 319 401 402 404 405 406 407 408 410 412 413 414 415 417 419 501 502 503 504 505 "
    "507 508 509 510 512 513 515 516 517 518 520 601 602 603 605 606 607 608 609 610 612 614 615 "
    "616 617 619 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 801 802 803 804 805 "
    "806 808 810 812 813 814 815 816 817 818 901 903 904 906 907 908 909 910 912 913 914 915 916"
).split()


def phone(dice: Dice, country: str) -> str:
    """A telephone number of a country."""
    pattern = dice.pick(_PATTERNS[_NEIGHBOURS.get(country, country)])
    return "".join(
        dice.digits(1) if mark == "#" else dice.pick(_AREAS) if mark == "@" else mark
        for mark in pattern
    )
