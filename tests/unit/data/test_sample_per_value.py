"""Samples of so many rows for each value, and what they leave."""

import collections
import pathlib

import pytest

from pd_bert.data.source import documents_of, rows_of
from pd_bert.errors import InputError
from pd_bert.sources.remainder import Remainder
from pd_bert.sources.sample import Sample
from pd_bert.sources.table import Table


@pytest.fixture
def table(tmp_path: pathlib.Path) -> Table:
    """30 rows of a, 20 of b and 3 of c, mixed; the text is the row's number."""
    labels = ["a"] * 30 + ["b"] * 20 + ["c"] * 3
    order = sorted(range(53), key=lambda number: number * 17 % 53)
    lines = [f"{place}\t{labels[number]}" for place, number in enumerate(order)]
    path = tmp_path / "table.tsv"
    path.write_text("\n".join(["sentence\tlabel", *lines]))
    return Table(files=str(path), label="label")


def texts(source: Sample | Remainder) -> list[int]:
    return [int(row.text) for row in source.rows()]


def test_so_many_of_each_in_their_order_and_nested(table: Table) -> None:
    small = Sample(source=table, count=4, per="label")
    rows = list(small.rows())
    found = collections.Counter(row.label for row in rows)
    assert found == {"a": 4, "b": 4, "c": 3}
    assert texts(small) == sorted(texts(small))
    large = Sample(source=table, count=9, per="label")
    assert len(texts(large)) == 9 + 9 + 3
    assert set(texts(small)) < set(texts(large))
    other = Sample(source=table, count=4, per="label", seed=1)
    assert texts(other) != texts(small)
    assert len({each.fingerprint() for each in (small, large, other)}) == 3
    assert small.fingerprint() != Sample(source=table, count=4).fingerprint()


def test_the_smallest_lots_of_each_value_are_drawn(table: Table) -> None:
    """The same lots as those of a plain sample."""
    rows = list(table.rows())
    best = [int(row.text) for row in Sample(source=table, count=20).rows()]
    drawn = [
        int(row.text) for row in Sample(source=table, count=30, per="label").rows()
    ]
    assert set(best) <= set(drawn) and len(drawn) == 30 + 20 + 3 == len(rows)


def test_survey_counts_each_value(table: Table) -> None:
    found = Sample(source=table, count=4, per="label").survey(rows_of, 10.0)
    assert (found.count, found.exact, len(found.items)) == (11, True, 11)


def test_rows_without_the_attribute(table: Table) -> None:
    with pytest.raises(InputError, match=r"'color'.*TextRow has none: .*tsv:2"):
        texts(Sample(source=table, count=1, per="color"))
    unlabeled = Table(files=table.files, label=None)
    with pytest.raises(InputError, match=r"'label'.*has none: .*tsv:2"):
        texts(Sample(source=unlabeled, count=1, per="label"))
    drawn = Sample(source=table, count=1, per="label")
    with pytest.raises(InputError, match="documents have none"):
        next(drawn.documents())
    with pytest.raises(InputError, match="documents have none"):
        drawn.survey(documents_of, 1.0)


def test_the_remainder_has_all_others(table: Table) -> None:
    sample = Sample(source=table, count=4, per="label")
    rest = Remainder(sample=sample)
    rest.check()
    assert sorted(texts(sample) + texts(rest)) == list(range(53))
    assert texts(rest) == sorted(texts(rest))
    found = rest.survey(rows_of, 10.0)
    assert (found.count, found.exact) == (42, True)
    other = Remainder(sample=Sample(source=table, count=5, per="label"))
    assert rest.fingerprint() != other.fingerprint()


def test_the_remainder_has_no_text_that_was_drawn(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text("sentence\n" + "same\n" * 5 + "other\n")
    source = Table(files=str(path))
    seed = next(
        seed
        for seed in range(100)
        if [r.text for r in Sample(source=source, count=1, seed=seed).rows()]
        == ["same"]
    )
    rest = Remainder(sample=Sample(source=source, count=1, seed=seed))
    assert [row.text for row in rest.rows()] == ["other"]
