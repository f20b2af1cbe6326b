"""Files of tagged words as rows and as documents."""

import gzip
import pathlib

import pytest

from pd_bert.data.source import rows_of
from pd_bert.errors import InputError
from pd_bert.sources import conll
from pd_bert.sources.conll import Conll
from pd_bert.sources.tag_schemes import SCHEMES, BrokenTagsError, to_iob2
from pd_bert.sources.tagged_words import TaggedWords, split_words

TEXT = """-DOCSTART-\t-X-\tO

Ada\tNN\tB-PER
Smith\tNN\tI-PER

in\tIN\tO
Oslo\tNN\tB-LOC
"""


def write(path: pathlib.Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def name(tmp_path: pathlib.Path) -> str:
    return write(tmp_path / "a.conll", TEXT)


def test_rows(name: str) -> None:
    source = Conll(files=name, language="en")
    source.check()
    assert list(source.rows()) == [
        TaggedWords(
            words=("Ada", "Smith"),
            tags=("B-PER", "I-PER"),
            language="en",
            where=f"{name}:3",
        ),
        TaggedWords(
            words=("in", "Oslo"),
            tags=("O", "B-LOC"),
            language="en",
            where=f"{name}:6",
        ),
    ]
    assert next(source.rows()).texts == {"text": "Ada Smith"}
    assert next(source.rows()).size == 9


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n"])
def test_ends_of_lines_and_of_the_file(tmp_path: pathlib.Path, end: str) -> None:
    name = write(tmp_path / "a.tsv", f"\n\nb O\na O\n \t\nc B-X{end}")
    rows = list(Conll(files=name).rows())
    assert [(row.words, row.where) for row in rows] == [
        (("b", "a"), f"{name}:3"),
        (("c",), f"{name}:6"),
    ]


def test_gzip_patterns_and_documents(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(TEXT.encode()))
    write(tmp_path / "b.tsv", "no\ntags\n\nhere\n")
    source = Conll(files=("*.gz", "b.tsv"), folder=str(tmp_path))
    assert [row.tags for row in source.rows()] == [
        ("B-PER", "I-PER"),
        ("O", "B-LOC"),
        (),
        (),
    ]
    documents = [["Ada Smith"], ["in Oslo"], ["no tags"], ["here"]]
    assert list(source.documents()) == documents
    found = source.survey(rows_of, 10.0)
    assert (found.count, found.exact) == (4, True)


def test_documents_need_no_right_tags(tmp_path: pathlib.Path) -> None:
    name = write(tmp_path / "a.tsv", "a\tI-X\nb\tno\n")
    assert list(Conll(files=name).documents()) == [["a b"]]
    (row,) = Conll(files=name, tags=False).rows()
    assert row.tags == ()


def test_one_file_per_language(tmp_path: pathlib.Path) -> None:
    for language in ("de", "en", "fr"):
        (tmp_path / language).mkdir()
        write(tmp_path / language / "train.tsv", f"{language}\tO\n")
    source = Conll(
        files="{language}/train.tsv", folder=str(tmp_path), languages=("fr", "de")
    )
    source.check()
    assert [(r.words, r.language) for r in source.rows()] == [
        (("fr",), "fr"),
        (("de",), "de"),
    ]
    with pytest.raises(InputError, match="needs languages, received none"):
        Conll(files="{language}/train.tsv", folder=str(tmp_path)).check()
    with pytest.raises(InputError, match=r"no such file: .*it/train\.tsv"):
        Conll(files=f"{tmp_path}/{{language}}/train.tsv", languages=("it",)).check()


def test_columns(tmp_path: pathlib.Path) -> None:
    name = write(tmp_path / "a.tsv", "en\tB-X\tAda\t1\nen\tI-X\tB\t2\n\nde\tO\tc\t1\n")
    source = Conll(files=name, text_column=2, tag_column=1, language_column=0)
    assert [(r.words, r.tags, r.language) for r in source.rows()] == [
        (("Ada", "B"), ("B-X", "I-X"), "en"),
        (("c",), ("O",), "de"),
    ]
    both = write(tmp_path / "b.tsv", "a\ten\n")
    (row,) = Conll(files=both, language_column=1).rows()
    assert (row.tags, row.language) == ((), "en")
    with pytest.raises(InputError, match=r"text_column is 4; received 2 columns"):
        list(Conll(files=both, text_column=4).rows())


@pytest.mark.parametrize(
    ("text", "options", "line", "words"),
    [
        ("a\tO\nb\n", {}, 2, "as many columns as its first one, 2; received 1"),
        ("a\tO\n\nb\tc\tO\n", {}, 3, "as its first one, 2; received 3"),
        ("a\nb\n", {"tags": True}, 1, "every word needs a tag"),
        ("a\tO\nb\tI-X\n", {}, 2, "I-X comes after O"),
        ("a\tB-Y\nb\tI-X\n", {}, 2, "I-X comes after B-Y"),
        ("a\tO\nb\tPER\n", {"repair": True}, 2, "no tag is written 'PER'"),
        ("a\tB-\n", {}, 1, "no tag is written 'B-'"),
        ("a\t\n", {}, 1, "no tag is written ''"),
        ("a\tO\n\nNew York\tO\n", {}, 3, "white space; received 'New York'"),
        ("a\tO\n\tO\n", {}, 2, "must not be empty"),
        ("a\ten\nb\tde\n", {"language_column": 1}, 1, "one language; received de, en"),
        ("a O\n\n\nb S-X\nc E-X\n", {"scheme": "bioes"}, 5, "E-X comes after S-X"),
        ("b B-X\nc O\n", {"scheme": "bioes"}, 2, "phrase of B-X has no end"),
        ("b B-X\nc I-X\n\nd O", {"scheme": "bioes"}, 2, "phrase of I-X has no end"),
        ("a\tO\nb\xa0c\tI-X\n", {}, 2, "I-X comes after O"),
    ],
)
def test_bad_lines(
    tmp_path: pathlib.Path, text: str, options: dict, line: int, words: str
) -> None:
    name = write(tmp_path / "bad.tsv", text)
    with pytest.raises(InputError) as caught:
        list(Conll(files=name, **options).rows())
    assert words in str(caught.value)
    assert str(caught.value).endswith(f": {name}:{line}")


def test_a_sentence_without_an_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conll, "MAX_WORDS", 3)
    name = write(tmp_path / "a.tsv", "a\nb\nc\n\nd\ne\nf\ng\n")
    with pytest.raises(InputError, match=r"at most 3 words.*a\.tsv:8"):
        list(Conll(files=name).rows())


def test_settings_are_checked(name: str) -> None:
    with pytest.raises(InputError, match="scheme must be one of iob2, iob1, bioes; r"):
        Conll(files=name, scheme="iob").check()
    with pytest.raises(InputError, match="language_column or from"):
        Conll(files=name, language="en", language_column=1).check()
    with pytest.raises(InputError, match="no such file"):
        Conll(files=f"{name}.gz").check()
    with pytest.raises(InputError, match="at least one file"):
        Conll(files=()).check()


def test_fingerprint_follows_contents_and_settings(
    tmp_path: pathlib.Path, name: str
) -> None:
    again = write(tmp_path / "again.conll", TEXT)
    source = Conll(files=name)
    assert source.fingerprint() == Conll(files=again).fingerprint()
    others = [
        Conll(files=(name, again)),
        Conll(files=name, language="en"),
        Conll(files=name, language="de"),
        Conll(files=name, tags=False),
        Conll(files=name, tag_column=1),
        Conll(files=name, text_column=1),
        Conll(files=name, language_column=1),
        Conll(files=name, scheme="iob1"),
        Conll(files=name, repair=True),
    ]
    assert len({each.fingerprint() for each in [source, *others]}) == 10


@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        ("iob2", "O B-A I-A B-A B-B I-B O", "O B-A I-A B-A B-B I-B O"),
        ("iob1", "I-A I-A B-A I-B O I-A", "B-A I-A B-A B-B O B-A"),
        ("iob1", "B-A I-A O", "B-A I-A O"),
        ("bioes", "S-A B-B I-B E-B O B-A E-A", "B-A B-B I-B I-B O B-A I-A"),
    ],
)
def test_schemes(scheme: str, tags: str, expected: str) -> None:
    assert to_iob2(tags.split(), SCHEMES[scheme]) == tuple(expected.split())
    repaired = to_iob2(tags.split(), SCHEMES[scheme], repair=True)
    assert repaired == tuple(expected.split())


@pytest.mark.parametrize(
    ("scheme", "tags", "expected", "index"),
    [
        ("iob2", "I-A O I-B I-A", "B-A O B-B B-A", 0),
        ("iob2", "B-A I-A I-B", "B-A I-A B-B", 2),
        ("bioes", "S-A I-A O", "B-A B-A O", 1),
        ("bioes", "B-A O E-B", "B-A O B-B", 1),
        ("bioes", "O I-A", "O B-A", 1),
    ],
)
def test_repair(scheme: str, tags: str, expected: str, index: int) -> None:
    found = to_iob2(tags.split(), SCHEMES[scheme], repair=True)
    assert found == tuple(expected.split())
    with pytest.raises(BrokenTagsError) as caught:
        to_iob2(tags.split(), SCHEMES[scheme])
    assert caught.value.index == index


def test_words_are_split_at_ascii_white_space() -> None:
    assert split_words(" a\tb\u00a0c \x0b\x0cd\x1ce\u3000\n") == [
        "a",
        "b\u00a0c",
        "d\x1ce\u3000",
    ]


def test_wikiann(shared_data: pathlib.Path) -> None:
    source = Conll(
        files="{language}/test.tsv.gz",
        folder=str(shared_data / "wikiann"),
        languages=("ru",),
    )
    rows = list(source.rows())
    assert len(rows) == 10_000 and {row.language for row in rows} == {"ru"}
    assert all(len(row.tags) == len(row.words) for row in rows)
