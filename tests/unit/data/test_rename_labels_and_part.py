"""Labels renamed or dropped, and sources divided."""

import itertools

import pytest

from pd_bert.errors import InputError
from pd_bert.sources.rename_labels import RenameLabels
from pd_bert.sources.split import Split
from pd_bert.sources.table import Table

STARS = (("1", "bad"), ("2", "bad"), ("5", "good"))


@pytest.fixture
def table(tmp_path) -> Table:
    path = tmp_path / "a.tsv"
    rows = [f"text {row}\t{'1235'[row % 4]}" for row in range(1000)]
    path.write_text("\n".join(["sentence\tlabel", *rows]))
    return Table(files=str(path), label="label")


def test_rename_and_drop(table):
    source = RenameLabels(source=table, names=STARS, drop=("3",))
    source.check()
    rows = list(source.rows())
    assert [row.label for row in rows[:4]] == ["bad", "bad", "good", "bad"]
    assert [row.text for row in rows[:3]] == ["text 0", "text 1", "text 3"]
    assert len(rows) == 750 and rows[2].where.endswith("a.tsv:5")


def test_a_label_that_is_not_listed(table):
    with pytest.raises(InputError, match=r"one of 1, 2, 5; received '3': .*:4") as e:
        list(RenameLabels(source=table, names=STARS).rows())
    assert "\n" not in str(e.value)
    with pytest.raises(InputError, match=r"either named or dropped; .* with 5"):
        RenameLabels(source=table, names=STARS, drop=("5",)).check()


def test_parts_divide_a_source(table):
    bounds = [0.0, 0.8, 0.9, 1.0]
    parts = [
        Split(source=table, first=first, last=last)
        for first, last in itertools.pairwise(bounds)
    ]
    rows = [list(part.rows()) for part in parts]
    chained = list(itertools.chain(*rows))
    assert len(chained) == len(set(chained)) and set(chained) == set(table.rows())
    assert [len(each) for each in rows] == pytest.approx([800, 100, 100], abs=30)
    assert rows[1] == list(parts[1].rows())
    assert len(list(parts[1].documents())) == len(rows[1])
    with pytest.raises(InputError, match=r"first = 0\.9 and last = 0\.8"):
        Split(source=table, first=0.9, last=0.8).check()


def test_fingerprints(table):
    sources = [
        table,
        RenameLabels(source=table, names=STARS),
        RenameLabels(source=table, names=STARS, drop=("3",)),
        Split(source=table),
        Split(source=table, last=0.5),
        Split(source=table, last=0.5, seed=1),
    ]
    assert len({source.fingerprint() for source in sources}) == len(sources)


@pytest.mark.parametrize("domain", ["books", "electronics"])
def test_stars_of_amazon_reviews(shared_data, domain):
    table = Table(
        files=str(shared_data / f"amazon_reviews/{domain}.tsv.gz"), label="stars"
    )
    names = (("1.0", "0"), ("2.0", "0"), ("4.0", "1"), ("5.0", "1"))
    labels = [row.label for row in RenameLabels(source=table, names=names).rows()]
    file_labels = [
        row.label
        for row in Table(files=table.files, text="sentence", label="label").rows()
    ]
    assert labels == file_labels and len(labels) == 2000
