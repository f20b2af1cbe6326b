"""Splitting into segments, and the helpers every source shares."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pd_bert.data.source import Source, TextRow, digest, nonempty
from pd_bert.errors import InputError
from pd_bert.text.sentence_splitting import split_segments, split_sentences


@dataclass(frozen=True, kw_only=True)
class Fake(Source):
    texts: tuple[str, ...]

    def rows(self) -> Iterator[TextRow]:
        for i, text in enumerate(self.texts):
            yield TextRow(text=text, where=f"fake:{i}")

    def fingerprint(self) -> str:
        return digest(self.texts)

    def check(self) -> None:
        pass


def test_sentences():
    text = 'It ends. "Really?" (Yes!) Use it, e.g. here. 3.5 is one number.'
    assert split_sentences(text) == [
        "It ends.",
        '"Really?"',
        "(Yes!)",
        "Use it, e.g. here.",
        "3.5 is one number.",
    ]


def test_segments_are_lines_or_else_sentences():
    assert split_segments("A b. C d.\n\n E f. \n") == ["A b. C d.", "E f."]
    assert split_segments("A b. C d.\n") == ["A b.", "C d."]
    assert split_segments(" \n") == []


def test_default_documents_split_rows_and_leave_out_blank_ones():
    assert list(Fake(texts=("A b. C d.", " ", "E")).documents()) == [
        ["A b.", "C d."],
        ["E"],
    ]


def test_nonempty():
    assert list(nonempty([1, 2], "x")) == [1, 2]
    with pytest.raises(InputError, match=r"empty corpus: corpus\.txt holds no text"):
        list(nonempty([], "corpus.txt"))


def test_digest_tells_types_and_order_apart():
    assert len({digest("1"), digest(1), digest([1]), digest(1, 2), digest(2, 1)}) == 5
