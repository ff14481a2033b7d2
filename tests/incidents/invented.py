"""Small invented files of every format, one table each, for `fuzzing` to damage.

Five rows each, in four countries, with the columns of the real exports. Every row here is invented:
nothing of it is taken from a real source.
"""

from __future__ import annotations

from kidnaprisk.incidents.formats.awsd import COLUMNS as AWSD
from kidnaprisk.incidents.formats.gtd import COLUMNS as GTD
from kidnaprisk.incidents.formats.nst import COLUMNS as NST
from kidnaprisk.incidents.formats.own import FILE_COLUMNS as OWN
from tests.incidents.samples import ROW

Cell = object
Grid = list[list[Cell]]

# Invented places well inside four countries: lon, lat, alpha-2, alpha-3, number, name.
_PLACES = (
    ("0.3", "14.1", "BF", "BFA", "854", "Burkina Faso"),
    ("7.5", "12.5", "NG", "NGA", "566", "Nigeria"),
    ("8.0", "14.5", "NE", "NER", "562", "Niger"),
    ("-3.0", "15.5", "ML", "MLI", "466", "Mali"),
    ("7.6", "12.6", "NG", "NGA", "566", "Nigeria"),
)
_DAYS = ("2020-12-03", "2020-05-06", "2019-05-19", "2021-01-31", "2020-02-29")
_MONTHS = (
    "January February March April May June July August September October November December"
).split()

_ACLED = (
    "data_id iso event_id_cnty event_id_no_cnty event_date year time_precision event_type "
    "sub_event_type actor1 assoc_actor_1 inter1 actor2 assoc_actor_2 inter2 interaction region "
    "country admin1 admin2 admin3 location latitude longitude geo_precision source source_scale "
    "notes fatalities timestamp iso3"
).split()
_UCDP = (
    "id year type_of_violence side_a side_b source_article where_prec where_coordinates adm_1 "
    "latitude longitude country date_prec date_start date_end best"
).split()
_KIKA = (
    "SiND Event ID|Date|Time Precision|Country|Country ISO|Admin 1|Event Description|Latitude|"
    "Longitude|Geo Precision|Location of Incident|Actor|Actor Name|Weapon Carried/Used|"
    "Organisation Affected|Aid Workers Killed|Aid Workers Injured|Aid Workers Kidnapped|"
    "Aid Workers Arrested|Known Kidnapping or Arrest Outcome|Aid Workers Killed in Captivity|"
    "International Aid Workers Kidnapped|National Aid Workers Kidnapped"
).split("|")
_KIKA_PLAIN = (
    "Date|Country|ISO|Admin 1|Event Description|Latitude|Longitude|Location|Actor|Weapon|"
    "Organisation|Killed|Injured|Kidnapped|Arrested|Killed_in_Captivity|Int'l_Kidnapped"
).split("|")
_ACTOR = (
    "Code Name CountryCode KnownGroupCode EthnicCode Religion1Code Religion2Code Type1Code "
    "Type2Code Type3Code"
).split()
_GEO = "Type FullName CountryCode ADM1Code ADM2Code Lat Long FeatureID".split()
_GDELT = [
    *"GLOBALEVENTID SQLDATE MonthYear Year FractionDate".split(),
    *(f"Actor{rank}{part}" for rank in (1, 2) for part in _ACTOR),
    *"IsRootEvent EventCode EventBaseCode EventRootCode QuadClass GoldsteinScale".split(),
    *"NumMentions NumSources NumArticles AvgTone".split(),
    *(f"{of}Geo_{part}" for of in ("Actor1", "Actor2", "Action") for part in _GEO),
    *("DATEADDED", "SOURCEURL"),
]
_MAPPED = ["Ref", "Day", "Lat", "Long", "Land", "Type", "Where", "Taken", "From", "Told"]
MAPPING = """
source = "acme"
[columns]
incident_id = "Ref"
date = "Day"
latitude = "Lat"
longitude = "Long"
country = "Land"
kind = "Type"
place = "Where"
victims = "Taken"
nationalities = "From"
notes = "Told"
[words.kind]
"Kidnap" = "kidnapping"
"Armed robbery" = "attack"
"""


def _rows(columns: tuple[str, ...] | list[str], *rows: dict[str, Cell]) -> Grid:
    return [list(columns), *([row.get(name, "") for name in columns] for row in rows)]


def _own() -> Grid:
    changes = (
        {"incident_id": f"invented-{at}", "longitude": lon, "latitude": lat, "country": code}
        for at, (lon, lat, code, *_) in enumerate(_PLACES)
    )
    return _rows(OWN, *({**ROW, **change} for change in changes))


def _acled(columns: list[str], *, years: int = 4) -> Grid:
    rows = []
    for at, ((lon, lat, _, iso3, iso, country), day) in enumerate(zip(_PLACES, _DAYS, strict=True)):
        year, month, number = day.split("-")
        taken = at % 2 == 0
        rows.append(
            {
                "data_id": str(9_000_000 + at), "iso": iso, "event_id_cnty": f"INV{at}",
                "event_id_no_cnty": str(at), "year": year, "time_precision": str(at % 3 + 1),
                "event_date": f"{number} {_MONTHS[int(month) - 1]} {year}"
                if years == 4 else f"{number}-{month}-{year[2:]}",
                "event_type": "Violence against civilians" if taken else "Battles",
                "sub_event_type": "Abduction/forced disappearance" if taken else "Armed clash",
                "actor1": "Invented Group", "assoc_actor_1": "One;Two" if at == 1 else "",
                "inter1": "3", "actor2": "Civilians (Niger)", "assoc_actor_2": "Aid Workers (Mali)",
                "inter2": "7", "interaction": "37", "region": "Western Africa",
                "country": country, "admin1": "Invented", "admin2": "Invented", "location": "Town",
                "latitude": lat, "longitude": lon, "geo_precision": str(at % 3 + 1),
                "source": "Invented Press; Invented Radio", "source_scale": "National",
                "notes": f"INVENTED {at}: gunmen abducted a driver, it is said.",
                "fatalities": "0", "timestamp": str(1_640_000_000 + at * 100_000), "iso3": iso3,
            }
        )  # fmt: skip
    return _rows(columns, *rows)


def _gtd() -> Grid:
    rows = []
    for at, ((lon, lat, *_, country), day) in enumerate(zip(_PLACES, _DAYS, strict=True)):
        year, month, number = day.split("-")
        rows.append(
            {
                "eventid": f"{year}{month}{number}{at + 1:04}", "iyear": year,
                "imonth": str(int(month)), "iday": "0" if at == 3 else str(int(number)),
                "country": str(40 + at), "region": "11", "country_txt": country,
                "provstate": "Invented", "city": "Town", "latitude": lat,
                "longitude": lon, "specificity": str(at + 1), "vicinity": "0",
                "summary": "INVENTED: gunmen took a driver.", "attacktype1": "6" if at else "2",
                "attacktype1_txt": "x", "targtype1": "14", "targsubtype1": "73", "gname": "Unknown",
                "natlty1_txt": "Niger", "ishostkid": "1", "nhostkid": "-99" if at == 2 else "3",
                "ndays": "12", "ransom": "1", "ransomamt": "-9", "hostkidoutcome": "2",
                "resolution": "12/31/2021", "scite1": "Invented, https://example.org/a.",
                "INT_MISC": "0", "approxdate": "May 4-7, 2020" if at == 1 else "",
            }
        )  # fmt: skip
    return _rows(GTD, *rows)


def _ucdp() -> Grid:
    rows = [
        {
            "id": f"{300_000 + at}.0", "year": day[:4], "type_of_violence": str(at % 3 + 1),
            "side_a": "Government of Inventia", "side_b": "Invented Group",
            "source_article": "Invented, https://example.org/b", "where_prec": str(at + 1),
            "where_coordinates": "Town", "adm_1": "Invented", "latitude": lat, "longitude": lon,
            "country": country, "date_prec": "1", "date_start": f"{day} 00:00:00.000",
            "date_end": f"{day} 00:00:00.000", "best": "3",
        }
        for at, ((lon, lat, *_, country), day) in enumerate(zip(_PLACES, _DAYS, strict=True))
    ]  # fmt: skip
    return _rows(_UCDP, *rows)


def _awsd() -> Grid:
    rows = [
        {
            "Incident ID": str(70_000 + at), "Year": day[:4], "Month": str(int(day[5:7])),
            "Day": "" if at == 1 else str(int(day[8:])), "Country Code": code, "Country": country,
            "Region": "Invented", "District": "Invented" if at else "", "City": "Town near Other",
            "Internationals kidnapped": "0", "Total killed": "0", "Total wounded": "1",
            "Total kidnapped": str(at % 2 * 2), "Means of attack": "Kidnapping" if at % 2
            else "Shooting", "Attack context": "Ambush", "Location": "Road", "Latitude": lat,
            "Longitude": lon, "Actor type": "Unknown", "Actor name": "Invented Group",
            "Details": "INVENTED\nin two lines.", "Verified": "Yes",
        }
        for at, ((lon, lat, code, *_, country), day) in enumerate(zip(_PLACES, _DAYS, strict=True))
    ]  # fmt: skip
    return _rows(AWSD, *rows)


def _kika(columns: list[str]) -> Grid:
    rows = []
    for at, ((lon, lat, _, iso3, _, country), day) in enumerate(zip(_PLACES, _DAYS, strict=True)):
        row = {
            "SiND Event ID": str(at + 1), "Date": day, "Time Precision": "Exact day",
            "Country": country, "Country ISO": iso3, "ISO": iso3, "Admin 1": "MÃ©naka",
            "Event Description": "INVENTED: two aid workers were kidnapped.", "Latitude": lat,
            "Longitude": lon, "Geo Precision": f"(~{at})({at + 1}) within so many km",
            "Location of Incident": "Road", "Actor": "NSA", "Actor Name": "No information",
            "Organisation Affected": "INGO", "Known Kidnapping or Arrest Outcome": "Freed",
        }  # fmt: skip
        counts = {"Killed": "0", "Injured": "1", "Kidnapped": "2", "Arrested": "0"}
        row |= counts | {f"Aid Workers {name}": value for name, value in counts.items()}
        rows.append(row)
    return _rows(columns, *rows)


def _nst() -> Grid:
    rows = [
        {
            "Title": f"Invented {at}", "Date": day, "Community (city,town, ward)": "Town",
            "LGA": "Invented", "State": "Katsina", "Total Deaths": "0", "Kidnapper (P)":
            "Kidnapper", "Kidnapee (V)": "2", "Sources 1": "https://example.org/c",
            "Latitude": "12.5", "Longitude": "(7.5)" if at else "7.51", "country": "Nigeria",
            "full place name": "Invented, Katsina, Nigeria", "Notes": "INVENTED",
        }
        for at, day in enumerate(_DAYS)
    ]  # fmt: skip
    return _rows(NST, *rows)


def _gdelt() -> Grid:
    fips = {"BF": "UV", "NG": "NI", "NE": "NG", "ML": "ML"}
    rows = [
        {
            "GLOBALEVENTID": str(900_000 + at), "SQLDATE": day.replace("-", ""),
            "MonthYear": day[:4] + day[5:7], "Year": day[:4], "FractionDate": f"{day[:4]}.5",
            "Actor1Name": "REBEL", "Actor1Type1Code": "REB", "IsRootEvent": "1",
            "EventCode": "181" if at % 2 else "190", "EventBaseCode": "181" if at % 2 else "190",
            "EventRootCode": "18" if at % 2 else "19", "ActionGeo_Type": "4",
            "ActionGeo_FullName": f"Town, Invented, {country}",
            "ActionGeo_CountryCode": fips[code], "ActionGeo_Lat": lat, "ActionGeo_Long": lon,
            "DATEADDED": day.replace("-", "") + "120000", "SOURCEURL": "https://example.org/d",
        }
        for at, ((lon, lat, code, *_, country), day) in enumerate(zip(_PLACES, _DAYS, strict=True))
    ]  # fmt: skip
    return _rows(_GDELT, *rows)


def _mapped() -> Grid:
    rows = [
        {
            "Ref": f"R{at}", "Day": day, "Lat": f"{lat}° N", "Long": lon, "Land": country,
            "Type": "Kidnap" if at % 2 else "Armed robbery", "Where": "Town", "Taken": "2",
            "From": "Niger, Mali", "Told": "INVENTED: gunmen kidnapped two drivers.",
        }
        for at, ((lon, lat, *_, country), day) in enumerate(zip(_PLACES, _DAYS, strict=True))
    ]  # fmt: skip
    return _rows(_MAPPED, *rows)


SEEDS: dict[str, Grid] = {
    "own": _own(),
    "acled": _acled(_ACLED),
    "acled_before_2019": _acled([name for name in _ACLED if name != "sub_event_type"], years=2),
    "gtd": _gtd(),
    "gtd_headerless": _gtd()[1:],
    "ucdp": _ucdp(),
    "awsd": _awsd(),
    "kika": _kika(_KIKA),
    "kika_plain": _kika(_KIKA_PLAIN),
    "nst": _nst(),
    "gdelt": _gdelt(),
    "gdelt_headerless": _gdelt()[1:],
    "mapped": _mapped(),
}
