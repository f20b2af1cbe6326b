"""Word vectors in text files: which line a word piece takes, and broken files."""

import gzip
import pathlib

import numpy as np
import pytest

from pd_bert.errors import InputError
from pd_bert.formats.vector_file import VectorFile
from pd_bert.models.word_vectors import VectorInputs
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

PIECES = ("the", "##ing", "##the", "Paris", "café", "sing", "never", "##!", "##?")
VOCABULARY = Vocabulary(tokens=(*SPECIAL_TOKENS, *PIECES), lowercase=False)
GLOVE = """the 1 1
PARIS 2 2
paris 2.5 2
[CLS] 3 3
ing 4 -4e-1
at name@x.org 5 5
the 6 6
Sing 7 7
café 8 8
sing 9 9
! 10 10
##! 11 11
"""
EXPECTED = {
    "the": (1, 1),
    "##the": (1, 1),
    "##ing": (4, -0.4),
    "Paris": (2, 2),
    "café": (8, 8),
    "sing": (9, 9),
    "##!": (11, 11),
}


def vectors(path: pathlib.Path, width: int = 2) -> dict[str, tuple[float, ...]]:
    """The vectors of the pieces that have one."""
    file = VectorFile(file=str(path))
    file.check(width, "encoder s")
    ids = np.arange(len(VOCABULARY))
    found, known = file.vectors(
        VectorInputs(vocabulary=VOCABULARY, ids=ids, width=width)
    )
    assert found.dtype == np.float32
    return {
        VOCABULARY.tokens[i]: tuple(round(float(x), 4) for x in found[i])
        for i in np.flatnonzero(known)
    }


@pytest.mark.parametrize("kind", ["glove", "fasttext", "gzip"])
def test_the_best_word_for_each_piece(kind: str, tmp_path: pathlib.Path) -> None:
    path, text = tmp_path / "vectors.txt", GLOVE
    if kind == "fasttext":  # a header, and a space at the end of each line
        text = "12 2\n" + text.replace("\n", " \n")
    content = text.encode()
    path.write_bytes(gzip.compress(content) if kind == "gzip" else content)
    assert vectors(path) == EXPECTED


def test_some_pieces_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / "v").write_text(GLOVE)
    ids = np.array([VOCABULARY.ids["never"], VOCABULARY.ids["##ing"]])
    given = VectorInputs(vocabulary=VOCABULARY, ids=ids, width=2)
    found, known = VectorFile(file=str(tmp_path / "v")).vectors(given)
    assert known.tolist() == [False, True]
    np.testing.assert_allclose(found[1], [4, -0.4])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a 1 2 3\nb 1 2 3\n", r"as wide as the embeddings, 2; received 3 .*v:1"),
        ("2 3\na 1 2 3\n", r"as wide as the embeddings, 2; received 3 .*v:2"),
        ("a 1 2\nb 1 2\nc 1\n", r"2 numbers, as the first one; received 1 .*v:3"),
        ("a 1 2\nb 1 2 3\n", r"2 numbers, as the first one; received 3 .*v:2"),
        ("", "must hold vectors; received none: .*v"),
        ("5 2\n", "must hold vectors; received none: .*v"),
        ("a x y\n", r"must hold numbers; received 'x y' …: .*v:1"),
        ("word\n", r"must hold numbers; received '' …: .*v:1"),
    ],
)
def test_broken_files_are_refused(text, says, tmp_path: pathlib.Path) -> None:
    (tmp_path / "v").write_text(text)
    with pytest.raises(InputError, match=f"^encoder s: .*{says}"):
        vectors(tmp_path / "v")


@pytest.mark.parametrize("number", ["one", "nan", "inf"])
def test_a_vector_must_be_of_finite_numbers(number, tmp_path: pathlib.Path) -> None:
    (tmp_path / "v").write_text(f"a 1 2\nsing 1 {number}\n")
    with pytest.raises(InputError, match=r"must hold .*numbers.*v:2"):
        vectors(tmp_path / "v")


def test_a_file_without_a_word_of_the_vocabulary_is_refused(tmp_path) -> None:
    (tmp_path / "v").write_text("xyz 1 2\n[CLS] 1 2\n")
    file = VectorFile(file=str(tmp_path / "v"))
    suits = {"teacher": None, "where": "encoder s"}
    file.require(2, vocabulary=None, **suits)
    says = r"encoder s: .* words of the vocabulary; .*v holds none of 14 word"
    with pytest.raises(InputError, match=says):
        file.require(2, vocabulary=VOCABULARY, **suits)
    (tmp_path / "v").write_text("xyz 1 2\nTHE 1 2\n")
    file.require(2, vocabulary=VOCABULARY, **suits)


def test_its_contents_name_it(tmp_path: pathlib.Path) -> None:
    for name, text in (("one", "a 1\n"), ("same", "a 1\n"), ("other", "a 2\n")):
        (tmp_path / name).write_text(text)
    one, same, other = (
        VectorFile(file=str(tmp_path / name)).fingerprint()
        for name in ("one", "same", "other")
    )
    assert one == same != other


def test_a_file_without_a_word_of_the_pieces_is_refused(tmp_path) -> None:
    (tmp_path / "v").write_text("sing 1 2\n")
    given = VectorInputs(vocabulary=VOCABULARY, ids=np.arange(6), width=2)
    with pytest.raises(InputError, match="holds none of 6 word pieces"):
        VectorFile(file=str(tmp_path / "v")).vectors(given)
