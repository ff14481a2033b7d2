"""Every sentence is made up: what the rule of docs/kind_from_text.md says, one case each."""

import time

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidnaprisk.incidents.wording import speaks_of_kidnapping

TOLD = [
    "On 3 May, gunmen burnt the mill of Invented and abducted six millers.",
    "Bandits kidnap five near the old bridge",
    "Rebels abduct beekeeper, spare his mule",
    "Two beekeepers were kidnapped by militants; both were dead when herders came upon them.",
    "They shot a miller, set fire to the mill, and took the miller's two nephews hostage.",
    "The rioters held their bursar hostage until noon.",
    "Eleven held hostage in feud over the well",
    "An officer was held against his will by angry millers.",
    "The militants shot a ferryman, also abducting the other one.",
    "After the shelling of the ferry its three boatmen were abducted, and released at dusk.",
    "Separatists kidnapped the ferryman, who was freed once his cousins had paid.",
    "Gunmen abducted a midwife. She was released at the river.",
    "It was said on the radio that raiders had abducted two shepherds.",
    "The kidnapping of three ferrymen by raiders is confirmed.",
    "The raiders escaped and abducted two boatmen.",
    "Tribal elder abducted last night by raiders.",
    "On March 9, raiders abducted a ferryman.",
    "Raiders seized a tricycle, its owner was also abducted.",
    "Militants stopped a ferry and kidnapped its pilot.",
    "Raiders hijacked a ferry of 12 passengers.",
    "Militants seized a tractor together with its driver.",
    "Raiders took away three women and some honey.",
    "Four of the passengers were led into the bush.",
    "Militiamen detained nine villagers, and let go of one.",
    "Rebels swam over and captured two gendarmes.",
    "A pastor was detained by hooded rebels in his garden.",
    "Youths abducted a bailiff, demanding the release of a friend.",
    "Protesters abducted a bailiff.",
    "Millers protested the tax and took the bailiff hostage.",
    "Des hommes masqués ont enlevé deux apiculteurs.",
    "Trois bateliers ont été pris en otage au moulin.",
    "Hombres enmascarados secuestraron a dos molineros.",
    "Dois moleiros foram sequestrados por homens mascarados.",
]

NOT_TOLD = [
    "",
    "Raiders shot at the ferry and seized two canoes.",
    "Troops rescued nine kidnap victims at the mill.",
    "The army shelled an island and freed the hostages.",
    "Soldiers raided an island; canoes were seized and hostages freed.",
    "Two millers abducted a week earlier were liberated.",
    "Police shot dead seven suspected kidnappers at the ferry.",
    "Kidnappers drown after ferry sinks",
    "Police arrested four boatmen suspected of kidnapping the miller.",
    "A boatman was beaten up by millers, accused of having abducted an apprentice.",
    "Six boatmen were sentenced for the kidnapping of the miller.",
    "Millers marched through Invented over the kidnapping of two apprentices.",
    "Midwives demonstrated, asking for news of the abducted apprentices.",
    "Apprentices protested against the abduction of their teacher.",
    "Raiders attempted to kidnap the ferryman but fled.",
    "A kidnap attempt on the ferryman was foiled by his dogs.",
    "Nine drowned in ferry chase | Thwarted kidnapping",
    "The ferryman escaped abduction.",
    "The raiders threatened to abduct ferrymen.",
    "Dogs prevented the raiders from kidnapping the ferryman.",
    "The governor closed the river after a wave of kidnappings of ferrymen.",
    "In revenge for the abduction of a shepherd, millers burnt canoes.",
    "The shelling came nine days after raiders detained two pilots.",
    "The bodies of three boatmen kidnapped in spring washed up.",
    "The drowned man is thought to be one of the ferrymen kidnapped.",
    "Soldiers arrested 40 suspects on the island.",
    "Police detained two apprentices at the rally.",
    "The army fought raiders on the island and captured three fighters.",
    "A boatman detained by soldiers was shot.",
    "They attempted to detain the bailiff, in vain.",
    "Raiders took away honey, wax and two mules.",
    "Canoes belonging to two policemen were taken away.",
    "The island was taken away from its owners.",
    "The raiders seized boatmen's nets at the landing.",
    "Nobody was kidnapped.",
    "Apprentices held a vigil for a ferryman.",
    "Several boatmen are missing since the storm.",
    "Tentative d'enlèvement d'un batelier.",
]


def told(*notes):
    return speaks_of_kidnapping(pd.Series(notes, dtype="object")).tolist()


@pytest.mark.parametrize("note", TOLD)
def test_people_taken_in_this_event(note):
    assert told(note) == [True]


@pytest.mark.parametrize("note", NOT_TOLD)
def test_something_else(note):
    assert told(note) == [False]


def test_one_answer_a_note_in_order_whatever_the_index():
    notes = pd.Series(["Raiders abducted a miller.", None, "Nothing."], index=[7, 7, 1])
    answers = speaks_of_kidnapping(notes)
    assert answers.dtype == bool
    assert answers.tolist() == [True, False, False]


def test_empty_table():
    assert speaks_of_kidnapping(pd.Series([], dtype="object")).tolist() == []


@given(st.lists(st.sampled_from([*TOLD, *NOT_TOLD]), max_size=6))
@settings(max_examples=30)
def test_each_note_is_judged_alone(notes):
    assert told(*notes) == [told(note)[0] for note in notes]


@given(st.sampled_from([*TOLD, *NOT_TOLD]))
def test_case_and_line_breaks_do_not_matter(note):
    assert told(note.upper().replace(" ", "\n")) == told(note)


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_any_text_has_an_answer(text):
    assert told(text)[0] in {True, False}


@pytest.mark.parametrize(
    "word", ["kidnap ", "women ", "took ", "detained the ", "rescued ", "after ", "protest to "]
)
def test_a_cell_of_one_word_a_thousand_times_takes_no_time(word):
    start = time.process_time()
    told(word * 5000 + "abducted")
    assert time.process_time() - start < 2.0
