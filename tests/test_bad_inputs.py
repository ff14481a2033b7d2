"""Bad input of every sort gives an error of ours, and docs/errors.md says which."""

import pytest

from tests.bad_inputs import BAD, ERRORS, message_of, table


@pytest.mark.parametrize(
    ("call", "error"), [row[2:] for row in BAD], ids=[f"{row[0]}: {row[1]}" for row in BAD]
)
def test_bad_input_gives_our_error_with_a_remedy(call, error):
    told = message_of(call)
    assert type(told) is error
    assert told.message
    assert told.remedy


def test_the_table_of_errors_in_the_docs_is_true():
    assert len(BAD) >= 40
    assert ERRORS.read_text(encoding="utf-8") == table()
