"""Text in lines of a given width."""

import pytest

from pd_bert.report.plots.layout import about, wrapped


def test_breaks_between_words() -> None:
    assert wrapped("one two", 0.4) == "one\ntwo"
    assert wrapped("one two", 4.0) == "one two"
    assert wrapped("one\ntwo", 4.0) == "one\ntwo"


@pytest.mark.parametrize("text", ["", "a", "a b\nc", "W" * 100, "long words_and_signs"])
def test_no_line_is_longer_than_asked_and_nothing_is_lost(text: str) -> None:
    got = wrapped(text, 0.5, size=8)
    assert about(got, size=8) <= 0.5
    assert "".join(got.split()) == "".join(text.split())
