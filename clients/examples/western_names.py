"""European and American names as people have them: diacritics, apostrophes, particles, hyphens,
one letter, very long, one part only.
"""

from clients.examples.chinese_names import PersonName
from clients.examples.dice import Dice

# A country: female given names, male given names, family names; `_` stands for a space in a name.
_TABLE: dict[str, tuple[str, str, str]] = {
    "DE": (
        "Anna Lena Sophie Käthe Jutta Ulrike Mareike Bärbel Zoë Heike Änne Sabine",
        "Lukas Jörg Jürgen Matthias Günther Felix Karl-Heinz Björn Uwe Götz Maximilian Tobias",
        "Müller Schmidt Schneider Fischer Weiß Schäfer Köhler Krüger Großmann Böhm Vogel Jäger "
        "Lüders "
        "von_der_Heide Meyer-Landrut zu_Hohenbruck Öttinger",
    ),
    "FR": (
        "Camille Zoé Chloé Anne-Sophie Élodie Maëlle Héloïse Françoise Inès Bérénice",
        "Louis François Jean-Baptiste Rémi Loïc Benoît Gaël Étienne Théo Jérôme",
        "Martin Lefèvre Dubois Garçon Béranger d'Artagnan L'Hermite de_La_Tour Besançon Noël "
        "Gauthier "
        "Le_Goff Châtelain Saint-Exupère Ÿvon",
    ),
    "ES": (
        "María_José Lucía Begoña María_del_Carmen Inmaculada Núria Ainhoa Paula",
        "José_Luis Álvaro Iñigo Jesús Martín Joaquín Andrés Borja",
        "García_López Fernández_Ruiz de_la_Cruz Núñez_Ibáñez Muñoz_Peña Ortega_y_Gómez Güell_Roca "
        "Martínez_de_la_Fuente Yáñez_Sáenz",
    ),
    "IT": (
        "Giulia Chiara Niccolina Beatrice Maria_Grazia Noemi Ludovica",
        "Marco Niccolò Giosuè Pierangelo Luca Gianfranco Raffaele",
        "Rossi D'Angelo Dell'Acqua De_Santis Nicolò Lo_Bianco Colò Ferrari Degli_Esposti",
    ),
    "NL": (
        "Sanne Anouk Femke Noëlle Maartje Zoë Loïs",
        "Daan Joost Sjoerd Pieter Thijs Gijsbert Daniël",
        "de_Vries van_den_Berg Jansen 't_Hooft van_'t_Veer IJsselstein ter_Braak Coëlho Bakker",
    ),
    "PL": (
        "Agnieszka Małgorzata Żaneta Grażyna Zofia Łucja Wiesława",
        "Łukasz Paweł Wojciech Michał Grzegorz Świętosław Jędrzej",
        "Nowak Wiśniewski Żółć Wójcik Kamiński Dąbek Gąsior Śliwa Ścibor-Rylewicz Zając",
    ),
    "AT": (
        "Theresa Magdalena Johanna Kreszenz Edeltraud",
        "Stefan Florian Alois Xaver Thaddäus",
        "Gruber Huber Pichler Höllwarth Österreicher Brandstätter",
    ),
    "BE": (
        "Lotte Amélie Noor Maïté",
        "Wout Jérémie Pieter-Jan Noé",
        "Peeters Maes Van_Damme D'hondt Lefèbvre",
    ),
    "CH": (
        "Regula Céline Ursina Vreni",
        "Urs Beat Reto Andréas",
        "Müller Bünzli Rüegg Zürcher de_Courten",
    ),
    "GB": (
        "Olivia Zoë Siobhán Charlotte Niamh Elizabeth Priya Chidinma",
        "Oliver Alistair Rhys George Llewellyn Tariq Kwame Seán",
        "Smith Jones Taylor O'Brien Fortescue-Smythe Fitzgerald MacDonald Ó_Néill "
        "Featherstonehaugh "
        "Llewelyn-Bowen Patel St_John Okonkwo",
    ),
    "IE": (
        "Aoife Saoirse Gráinne Sinéad Róisín",
        "Seán Pádraig Oisín Cian Éamonn",
        "O'Sullivan Ó_Briain Murphy Ní_Dhónaill Mac_Giolla_Phádraig Kelly",
    ),
    "SE": (
        "Åsa Linnéa Märta Ylva Björk",
        "Björn Åke Örjan Göran Sören",
        "Ångström Lindqvist Sjöberg Öberg af_Klintberg Nyström",
    ),
    "US": (
        "Emily Madison Guadalupe Shaniqua Renée Mary-Kate Aaliyah Ximena Jo",
        "James Michael DeShawn José LeRoy John-Ray Duc Ezra Al Muhammad",
        "Johnson Williams O'Connor Garcia Nguyễn McAllister Washington De_La_Rosa Smith-Jones "
        "Peña Li "
        "St._Clair Kowalski Begay Kealoha",
    ),
}  # fmt: skip

_NAMES = {
    country: tuple(tuple(word.replace("_", " ") for word in words.split()) for words in table)
    for country, table in _TABLE.items()
}

# Shapes that must be among the customers: country, female or not, family name, given names.
NOTABLE: tuple[tuple[str, bool, str, str], ...] = (
    ("PL", False, "Żółć", "Łukasz"),
    ("NL", True, "van 't Hoff", "Zoë"),
    ("IE", False, "O'Brien", "Conor"),
    ("FR", False, "d'Artagnan", "Étienne"),
    ("ES", True, "de la Cruz", "María José"),
    ("GB", True, "Fortescue-Smythe", "Anne-Marie"),
    ("US", False, "O", "Jin"),
    ("US", True, "Nguyễn", "Thị Ánh"),
    ("DE", False, "Weiß", "Jörg"),
    ("SE", True, "Ö", "Åsa"),
    ("IE", False, "O’Dónaill", "Tadhg"),
    ("US", False, "Tjahjono", ""),
    (
        "DE",
        True,
        "von und zu Hohenbruck-Wertenstein-Freudenthal auf Oberlangenau und Niederrheinfelden",
        "Maria Theresia Franziska Antonia Josepha Walburga Kunigunde Philippine",
    ),
    ("US", False, "Kealohalaninuiakamakaokalanipono", "Kaleolani"),
)


def western_person(country: str, family: str, given: str) -> PersonName:
    """A name from its parts, in the order that the country writes."""
    return PersonName(f"{given} {family}".strip(), family, given)


def western_name(dice: Dice, country: str, female: bool) -> PersonName:
    """A name of somebody from a country."""
    women, men, families = _NAMES[country]
    given, family = dice.pick(women if female else men), dice.pick(families)
    if dice.chance(0.22):
        given = f"{given} {dice.pick(women if female else men)}"
    if dice.chance(0.06) and " " not in family and "-" not in family:
        family = f"{family}-{dice.pick(families)}"
    if country == "ES" and dice.chance(0.3):
        given = f"{given} {dice.pick(women if female else men)}"
    return western_person(country, family, given)
