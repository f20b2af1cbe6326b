"""Text that is broken where it is too wide."""

import pytest

from pd_bert.report.plots.layout import width_of, wrapped


def test_breaks_between_words() -> None:
    assert wrapped("one two", 0.4) == "one\ntwo"
    assert wrapped("one two", 4.0) == "one two"


def test_breaks_a_word_after_a_sign_or_evenly() -> None:
    assert wrapped("finetune-teacher_tiny", 0.7).split("\n")[0] == "finetune-"
    broken = wrapped("x" * 40, 1.0).split("\n")
    assert "".join(broken) == "x" * 40
    assert max(map(len, broken)) - min(map(len, broken)) <= 3


@pytest.mark.parametrize("text", ["", "a", "a b\nc", "W" * 100, "long words_and_signs"])
def test_no_line_is_wider_than_asked_and_nothing_is_lost(text: str) -> None:
    got = wrapped(text, 0.5, size=8, bold=True)
    assert all(width_of(line, size=8, bold=True) <= 0.5 for line in got.split("\n"))
    assert "".join(got.split()) == "".join(text.split())
