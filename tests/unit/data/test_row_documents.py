"""Rows as documents."""

import pathlib

import pytest

from pd_bert.data.source import documents_of
from pd_bert.errors import InputError
from pd_bert.sources.row_documents import RowDocuments
from pd_bert.sources.table import Table

ROWS = "a\tb\none\tuno\ntwo\t\nthree\ttres\n"


@pytest.fixture
def pairs(tmp_path: pathlib.Path) -> Table:
    path = tmp_path / "pairs.tsv"
    path.write_text(ROWS)
    return Table(files=str(path), text="a", text_b="b", keep_blank=True)


def test_rows_become_documents_with_both_texts(pairs: Table) -> None:
    found = RowDocuments(source=pairs, size=2)
    assert list(found.documents()) == [["one", "uno", "two"], ["three", "tres"]]
    assert [row.text for row in found.rows()] == ["one", "two", "three"]


def test_a_survey_gives_the_same(pairs: Table) -> None:
    source = RowDocuments(source=pairs, size=2)
    survey = source.survey(documents_of, 5.0)
    assert survey.items == list(source.documents())
    assert survey.count == 2


def test_size_and_fingerprint(pairs: Table) -> None:
    with pytest.raises(InputError, match="at least 1, received 0"):
        RowDocuments(source=pairs, size=0).check()
    two, three = (RowDocuments(source=pairs, size=size) for size in (2, 3))
    assert two.fingerprint() != three.fingerprint() != pairs.fingerprint()


def test_pairs_are_documents_with_both_texts(pairs: Table) -> None:
    assert next(iter(pairs.documents())) == ["one", "uno"]
