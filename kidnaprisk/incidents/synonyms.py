"""What logs of incidents call their columns and their kinds, in English, French and Spanish.

For drafting a mapping only: a guess from these words is shown to somebody who corrects it. Nothing
is read by them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# Ours = their usual names, plain (see `plain`), the surest first.
COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "incident_id": (
        *("incident id", "id", "event id", "ref", "reference", "ref no", "reference number"),
        *("incident no", "incident number", "case id", "case number", "record id", "serial no"),
        *(
            "identifiant",
            "numero",
            "numero incident",
            "no",
            "n",
            "identificador",
            "codigo",
            "folio",
        ),
    ),
    "date": (
        *(
            "date",
            "incident date",
            "event date",
            "date of event",
            "date of incident",
            "day of event",
        ),
        *("start date", "date start", "date from", "date of occurrence", "occurred on", "when"),
        *("date incident", "date de l incident", "date evenement", "date de l evenement"),
        *("date des faits", "date debut", "date de debut", "jour", "le"),
        *(
            "fecha",
            "fecha del incidente",
            "fecha del evento",
            "fecha de los hechos",
            "fecha inicio",
        ),
    ),
    "date_end": (
        *("date end", "end date", "date to", "last possible day", "date until"),
        *("date fin", "date de fin", "fecha fin", "fecha final", "fecha de fin"),
    ),
    "known_on": (
        *("known on", "date reported", "reported on", "report date", "reporting date"),
        *("date of report", "date entered", "entry date", "date recorded", "published", "uploaded"),
        *("date du rapport", "date de signalement", "date de publication", "date de saisie"),
        *("fecha de reporte", "fecha del informe", "fecha de registro", "fecha de publicacion"),
    ),
    "year": ("year", "event year", "yr", "annee", "an", "ano"),
    "month": ("month", "event month", "mois", "mes"),
    "day": ("day", "day of month", "jour du mois", "dia"),
    "latitude": ("latitude", "lat", "y", "lat dd", "gps lat", "gps latitude", "latitud", "coord y"),
    "longitude": (
        *("longitude", "long", "lon", "lng", "x", "long dd", "gps long", "gps longitude"),
        *("longitud", "coord x"),
    ),
    "position": (
        *("position", "gps", "coordinates", "coords", "gps coordinates", "lat long", "lat lon"),
        *("latitude longitude", "geolocation", "location gps"),
        *("coordonnees", "coordonnees gps", "point gps", "coordenadas", "coordenadas gps"),
        *("ubicacion gps", "posicion"),
    ),
    "location_error_km": (
        *("location error km", "precision", "location precision", "geo precision", "accuracy"),
        *("accuracy km", "location accuracy", "radius km", "uncertainty km", "precision km"),
        *("precision de la localisation", "precision geographique", "exactitud", "precision gps"),
    ),
    "country": ("country", "country name", "country code", "nation", "pays", "pais", "iso"),
    "admin1": (
        *("admin1", "admin 1", "region", "state", "province", "governorate", "department"),
        *("departement", "wilaya", "estado", "provincia", "departamento", "gouvernorat"),
    ),
    "place": (
        *("place", "location", "town", "city", "village", "locality", "place name", "site"),
        *("location of incident", "incident location", "place of incident", "lieu de l incident"),
        *(
            "lugar del incidente",
            "location name",
            "nearest town",
            "lieu",
            "localite",
            "ville",
            "commune",
            "lugar",
        ),
        *("localidad", "ciudad", "municipio", "ubicacion"),
    ),
    "kind": (
        *("kind", "type", "incident type", "event type", "type of incident", "type of event"),
        *("category", "incident category", "event category", "nature", "means of attack"),
        *(
            "type d incident",
            "type incident",
            "type d evenement",
            "categorie",
            "nature de l incident",
        ),
        *("tipo", "tipo de incidente", "tipo de evento", "categoria", "clase"),
    ),
    "setting": (
        *("setting", "location type", "type of location", "type of place", "place type"),
        *("type de lieu", "tipo de lugar", "contexte", "entorno"),
    ),
    "victims": (
        *("victims", "number of victims", "no of victims", "victim count", "persons taken"),
        *("kidnapped", "total kidnapped", "persons kidnapped", "abducted", "hostages", "affected"),
        *("nombre de victimes", "victimes", "personnes enlevees", "otages", "nb victimes"),
        *("victimas", "numero de victimas", "secuestrados", "rehenes"),
    ),
    "foreign_victims": (
        *("foreign victims", "foreigners", "expatriates", "foreign nationals", "international"),
        *("victimes etrangeres", "etrangers", "victimas extranjeras", "extranjeros"),
    ),
    "nationalities": (
        *("nationalities", "nationality", "nationality of victims", "victim nationality"),
        *("nationalite", "nationalites", "nacionalidad", "nacionalidades"),
    ),
    "sector": (
        *("sector", "industry", "victim sector", "victim type", "business sector"),
        *("secteur", "secteur d activite", "sector de la victima", "rubro"),
    ),
    "perpetrator": (
        *("perpetrator", "perpetrators", "actor", "group", "armed group", "suspected group"),
        *(
            "auteur",
            "auteurs",
            "groupe arme",
            "groupe",
            "autor",
            "autores",
            "grupo armado",
            "grupo",
        ),
    ),
    "demand": ("demand", "demands", "revendication", "demande", "demanda", "exigencia"),
    "outcome": (
        *("outcome", "result", "fate", "fate of victims", "status of victims", "resolution"),
        *("issue", "denouement", "resultat", "desenlace", "resultado"),
    ),
    "outcome_date": (
        *("outcome date", "release date", "date of release", "date released", "date resolved"),
        *("date de liberation", "fecha de liberacion"),
    ),
    "ransom_usd": ("ransom usd", "ransom paid usd", "ransom in usd", "rancon usd", "rescate usd"),
    "source_url": ("source url", "url", "link", "web link", "lien", "enlace"),
    "notes": (
        *("notes", "narrative", "description", "details", "summary", "comments", "remarks"),
        *("incident description", "event description", "what happened", "synopsis"),
        *("recit", "resume", "commentaires", "observations", "descriptif", "description des faits"),
        *("descripcion", "relato", "resumen", "observaciones", "notas", "detalles"),
    ),
}

# Ours = beginnings of words that tell it, plain; of several that fit, the first counts.
WORD_STEMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "kind": {
        "kidnapping": (
            *("kidnap", "abduct", "hostage", "enlev", "rapt", "otage", "sequestration"),
            *("secuestr", "plagio", "rehen"),
        ),
        "explosion": (
            *("explos", "ied", "vbied", "bomb", "mine", "landmine", "grenade", "airstrike"),
            *("shelling", "mortar", "eei", "engin", "artefacto", "mina", "granada"),
        ),
        "attack": (
            *(
                "attack",
                "ambush",
                "robber",
                "armed rob",
                "assault",
                "shooting",
                "murder",
                "killing",
            ),
            *("carjack", "hijack", "banditry", "attaque", "embuscade", "braquage", "vol a main"),
            *("assassinat", "meurtre", "agression", "coupeur", "ataque", "emboscada", "asalto"),
            *("robo a mano", "homicid", "asesinat"),
        ),
        "battle": ("battle", "clash", "fight", "firefight", "combat", "affrontement", "enfrent"),
        "unrest": (
            *("protest", "riot", "demonstration", "unrest", "roadblock by crowd", "manifest"),
            *("emeute", "troubles", "disturb", "motin"),
        ),
        "other": ("other", "autre", "otro", "otra"),
    },
    "setting": {
        "road": ("road", "highway", "route", "convoy", "axe", "carretera", "ruta", "camino"),
        "rail": ("rail", "train", "ferro", "tren"),
        "village": ("village", "town", "hamlet", "ville", "pueblo", "aldea"),
        "residence": ("resid", "home", "house", "compound", "domicile", "maison", "casa", "hogar"),
        "worksite": ("worksite", "work site", "mine", "farm", "chantier", "field", "obra", "finca"),
        "site": ("site", "school", "church", "mosque", "market", "hospital", "ecole", "escuela"),
    },
    "sector": {
        "aid": ("aid", "ngo", "humanit", "ong"),
        "civilian": ("civil", "villager", "farmer", "herder"),
        "construction": ("construct", "btp"),
        "education": ("educat", "school", "teacher", "student", "enseign", "escol"),
        "government": ("govern", "official", "gouvern", "administration", "gobierno"),
        "health": ("health", "medic", "sante", "salud"),
        "media": ("media", "journal", "press", "presse", "prensa"),
        "mining": ("mining", "mine", "miner", "orpaill"),
        "oil": ("oil", "gas", "petrol", "energy"),
        "religious": ("relig", "church", "clergy", "priest", "pastor", "imam", "cura"),
        "security": ("secur", "police", "militar", "army", "securit", "segur"),
        "tourism": ("touris", "turis"),
        "transport": ("transport", "driver", "logist", "truck", "haul", "chauffeur", "camion"),
        "other": ("other", "autre", "otro", "otra"),
    },
    "demand": {
        "none_reported": ("none", "aucun", "ningun"),
        "political": ("politic", "politique"),
        "prisoner_exchange": ("prisoner", "prisonnier", "prisioner"),
        "ransom": ("ransom", "rancon", "rescate", "money"),
    },
    "outcome": {
        "partly_released": ("partly", "partial", "some released"),
        "escaped": ("escap", "evade"),
        "rescued": ("rescu", "secour", "rescatad"),
        "released": ("releas", "freed", "liber"),
        "killed": ("killed", "murder", "execut", "tue", "asesinad"),
        "died": ("died", "dead", "deced", "mort", "muert"),
        "held": ("held", "captiv", "ongoing", "detenu", "en cours", "retenid"),
    },
}
UNKNOWN_WORDS = ("unknown", "not known", "n a", "na", "inconnu", "desconocido", "unspecified")
# What did not happen, was only said, is over, or is two things: somebody has to say what it is.
_UNSURE_KIND = re.compile(
    r"\b(?:attempt|fail|foil|prevent|threat|thwart|releas|rumou?r|hoax|tentativ|menac|liber|amenaz|"
    r"intento)|\b(?:and|et|y|or|ou|o)\b"
)
_DENIED = re.compile(r"\b(?:not|non|no|never|pas|sin)\b")
# A short beginning begins too much: mine, miner.
_SHORT = 4


def plain(text: str) -> str:
    """A name without accents, case and signs, for comparing.

    Examples
    --------
    >>> plain(" Date de l'Événement "), plain("kind_of_place")
    ('date de l evenement', 'kind of place')
    """
    letters = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[^\W_]+", kept))


def likely_word(name: str, theirs: str, known: frozenset[str]) -> str | None:
    """Our word that one of theirs most likely stands for, None where it takes a person to say.

    Parameters
    ----------
    name : str
        Our column, of `WORD_STEMS`.
    theirs : str
    known : frozenset of str
        Our words.

    Examples
    --------
    >>> kinds = frozenset(WORD_STEMS["kind"])
    >>> [likely_word("kind", word, kinds) for word in ("Enlèvement", "Armed robbery", "Vol")]
    ['kidnapping', 'attack', None]
    >>> likely_word("kind", "Attempted kidnapping", kinds) is None
    True
    """
    text = plain(theirs)
    if text.replace(" ", "_") in known:
        return text.replace(" ", "_")
    if _DENIED.search(text) or (name == "kind" and _UNSURE_KIND.search(text)):
        return None
    for word, stems in WORD_STEMS[name].items():
        if any(_begins_a_word(stem, text) for stem in stems):
            return word
    return None


def _begins_a_word(stem: str, text: str) -> bool:
    ending = "s?\\b" if len(stem) <= _SHORT else ""
    return re.search(rf"\b{stem}{ending}", text) is not None
