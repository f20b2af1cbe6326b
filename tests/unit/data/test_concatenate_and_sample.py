"""Sources made of sources."""

import pytest

from pd_bert.errors import InputError
from pd_bert.sources.concatenate import Concatenate
from pd_bert.sources.sample import Sample
from pd_bert.sources.text_lines import TextLines


@pytest.fixture
def letters(tmp_path) -> TextLines:
    path = tmp_path / "letters.txt"
    path.write_text("\n".join("abcdefghijklmnopqrstuvwxyz"))
    return TextLines(files=str(path), document_per_line=True)


@pytest.fixture
def digits(tmp_path) -> TextLines:
    path = tmp_path / "digits.txt"
    path.write_text("1\n2\n")
    return TextLines(files=str(path))


def texts(source) -> str:
    return "".join(row.text for row in source.rows())


def test_concatenate(letters, digits):
    both = Concatenate(sources=(digits, letters, digits))
    both.check()
    assert texts(both) == "12abcdefghijklmnopqrstuvwxyz12"
    assert next(both.documents()) == ["1", "2"]
    turned = Concatenate(sources=(letters, digits, digits))
    assert both.fingerprint() != turned.fingerprint()


def test_concatenate_checks(tmp_path, digits):
    with pytest.raises(InputError, match="at least one source"):
        Concatenate(sources=()).check()
    missing = TextLines(files=str(tmp_path / "none"))
    with pytest.raises(InputError, match="no such file"):
        Concatenate(sources=(digits, missing)).check()


def test_sample_keeps_the_order_and_nests(letters):
    small, large = (texts(Sample(source=letters, count=n)) for n in (5, 12))
    assert len(small) == 5
    assert list(small) == sorted(small)
    assert set(small) < set(large)
    assert small != texts(Sample(source=letters, count=5, seed=1))
    assert small != "abcde"
    documents = Sample(source=letters, count=5).documents()
    assert "".join(document[0] for document in documents) == small


def test_sample_of_more_than_there_is(digits):
    assert texts(Sample(source=digits, count=5)) == "12"


def test_sample_fingerprint_and_check(digits, tmp_path):
    samples = [
        Sample(source=digits, count=1),
        Sample(source=digits, count=2),
        Sample(source=digits, count=1, seed=1),
    ]
    assert len({sample.fingerprint() for sample in samples}) == 3
    with pytest.raises(InputError, match="at least 1, received 0"):
        Sample(source=digits, count=0).check()
    with pytest.raises(InputError, match="no such file"):
        Sample(source=TextLines(files=str(tmp_path / "none")), count=1).check()
