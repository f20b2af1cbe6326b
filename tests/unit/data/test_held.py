"""Rows in memory as a source."""

from pd_bert.data.source import TextRow
from pd_bert.sources.held import Held


def _held(text: str, where: str) -> Held:
    return Held(held=(TextRow(text=text, label="good", where=where),))


def test_a_fingerprint_is_of_the_rows_and_not_of_their_places() -> None:
    found = _held("a text", "here:1").fingerprint()
    assert found == _held("a text", "there:2").fingerprint()
    assert found != _held("another", "here:1").fingerprint()
