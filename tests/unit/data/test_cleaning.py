import numpy as np
import pytest

from pd_bert.curation.cleaning import clean, hashes
from pd_bert.curation.tokenized import Tokenized
from pd_bert.data.columns import Sequences
from pd_bert.data.draw import draw
from pd_bert.sources.sample import Sample
from pd_bert.sources.text_lines import TextLines


def tokenized(*texts: list[int], starts: list[int] | None = None) -> Tokenized:
    ends = np.cumsum([len(text) for text in texts])
    values = np.asarray([i for text in texts for i in text], np.int32)
    start = np.asarray(starts or [len(text) for text in texts], np.int64)
    return Tokenized(Sequences(values, np.concatenate([[0], ends])), start)


A, B, C, D, E, F = ([2, token, 3] for token in range(10, 16))


def hashed(*texts: list[int]) -> np.ndarray:
    return hashes([tokenized(*texts)])


def test_the_first_of_equal_texts_stays_and_leaks_go() -> None:
    found = clean(
        hashed(A, B, A, C, D, B, A, E),
        train=hashed(E, F, B),
        held_out={"dev": hashed(C, F, C), "test": hashed(D, C), "none": hashed()},
    )
    assert found.keep.tolist() == [True, True, *[False] * 5, True]
    assert (found.size_before, found.size) == (8, 3)
    assert found.duplicates == 3
    assert found.leaks == {"dev": 1, "test": 2, "none": 0}
    assert found.leaked == 2  # C is in both
    assert found.not_drawn == 0
    assert found.in_train == 2  # B and E


def test_a_repeated_leak_is_counted_once_as_leak() -> None:
    found = clean(hashed(A, A, B), train=hashed(), held_out={"dev": hashed(A)})
    assert found.keep.tolist() == [False, False, True]
    assert (found.duplicates, found.leaked) == (1, 1)


def test_hashes_do_not_depend_on_how_texts_are_cut_into_parts() -> None:
    together = hashes([tokenized(A, B, C)])
    assert hashes([tokenized(A), tokenized(B, C)]).tolist() == together.tolist()
    assert together.nbytes == 3 * 16


def test_segments_are_part_of_a_text() -> None:
    one, other = hashes([tokenized(A, A, starts=[2, 3])])
    assert one != other


def test_many_texts_are_all_told_apart() -> None:
    """Zero bytes at the end of a hash do not matter: 1 of 256 has one."""
    texts = [[2, 1000 + i, 3] for i in range(5000)]
    found = clean(hashed(*texts), train=hashed(), held_out={"dev": hashed(*texts[7:])})
    assert found.duplicates == 0
    assert np.flatnonzero(found.keep).tolist() == list(range(7))


def test_sizes_are_nested_and_in_order() -> None:
    texts = hashed(*([2, 100 + i % 50, 3] for i in range(100)))
    kept = {}
    for size in (5, 20, 50, 51, None):
        found = clean(texts, train=texts, held_out={}, size=size, seed=1)
        kept[size] = set(np.flatnonzero(found.keep).tolist())
        assert len(kept[size]) == found.size == min(size or 50, 50)
        assert found.in_train == found.size
        assert found.size_before == found.size + found.duplicates + found.not_drawn
    assert kept[5] < kept[20] < kept[50] == kept[51] == kept[None]
    other = clean(texts, train=texts, held_out={}, size=20, seed=2)
    assert set(np.flatnonzero(other.keep).tolist()) != kept[20]


def test_an_empty_set_stays_empty() -> None:
    found = clean(hashed(), train=hashed(A), held_out={"dev": hashed(A)})
    assert found.size == found.leaked == found.in_train == 0


@pytest.mark.parametrize("size", [1, 3, 9, 20])
def test_a_draw_is_that_of_a_sample(tmp_path, size: int) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(map(str, range(9))))
    source = TextLines(files=str(tmp_path / "texts.txt"))
    rows = Sample(source=source, count=size, seed=4).rows()
    drawn = draw(np.arange(9), size, 4).tolist()
    assert drawn == [int(row.text) for row in rows]
    assert len(drawn) == min(size, 9)
