"""Whether a note tells of a kidnapping: people taken or held against their will in this very event.

Sources code an event once: an abduction inside an attack is an attack, and only the note says more.
This is the rule by which such rows are told, in three steps: words that speak of something else
(an attempt, a release, a protest about an earlier case, kidnappers killed) are struck out; then any
word for taking people that is left tells a kidnapping; then, for words with other uses (detained,
captured, took away), people must be what was taken and others than the state the takers. English
first, with the French, Spanish and Portuguese words of the press. It is a rule of thumb that was
measured, docs/kind_from_text.md, not an understanding of text.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from kidnaprisk.incidents.parse import Mask

_TAKE = (
    r"(?:kidnap\w*|abduct\w*|hostages?|captives?|enlev\w+|sequestr\w+|secuestr\w+|otages?"
    r"|rehen\w*|refens?|raptad\w+)"
)
_NOUN = (
    r"(?:kidnapp?ings?|kidnaps?|abductions?|hostage[- ]takings?|enlevements?|secuestros?"
    r"|sequestros?|rapts?|prises? d.otages?)"
)
_DEED = (
    r"(?:kidnapp?ings?|abductions?|hostage[- ]takings?|enlevements?|secuestros?|sequestros?"
    r"|prises? d.otages?)"
)
_PEOPLE = (
    r"(?:people|persons?|civilians?|villagers?|residents?|wom[ae]n|girls?|boys?|child(?:ren)?"
    r"|m[ae]n|passengers?|travell?ers?|drivers?|workers?|employees?|staff|teachers?|students?"
    r"|pupils?|(?:cattle-)?herders?|herdsm[ae]n|farmers?|traders?|soldiers?|policem[ae]n"
    r"|(?:police )?officers?|gendarmes?|officials?|chiefs?|imams?|priests?|pastors?|nurses?"
    r"|doctors?|nationals?|hunters?|fisherm[ae]n|locals|youths?|elders?|(?:grand)?sons?|brothers?"
    r"|daughters?|wi(?:fe|ves)|family|members|others|individuals?|guards?|crew|sailors?|mayors?"
    r"|councill?ors?|tourists?|refugees?|victims?|teenagers?|students?|volunteers?)"
)
# At most three words between a verb and whom it is done to, none of which starts another phrase.
_SOME = r"(?:(?!of\b|from\b|belong|by\b|and\b|in\b|at\b|to\b|with\b|suspect)[\w'-]+ ){0,3}?"
# Words of the same phrase.
_SPAN = r"(?: (?!and\b|but\b|while\b|then\b)[\w'-]+)"
_AWAY = r"to an? un\w+|(?:in)?to the (?:bush|forest|mountains?)"
_REST = r"[^.;|]*"
_CLAUSE = r"[^.,;|]*"

# What speaks of takings, but of none in this event. Struck out in this order.
_STRUCK_OUT = (
    # Who did it, elsewhere or before; and kidnap as part of a name for something else.
    r"\b(?:kidnapp?ers?|abductors?|ravisseurs?|secuestradores?|sequestradores?)\b",
    (
        r"\b(?:anti[- ])?(?:kidnap(?:ping)?|abduction|hostage)s?[- ](?:victims?|suspects?|gangs?"
        r"|rings?|kingpins?|dens?|syndicates?|cases?|charges?|squads?|units?|plots?|bids?|attempts?|cells?"
        r"|threats?|alerts?|negotiat\w+|networks?|crisis|ransoms?)\b"
    ),
    # Attempts, plans and threats. An aim is no deed, unless it was managed.
    (
        r"\b(?:attempt\w*|tri(?:ed|es)|try(?:ing)?|fail\w*|plan(?:s|ned|ning)?|plot\w*|inten[dt]\w*"
        rf"|threat\w*|want(?:ed|s)?|tentativ\w*){_SPAN}{{0,6}}? (?:[dl]')?{_TAKE}"
        rf"{_CLAUSE}"
    ),
    (
        r"\b(?:foil\w*|thwart\w*|prevent\w*|avert\w*|repel\w*|repuls\w*|stopp?\w*|avoid\w*|evad\w*"
        rf"|resist\w*|surviv\w*|escap\w*){_SPAN}{{0,5}}?"
        rf" (?:{_NOUN}\b|(?:from|being|been) (?:being )?{_TAKE}){_CLAUSE}"
    ),
    (
        rf"\b{_NOUN} (?:[\w'-]+ ){{0,4}}?(?:attempt|bid|plot|foiled|thwarted|prevented|averted"
        rf"|failed|fails|stopped){_CLAUSE}"
    ),
    (
        r"\b(?:attempt\w*|tri(?:ed|es)|try(?:ing)?|fail\w*|want\w*|plan\w*|threaten\w*|aim\w*) to "
        rf"(?:[\w'-]+ ){{0,2}}?(?:detain|captur|seiz|take|hold|carry){_CLAUSE}"
    ),
    rf"(?<!managed )(?<!proceeded )(?<!continued )(?<!went on )\bto (?:kidnap|abduct)\b{_CLAUSE}",
    # Nobody was, or nobody knows.
    (
        r"\b(?:not|never|no one|nobody|no|without|denie[sd]|deny\w*|assum\w+|rumou?r\w*)"
        rf" (?:[\w'-]+ ){{0,4}}?{_TAKE}{_CLAUSE}"
    ),
    rf"\bfear(?:ed|s of|ing)? (?:to )?(?:have )?(?:be |been )?{_TAKE}{_CLAUSE}",
    # Freed: the taking was another event, unless the sentence goes on to tell of one.
    (
        r"\b(?:free(?:d|s|ing)?|releas\w+|rescu\w+|liberat\w+|libere\w*|liberad\w+|saved?|saving)\b"
        r"(?:(?!\b(?:but|while|after being|and (?:kidnap|abduct))\b)[^.;|]){0,120}?"
        rf"\b{_TAKE}{_REST}"
    ),
    (
        rf"(?<!were )(?<!was )(?<!been )\b{_TAKE}\b(?:(?!\b(?:who|whom|and|but|then|that|before)\b)"
        r"[^.,;|]){0,60}? (?:was|were|been|are|is|being) (?:[\w'-]+ ){0,2}?"
        r"(?:freed|released|rescued|liberated)\b"
    ),
    r"\b(?:hostages?|captives?|abductees) (?:freed|released|rescued|liberated)\b",
    r"^\W*(?:kidnapped|abducted) [^.;|]{0,60}?\b(?:freed|released|rescued|liberated)\b",
    # Protest and the courts. Protesters who take somebody themselves are told by the verb.
    (
        r"\b(?:protest(?:ed|ing|s)?|demonstrat(?:ed|ing|ions?)|rall(?:y|ied)|petition\w*|vigil"
        r"|denounc\w*|condemn\w*|decr(?:y|ied)|sit-in|marched|marching"
        r"|march (?:to|against|over|for)|manifest\w*)\b"
        r"(?:(?!\b(?:and|then) (?:t[ao]ok|held|kidnap|abduct))[^.;|]){0,250}?"
        rf"\b{_TAKE}{_REST}"
    ),
    (
        r"\b(?:protesters|demonstrators|marchers)\b[^.;|]{0,200}?"
        rf"\b(?:over|against|about|after|following|because|demand\w*|due|condemn\w*|denounc\w*)"
        rf"[^.;|]{{0,120}}?\b{_TAKE}{_REST}"
    ),
    (
        r"\b(?:arrest|apprehend|captur|kill|lynch|beat|burn|sentenc|convict|charg|accus|arraign"
        r"|detain|execut|wanted|guilty|trial|suspect)\w*"
        r" (?:(?!\b(?:and|then|before|while|where|when|killed|which|they)\b)[^.,;|]){0,80}?"
        rf"\b(?:for|of|over|in|with|as) (?:[\w'-]+ ){{0,4}}?{_NOUN}\b{_CLAUSE}"
    ),
    (
        r"\b(?:arrest|apprehend|lynch|sentenc|convict|charg|arraign)\w*"
        rf" [^.;|]{{0,80}}?\b(?:suspected|accused|alleged\w*|who) [^.,;|]{{0,40}}?\b{_TAKE}"
        rf"{_CLAUSE}"
    ),
    rf"\baccus\w*[^.,;|]{{0,60}}? (?:to have|of having)(?: been)? {_TAKE}{_CLAUSE}",
    r"\b(?:kill|execut|behead)\w* (?:kidnapped|abducted)\b",
    (
        rf"\b(?:kill|execut|behead)\w* {_SOME}{_PEOPLE}? ?"
        r"(?:held (?:captive|hostage)|hostages|captives)\b"
    ),
    # Before: named as a cause, a background, or by its own day.
    (
        r"\b(?:after|following|over|since|because of|due to|to|for|from|against|amid|about|on"
        r"|linked to|with|(?:wave|series|spate|cases?|acts?|number|context|victims?|increase|rise|"
        r"fears?|risk|wake|light|result|aftermath) of|despite|avenge|regarding|concerning|as"
        r"|involved in|engaged in) (?:[\w'-]+ ){0,5}?"
        rf"{_DEED}\b{_CLAUSE}"
    ),
    r"\b(?:day|week|month|year|hour)s? (?:after|since|following)\b[^.,;|]*",
    rf"\b(?:who|whom|which) ha[ds] (?:\w+ )?(?:been )?(?:\w+ )?{_TAKE}{_CLAUSE}",
    r"\b(?:previously|earlier|recently|once|formerly|already) (?:kidnapped|abducted)\b",
    (
        r"\b(?:kidnapped|abducted|taken hostage|held hostage)(?: [\w'/-]+){0,6}?"
        r" (?:(?:the|a) (?:day|week|month|year)s? (?:before|earlier|prior)|prior to"
        r"|the previous|last (?:week|month|year|mon|tues|wednes|thurs|fri|satur|sun)"
        r"|earlier|previously|(?:days?|weeks?|months?|years?|hours?) (?:ago|earlier|before|prior))"
    ),
    (
        r"\b(?:bod(?:y|ies)|corpses?|remains|dead)\b (?:of|belonging) [^.;|]{0,80}?\b"
        r"(?:kidnapped|abducted|hostages?)\b"
    ),
    (
        r"\b(?:one|two|three|some|several|\d+|any|all) of the (?:[\w'-]+ ){0,3}?"
        r"(?:kidnapped|abducted|hostages?|captives?)\b"
    ),
    rf"\b(?:the|these|those|their|his|her) (?:\w+ )?(?:kidnapped|abducted) {_PEOPLE}\b",
    r"\bbelonging to [^.,;|]{0,40}",
)

_TAKINGS = (
    r"\b(?:kidnapp?ed|abducted|kidnaps|abducts|abductees?|kidnappees?)\b",
    r"\b(?:kidnap|abduct)\b",
    r"\b(?:kidnapp?ing|abducting|kidnap(?:ping)?s? of|abductions? of)\b (?=[\w'])",
    r"^\W*(?:kidnapping|abduction|hostage[- ]taking)s?\b",
    r"\b(?:kidnapping|abduction)s?(?: (?:was|were|also|is|are))* reported\b",
    (
        r"\b(?:t[oa]k(?:e|es|en|ing)|took|h[eo]ld(?:s|ing)?|kept|keep(?:s|ing)?|seiz\w+)\b"
        r"[^.;|]{0,80}?\b(?:hostages?|captives?|against (?:his|her|their) will)\b"
    ),
    r"\bhostages? (?:was|were|are|is|been)(?: being| also)? (?:taken|held)\b",
    r"\bhostage[- ]takings?\b",
    (
        r"\b(?:kidnappe(?:e?s?)|(?:ete|ont|a|fut|furent|est) enleve\w*|enleve(?:e?s?) par"
        r"|enlevement d\w*|pris\w* en otages?|prise d.otages?|sequestre\w*)\b"
    ),
    (
        r"\b(?:secuestr(?:o|a|an|aron|ad[oa]s?)|tomad[oa]s? como rehen\w*"
        r"|sequestr(?:ou|aram|ad[oa]s?)|raptad[oa]s?|raptou|raptaram|feit[oa]s? refe(?:m|ns))\b"
    ),
)
# Led off, with a vehicle or on foot, to where nobody knows.
_LED_OFF = (
    (
        r"\b(?:seiz\w+|hijack\w+|took|stole) [^.;|]{0,60}?\b(?:with|and|along with|together with)"
        r" (?:the |its |his |their |all )?(?:\w+ )?(?:drivers?|passengers|crew|occupants)\b"
    ),
    r"\bhijack\w+ [^.;|]{0,40}?\b(?:passengers|travell?ers|people|crew)\b",
    (
        r"\b(?:took|taken|taking|takes?|carr(?:ied|ying)|led|dragged|drove|whisked)"
        rf" (?:away|off|along)(?: with them)? {_SOME}{_PEOPLE}\b(?!')"
    ),
    (
        rf"\b(?:took|taking|takes?|carried|led|dragged|drove|whisked) {_SOME}{_PEOPLE}"
        rf" (?:away|with them|along|prisoners?|{_AWAY})\b"
    ),
    (
        rf"\b(?:{_PEOPLE}|the (?:two|three|four|five|six|seven|eight|nine|ten|\d+))"
        r"(?: [\w'-]+){0,4}? (?:was|were|been|being|are|is)(?: also| later| then| forcibly)?"
        r" (?:taken|led|driven|dragged|carried|whisked)"
        rf" (?:away|off(?! the| a)|prisoners?|{_AWAY})\b"
        r"(?! by (?:the )?(?:police|secur|sold|arm|milit|gendarm|auth))"
    ),
)

# Words that may tell of an arrest or of goods: the takers must not be the state.
_SEIZED = (
    r"\b(?:captur(?:ed?|ing)|detain(?:ed|ing)?|confin(?:ed?|ing)|rounded up|seiz(?:ed?|ing)) "
    rf"{_SOME}"
    r"(?:civilians?|villagers?|residents?|wom[ae]n|girls?|boys?|child(?:ren)?|passengers?"
    r"|travell?ers?|drivers?|workers?|employees|staff|teachers?|students?|herders?|herdsm[ae]n"
    r"|farmers?|traders?|soldiers?|policem[ae]n|police officers?|gendarmes?|officials?|chiefs?"
    r"|people|persons?|officers?|councill?ors?|mayors?|pilots?|militiam[ae]n|volunteers?)\b(?!')"
)
_STATE = (
    r"\b(?:army|armies|military|soldiers?|troops?|police\w*|officers?|gendarm\w*|forces|navy"
    r"|authorit\w+|government|guards?|barkhane|g5|minusma|fama\w*|kdf|bir|mnjtf|regiment|battalion"
    r"|customs|court|operation|rangers?)\b"
)
_OTHERS = (
    r"\b(?:gunm[ae]n|militants?|militi\w+|rebels?|insurgents?|separatists?|jihadi\w*|bandits?"
    r"|terrorists?|pirates?|fighters?|armed (?:men|group|individuals|assailants)|boko haram"
    r"|(?:al[- ])?shabaab|jnim|isgs|aqim|iswap|ansar\w*|katiba|vigilant\w+|dozos?|koglweogo\w*"
    r"|locals|villagers|residents|youths?|mob|robbers?|assailants|attackers|refugees|protesters"
    r"|rioters|demonstrators|students|gatia|msa|cma|mnla|seleka|balaka|raiders|herders|hoodlums)\b"
)

_SEIZED_BY = (
    rf"\b{_PEOPLE}(?: [\w'-]+){{0,4}}? (?:captured|detained|seized|hijacked|held)\b"
    rf"[^.;|]{{0,60}}? by (?:[\w'-]+ ){{0,3}}?{_OTHERS}"
)
# What a note must hold to be looked at closely, which takes a hundred times as long.
_NAMES_FOR_TAKING = (
    *("kidnap", "abduct", "hostage", "captive", "his will", "her will", "their will"),
    *("enlev", "otage", "sequest", "secuest", "rapta", "rapto", "rehen", "refe"),
)
_OTHER_VERBS = (
    *("took", "take", "taking", "carr", "dragg", "drove", " led ", "whisk", "hijack", "stole"),
    *("seiz", "captur", "detain", "confin", "rounded"),
)
_struck_out = tuple(re.compile(pattern) for pattern in _STRUCK_OUT)
_takings = tuple(re.compile(pattern) for pattern in (*_TAKINGS, *_LED_OFF, _SEIZED_BY))
_by_others = tuple(re.compile(pattern) for pattern in (*_LED_OFF, _SEIZED_BY, _SEIZED))
_seized, _state, _others = (re.compile(one) for one in (_SEIZED, _STATE, _OTHERS))
_sentence = re.compile(r"[^.;|]+")


def speaks_of_kidnapping(texts: pd.Series) -> Mask:
    """Whether each note tells that people were taken or held against their will in its event.

    Parameters
    ----------
    texts : Series (n,)
        Notes in the words of a source; empty ones tell nothing.

    Returns
    -------
    ndarray (n,) of bool

    Examples
    --------
    >>> notes = [
    ...     "Raiders fired at a ferry and abducted three boatmen.",
    ...     "Troops rescued three abducted boatmen.",
    ...     "Boatmen marched against the kidnapping of a ferryman.",
    ...     "Militants stopped a lorry and took away its goods.",
    ...     "Militants stopped a lorry and took away its driver.",
    ... ]
    >>> speaks_of_kidnapping(pd.Series(notes)).tolist()
    [True, False, False, False, True]
    """
    given = texts.fillna("").astype("str").tolist()
    told = {note: _tells(note) for note in set(given)}
    return np.array([told[note] for note in given], dtype=np.bool_)


def _tells(note: str) -> bool:
    text = note.casefold()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.replace("’", "'"))
        text = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    text = " ".join(text.split())
    if not any(name in text for name in _NAMES_FOR_TAKING) and not (
        any(verb in text for verb in _OTHER_VERBS) and any(one.search(text) for one in _by_others)
    ):
        return False
    for pattern in _struck_out:
        text = pattern.sub(" _ ", text)
    if any(one.search(text) for one in _takings):
        return True
    return any(_others_seize(sentence) for sentence in _sentence.findall(text))


def _others_seize(sentence: str) -> bool:
    """Whether people are detained or captured in it by those named first, who are not the state."""
    seized = _seized.search(sentence)
    if seized is None:
        return False
    before = sentence[: seized.start()]
    others, state = _others.search(before), _state.search(before)
    return others is not None and (state is None or others.start() < state.start())
