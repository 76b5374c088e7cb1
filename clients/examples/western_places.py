"""Places in Europe and the United States, and street addresses down to the door. Streets and
numbers are made up; cities and the shapes of their postal codes are real.
"""

from dataclasses import dataclass

from clients.examples.dice import Dice
from clients.examples.shapes import Record


@dataclass(frozen=True, slots=True)
class Town:
    """A town: `postal` is a pattern whose `#` are digits; `code` names the bank's branch there."""

    country: str
    region: str
    city: str
    postal: str
    code: str
    time_zone: str


def _towns(table: str) -> dict[str, tuple[Town, ...]]:
    towns: dict[str, list[Town]] = {}
    for line in table.strip().splitlines():
        town = Town(*(cell.strip() for cell in line.split("|")))
        towns.setdefault(town.country, []).append(town)
    return {country: tuple(places) for country, places in towns.items()}


TOWNS = _towns(
    """
    DE|Berlin|Berlin|10##9|BER|Europe/Berlin
    DE|Bayern|München|80###|MUC|Europe/Berlin
    DE|Nordrhein-Westfalen|Köln|50###|CGN|Europe/Berlin
    DE|Hessen|Frankfurt am Main|60###|FRA|Europe/Berlin
    FR|Île-de-France|Paris|750##|PAR|Europe/Paris
    FR|Auvergne-Rhône-Alpes|Saint-Étienne|420##|EBU|Europe/Paris
    FR|Provence-Alpes-Côte d'Azur|Marseille|130##|MRS|Europe/Paris
    ES|Comunidad de Madrid|Madrid|280##|MAD|Europe/Madrid
    ES|Cataluña|L'Hospitalet de Llobregat|089##|BCN|Europe/Madrid
    ES|Castilla y León|Ávila|050##|AVI|Europe/Madrid
    IT|Lombardia|Milano|201##|MIL|Europe/Rome
    IT|Abruzzo|L'Aquila|671##|LAQ|Europe/Rome
    NL|Noord-Holland|Amsterdam|10## AB|AMS|Europe/Amsterdam
    NL|Noord-Brabant|'s-Hertogenbosch|52## KE|HTB|Europe/Amsterdam
    PL|mazowieckie|Warszawa|00-###|WAW|Europe/Warsaw
    PL|łódzkie|Łódź|90-###|LCJ|Europe/Warsaw
    AT|Wien|Wien|1##0|VIE|Europe/Vienna
    AT|Niederösterreich|Sankt Pölten|31##|STP|Europe/Vienna
    BE|Vlaanderen|Gent|90##|GNE|Europe/Brussels
    BE|Wallonie|Liège|40##|LGG|Europe/Brussels
    CH|Zürich|Zürich|80##|ZRH|Europe/Zurich
    CH|Genève|Genève|12##|GVA|Europe/Zurich
    GB|England|London|SW#A #AA|LON|Europe/London
    GB|England|Manchester|M# #WD|MAN|Europe/London
    GB|Scotland|Edinburgh|EH# #NG|EDI|Europe/London
    GB|Wales|Llanfairpwllgwyngyll|LL6# #UQ|LLP|Europe/London
    IE|Leinster|Dún Laoghaire|A96 R###|DUB|Europe/Dublin
    IE|Munster|Cork|T12 W###|ORK|Europe/Dublin
    SE|Stockholms län|Stockholm|11# ##|STO|Europe/Stockholm
    SE|Västra Götalands län|Göteborg|41# ##|GOT|Europe/Stockholm
    US|New York|Brooklyn|112##|NYC|America/New_York
    US|California|San José|951##|SJC|America/Los_Angeles
    US|Illinois|Chicago|606##|CHI|America/Chicago
    US|Texas|Houston|770##|HOU|America/Chicago
    US|Massachusetts|Boston|021##|BOS|America/New_York
    US|Hawaii|Honolulu|968##|HNL|Pacific/Honolulu
    US|Arizona|Phoenix|850##|PHX|America/Phoenix
    """
)

# A country: names of streets, and how number and flat are written.
_STREETS: dict[str, tuple[str, str]] = {
    "DE": ("Lindenstraße;Schloßallee;Am Mühlbach;Goethestraße", "{s} {n}, {f}. OG"),
    "FR": ("rue de l'Église;avenue des Tilleuls;impasse du Moulin", "{n} {s}, apt {d}"),
    "ES": ("Calle Mayor;Avenida de la Constitución;Plaza del Ángel", "{s} {n}, {f}.º {l}"),
    "IT": ("Via Garibaldi;Corso della Libertà;Piazza San Niccolò", "{s} {n}, int. {d}"),
    "NL": ("Prinsengracht;Oude Markt;'s-Gravelandseweg;Kerkstraat", "{s} {n}-{f}"),
    "PL": ("ul. Żwirki;ul. Świętokrzyska;al. Jana Kowala;ul. Łąkowa", "{s} {n} m. {d}"),
    "AT": ("Mariengasse;Lindengasse;Obere Hauptstraße", "{s} {n}/{f}/{d}"),
    "BE": ("Kerkstraat;rue de la Station;Grote Steenweg", "{s} {n} bus {d}"),
    "CH": ("Bahnhofstrasse;Rütistrasse;chemin des Écoliers", "{s} {n}"),
    "GB": ("High Street;Church Lane;Victoria Road;St Mary's Close;The Mews", "Flat {d}, {n} {s}"),
    "IE": ("Main Street;Harbour Road;St Brigid's Terrace", "Apartment {d}, {n} {s}"),
    "SE": ("Storgatan;Drottninggatan;Ängsvägen", "{s} {n}, lgh {f}{d:03}"),
    "US": ("Maple Avenue;Oak Street;Martin Luther King Jr Boulevard;Elm Court;O'Farrell Street",
           "{n} {s}, Apt {d}{l}"),
}  # fmt: skip


def address(dice: Dice, town: Town, kind: str) -> Record:
    """An address in a town."""
    streets, form = _STREETS[town.country]
    street = form.format(
        s=dice.pick(streets.split(";")),
        n=dice.between(1, 240),
        f=dice.between(1, 9),
        d=dice.between(1, 99),
        l=dice.pick("ABCDEF"),
    )
    postal = "".join(dice.digits(1) if mark == "#" else mark for mark in town.postal)
    return {
        "kind": f"ADDRESS_KIND_{kind}",
        "country": town.country,
        "region": town.region,
        "city": town.city,
        "street": street,
        "postal_code": postal,
    }
