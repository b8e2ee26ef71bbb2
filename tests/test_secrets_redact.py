"""What is left of a secret wherever a text is shown."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planted_secrets import plant, some
from pytest_dbxgate.secrets.redact import Redactor, masked, redact

_RNG = random.Random(11)
DAPI = "dapi" + some(_RNG, "0123456789abcdef", 32)
WORD = some(_RNG, string.ascii_letters + string.digits, 12)
PEM_LINES = [some(_RNG, string.ascii_letters + string.digits, 64) for _ in range(3)]
BEGIN, END = ("-----" + word + " PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))


def test_two_characters_are_left() -> None:
    assert masked(DAPI) == "da***"
    assert redact(f"a {DAPI} b {DAPI}") == "a da*** b da***"
    assert redact(f'password = "{WORD}"') == f'password = "{WORD[:2]}***"'
    assert redact(f"password: {WORD}") == f"password: {WORD[:2]}***"


def test_nothing_to_redact_is_the_same_text() -> None:
    text = "orders = spark.table('orders')"
    assert redact(text) is text
    assert redact("") == ""


def test_a_private_key_keeps_its_frame() -> None:
    text = "\n".join([BEGIN, *PEM_LINES, END])
    assert redact(text) == f"{BEGIN}\n{PEM_LINES[0][:2]}***\n{END}"


def test_a_line_of_a_private_key() -> None:
    redactor = Redactor("\n".join(["key = '''", BEGIN, *PEM_LINES, END, "'''"]))
    assert redactor.line(2) == BEGIN
    assert [redactor.line(number) for number in (3, 4, 5)] == [
        f"{line[:2]}***" for line in PEM_LINES
    ]
    assert redactor.line(6) == END
    assert redactor.line(0) == redactor.line(9) == ""
    assert redactor(f"cannot read {PEM_LINES[1]} here") == f"cannot read {PEM_LINES[1][:2]}*** here"


def test_a_value_whose_name_stands_above() -> None:
    redactor = Redactor(f'x = 1\nreader.option("password",\n    "{WORD}")')
    assert redactor.line(1) == "x = 1"
    assert redactor.line(3) == f'    "{WORD[:2]}***")'
    assert redactor(f"parse error near '{WORD}'") == f"parse error near '{WORD[:2]}***'"
    assert redactor(f"and {DAPI}") == "and da***"


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_of_what_is_planted_is_left(seed: int) -> None:
    for planted in plant(seed):
        if planted.path.endswith((".dbc", ".ipynb")):
            continue
        text = planted.data.decode()
        shown = redact(text)
        assert planted.value not in shown, planted.label
        assert redact(shown) == shown, planted.label


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("aZ9\\\"'=:;/+. \n&{}<>passwordkeytoken"), max_size=200))
def test_once_is_enough(text: str) -> None:
    shown = redact(text)
    assert redact(shown) == shown


def test_lines_that_end_as_on_windows() -> None:
    token = "dapi" + some(random.Random(7), "0123456789abcdef", 32)
    redactor = Redactor(f"name: x\r\ntoken: {token}\r\nlast: y\r\n")
    lines = [redactor.line(number) for number in (1, 2, 3)]
    assert lines == ["name: x", "token: da***", "last: y"]
