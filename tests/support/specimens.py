"""Specimens of the documents whose layouts the vault knows, drawn here: nobody's, and marked so.

Every number is invalid, every name invented, and SPECIMEN stands across each. They have what the
covering goes by (where things stand, machine-readable lines, emblem and portrait), and resemble the
real ones in nothing else. Labels are Latin, since no Chinese font is on every machine.
"""

from collections.abc import Callable

from tests.support.specimen_sheet import BLUE, FAINT, RED, Sheet
from vault.records.identifiers.mrz import check_digit


def passport() -> Sheet:
    sheet = Sheet(125, 88, (236, 230, 240))
    sheet.text(0.04, 0.07, "UTOPIA", 0.06)
    sheet.field(0.36, 0.09, "Type", "P", personal=False)
    sheet.field(0.46, 0.09, "Code of issuing State", "UTO", personal=False)
    sheet.field(0.73, 0.09, "Passport No.", "X0000000X")
    sheet.portrait((0.04, 0.19, 0.32, 0.70))
    _person(sheet, 0.36, 0.21, 0.096)
    sheet.field(0.68, 0.50, "Authority", "UTOPIA")
    sheet.signature((0.68, 0.60, 0.94, 0.69))
    first, second = mrz("P<UTO", 44)
    sheet.columns(0.053, 0.947, 0.80, first)
    sheet.columns(0.053, 0.947, 0.90, second)
    return sheet.finish()


def id_card_td2() -> Sheet:
    sheet = Sheet(105, 74, (228, 238, 232))
    sheet.text(0.04, 0.07, "UTOPIA   IDENTITY CARD", 0.06)
    sheet.field(0.73, 0.13, "Card No.", "X0000000X")
    sheet.portrait((0.04, 0.17, 0.31, 0.66))
    _person(sheet, 0.35, 0.20, 0.09)
    sheet.signature((0.68, 0.52, 0.94, 0.64))
    first, second = mrz("I<UTO", 36)
    sheet.columns(0.065, 0.935, 0.76, first, 0.055)
    sheet.columns(0.065, 0.935, 0.88, second, 0.055)
    return sheet.finish()


def id_card_td1_front() -> Sheet:
    sheet = Sheet(85.6, 53.98, (238, 232, 224))
    sheet.text(0.04, 0.08, "UTOPIA   IDENTITY CARD", 0.075)
    sheet.portrait((0.04, 0.20, 0.33, 0.82))
    _person(sheet, 0.37, 0.26, 0.12)
    sheet.field(0.70, 0.38, "Card No.", "X0000000X")
    sheet.signature((0.66, 0.78, 0.94, 0.92))
    return sheet.finish()


def id_card_td1_back() -> Sheet:
    sheet = Sheet(85.6, 53.98, (238, 232, 224))
    sheet.text(0.04, 0.09, "UTOPIA   IDENTITY CARD", 0.06)
    sheet.field(0.05, 0.24, "Address", "1 NOWHERE STREET, UTOPOLIS", 0.055)
    sheet.field(0.05, 0.40, "Authority", "UTOPIA", 0.055)
    for number, line in enumerate(mrz("I<UTO", 30)):
        sheet.columns(0.055, 0.945, 0.64 + 0.12 * number, line, 0.075)
    return sheet.finish()


def cn_resident_id_portrait() -> Sheet:
    sheet = Sheet(85.6, 54, (232, 240, 244))
    for y, label, value in (
        (0.14, "Name", "YANG BEN"),
        (0.28, "Sex", "M"),
        (0.41, "Born", "1900 - 13 - 32"),
        (0.55, "Address", "NO. 0, NOWHERE ROAD"),
        (0.65, "", "SOMEWHERE DISTRICT"),
    ):
        sheet.text(0.04, y, label, 0.04, BLUE)
        sheet.text(0.19, y, value, 0.06, personal=label != "Sex")
    sheet.text(0.34, 0.28, "Ethnicity", 0.04, BLUE)
    sheet.text(0.46, 0.28, "NONE", 0.06, personal=True)
    sheet.portrait((0.64, 0.13, 0.945, 0.72))
    sheet.text(0.04, 0.855, "Citizen identity number", 0.04, BLUE)
    sheet.columns(0.335, 0.945, 0.855, "00000019001332000X", 0.08)
    return sheet.finish()


def cn_resident_id_emblem() -> Sheet:
    sheet = Sheet(85.6, 54, (234, 240, 240))
    sheet.disc((0.05, 0.085, 0.225, 0.385), RED, (236, 200, 80))
    sheet.text(0.60, 0.16, "PEOPLE'S REPUBLIC OF CHINA", 0.07, anchor="mm")
    sheet.text(0.60, 0.30, "RESIDENT IDENTITY CARD", 0.085, anchor="mm")
    sheet.text(0.20, 0.735, "Issuer", 0.04)
    sheet.text(0.42, 0.735, "NOWHERE POLICE", 0.06)
    sheet.text(0.20, 0.865, "Valid", 0.04)
    sheet.text(0.42, 0.865, "1900.13.32 - 1901.13.32", 0.06)
    return sheet.finish()


def driving_licence_cn() -> Sheet:
    sheet = Sheet(88, 60, (226, 240, 226))
    sheet.text(0.5, 0.075, "DRIVING LICENCE", 0.075, anchor="mm")
    sheet.text(0.06, 0.185, "No.", 0.04, FAINT)
    sheet.columns(0.28, 0.86, 0.185, "00000019001332000X", 0.075)
    sheet.field(0.06, 0.31, "Name", "YANG BEN", 0.055)
    sheet.field(0.45, 0.31, "Sex", "M", 0.055, personal=False)
    sheet.field(0.70, 0.31, "Nationality", "NONE", 0.055, personal=False)
    sheet.field(0.06, 0.43, "Address", "NO. 0, NOWHERE ROAD, SOMEWHERE", 0.055)
    sheet.disc((0.06, 0.57, 0.25, 0.85), RED, (226, 240, 226))
    sheet.field(0.30, 0.57, "Date of birth", "1900-13-32", 0.055)
    sheet.field(0.30, 0.69, "First issue", "1900-13-32", 0.055, personal=False)
    sheet.field(0.30, 0.81, "Class", "X0", 0.055, personal=False)
    sheet.text(0.06, 0.93, "Valid 1900-13-32 to 1901-13-32", 0.045)
    sheet.portrait((0.70, 0.51, 0.95, 0.97))
    return sheet.finish()


def driving_licence_eu() -> Sheet:
    sheet = Sheet(85.6, 53.98, (246, 226, 232))
    sheet.box((0.03, 0.05, 0.15, 0.17), fill=BLUE)
    sheet.text(0.09, 0.11, "UTO", 0.07, "white", anchor="mm")
    sheet.text(0.20, 0.11, "DRIVING LICENCE  UTOPIA", 0.07)
    sheet.portrait((0.04, 0.24, 0.31, 0.79))
    for number, line in enumerate(
        (
            "1.  EXEMPLAR",
            "2.  NEMO",
            "3.  32.13.1900 NOWHERE",
            "4a. 32.13.1900  4c. UTOPIA",
            "4b. 32.13.1901",
            "5.  X0000000X",
        )
    ):
        sheet.text(0.36, 0.26 + 0.09 * number, line, 0.065, personal=True)
    sheet.text(0.36, 0.80, "7.", 0.065)
    sheet.signature((0.42, 0.75, 0.70, 0.87))
    sheet.text(0.36, 0.92, "9.  X/Y", 0.065)
    return sheet.finish()


def cn_business_licence() -> Sheet:
    sheet = Sheet(297, 210, (252, 250, 244))
    sheet.box((0.025, 0.035, 0.975, 0.965), outline=(206, 170, 90), width=10)
    sheet.disc((0.463, 0.06, 0.537, 0.165), RED, (236, 200, 80))
    sheet.text(0.5, 0.24, "BUSINESS LICENCE", 0.085, anchor="mm")
    sheet.text(0.07, 0.12, "Unified social credit code", 0.024, FAINT)
    sheet.text(0.07, 0.17, "000000000000000000", 0.034, personal=True)
    sheet.squares((0.83, 0.09, 0.93, 0.23))
    for number, (label, value) in enumerate(
        (
            ("Name", "NOWHERE TRADING CO."),
            ("Type", "Limited company"),
            ("Represented by", "YANG BEN"),
            ("Business scope", "Nothing whatsoever"),
        )
    ):
        y = 0.38 + 0.09 * number
        sheet.text(0.07, y, label, 0.026, FAINT)
        sheet.text(0.25, y, value, 0.032, personal=label != "Type")
    for number, (label, value) in enumerate(
        (
            ("Capital", "NONE"),
            ("Established", "1900-13-32"),
            ("Domicile", "NO. 0, NOWHERE ROAD"),
        )
    ):
        y = 0.38 + 0.09 * number
        sheet.text(0.54, y, label, 0.026, FAINT)
        sheet.text(0.70, y, value, 0.032, personal=label == "Domicile")
    sheet.text(0.535, 0.80, "Authority", 0.034)
    sheet.disc((0.76, 0.70, 0.89, 0.885), RED, (252, 250, 244))
    sheet.text(0.70, 0.92, "1900 - 13 - 32", 0.03)
    return sheet.finish()


def letter() -> Sheet:
    """A page of no layout."""
    sheet = Sheet(210, 297, (255, 255, 255))
    for number in range(24):
        sheet.text(0.1, 0.1 + 0.03 * number, "NOBODY WRITES TO NO ONE OF NOTHING AT ALL", 0.016)
    return sheet.finish()


DRAWN: dict[str, Callable[[], Sheet]] = {
    "passport-td3": passport,
    "id-card-td2": id_card_td2,
    "id-card-td1-front": id_card_td1_front,
    "id-card-td1-back": id_card_td1_back,
    "cn-resident-id-portrait": cn_resident_id_portrait,
    "cn-resident-id-emblem": cn_resident_id_emblem,
    "driving-licence-cn": driving_licence_cn,
    "driving-licence-eu": driving_licence_eu,
    "cn-business-licence": cn_business_licence,
}
"""By the name of the layout."""


def mrz(code: str, columns: int) -> tuple[str, ...]:
    """Lines of a machine-readable zone of a state that does not exist, with a wrong digit each."""
    wrong = str((int(check_digit("X0000000X")) + 1) % 10)
    if columns == 30:
        return (
            f"{code}X0000000X{wrong}".ljust(30, "<"),
            "000000<M000000<UTO".ljust(30, "<"),
            "EXEMPLAR<<NEMO".ljust(30, "<"),
        )
    return (
        f"{code}EXEMPLAR<<NEMO".ljust(columns, "<"),
        f"X0000000X{wrong}UTO000000<M000000<".ljust(columns, "<"),
    )


def _person(sheet: Sheet, x: float, y: float, step: float) -> None:
    for number, (label, value) in enumerate(
        (
            ("Surname", "EXEMPLAR"),
            ("Given names", "NEMO"),
            ("Nationality", "UTOPIAN"),
            ("Date of birth", "32 NIL 1900"),
            ("Date of expiry", "32 NIL 1901"),
        )
    ):
        sheet.field(x, y + step * number, label, value)
