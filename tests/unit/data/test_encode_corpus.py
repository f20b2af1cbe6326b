"""Windows for pre-training: what of the text is in them."""

import dataclasses
import pathlib

import numpy as np
import pytest

from pd_bert.data.encode_corpus import EncodeCorpus
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary


@pytest.mark.parametrize("sequence_length", [16, 31, 32, 128])
def test_little_of_long_segments_is_lost(tmp_path, sequence_length):
    words = [f"{chr(97 + i)}{chr(97 + j)}" for i in range(26) for j in range(26)]
    vocabulary = Vocabulary(tokens=(*SPECIAL_TOKENS, *words))
    vocabulary.write(tmp_path / "vocab.txt")
    encode = EncodeCorpus(
        vocabulary=tmp_path / "vocab.txt",
        lowercase=True,
        sequence_length=sequence_length,
        short_probability=0.0,
    )
    documents = [[" ".join(words * 3)] for _ in range(4)]
    windows = list(encode((0, documents)))
    assert {len(each["token_ids"]) <= sequence_length for each in windows} == {True}
    # The second segment of a random pair is another document's, and not counted.
    kept = 0
    for each in windows:
        first, ids = each["segment_start"], each["token_ids"]
        second = 0 if each["next_sentence_label"] else len(ids) - first - 1
        kept += first - 2 + second
    assert kept == pytest.approx(4 * 3 * len(words), rel=0.08)


_DOCUMENTS, _WORDS, _LENGTH = 12, 3000, 128
_ROOM = _LENGTH - 3  # without [CLS] and two [SEP]


@dataclasses.dataclass(frozen=True)
class Pair:
    """The places of two segments in their documents, and the label of the pair."""

    first: np.ndarray
    second: np.ndarray
    documents: tuple[int, int]
    label: int

    @property
    def size(self) -> int:
        return len(self.first) + len(self.second)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A vocabulary in which a word's id is its document and its place there."""
    words = [f"{chr(97 + d)}{w}" for d in range(_DOCUMENTS) for w in range(_WORDS)]
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    Vocabulary(tokens=(*SPECIAL_TOKENS, *words)).write(path)
    return path


def pairs(
    vocabulary: pathlib.Path,
    *,
    sentence: int = 1,
    documents: int = _DOCUMENTS,
    short_probability: float = 0.1,
    chunks: int = 4,
) -> list[Pair]:
    """The pairs drawn from documents with sentences of so many words."""
    texts = [
        [
            " ".join(f"{chr(97 + d)}{w}" for w in range(at, at + sentence))
            for at in range(0, _WORDS, sentence)
        ]
        for d in range(documents)
    ]
    encode = EncodeCorpus(
        vocabulary=vocabulary,
        lowercase=True,
        sequence_length=_LENGTH,
        short_probability=short_probability,
    )
    found = []
    for number in range(chunks):
        for window in encode((number, texts)):
            ids, start = (
                window["token_ids"] - len(SPECIAL_TOKENS),
                window["segment_start"],
            )
            first, second = ids[1 : start - 1], ids[start:-1]
            assert min(first) >= 0 and min(second) >= 0, "no special tokens"
            (one,), (other,) = set(first // _WORDS), set(second // _WORDS)
            label = window["next_sentence_label"]
            found.append(Pair(first % _WORDS, second % _WORDS, (one, other), label))
    return found


@pytest.mark.parametrize("sentence", [1, 5])
def test_the_second_segment_follows_or_is_of_another_document(vocabulary, sentence):
    drawn = pairs(vocabulary, sentence=sentence, chunks=1)
    assert {pair.label for pair in drawn} == {0, 1}
    for pair in drawn:
        for segment in (pair.first, pair.second):
            assert (np.diff(segment) == 1).all(), "text in its order, without a gap"
        one, other = pair.documents
        if pair.label == 1:
            assert one != other
            continue
        assert one == other
        # What is too long for the window is cut at the front or back of a segment.
        cut = int(pair.second[0] - pair.first[-1] - 1)
        assert 0 <= cut < sentence
        if cut:
            assert pair.size == _ROOM


def test_half_of_the_pairs_are_of_another_document(vocabulary):
    labels = [pair.label for pair in pairs(vocabulary)]
    assert len(labels) > 1000
    # Four standard deviations; the last sentence of a document has no successor.
    assert np.mean(labels) == pytest.approx(0.5, abs=2 / len(labels) ** 0.5 + 0.01)


def test_other_documents_and_the_place_of_the_split_are_drawn_evenly(vocabulary):
    drawn = [pair for pair in pairs(vocabulary) if pair.label == 1]
    counts = np.bincount([pair.documents[1] for pair in drawn], minlength=_DOCUMENTS)
    mean = len(drawn) / _DOCUMENTS
    np.testing.assert_allclose(counts, mean, atol=5 * mean**0.5)
    shares = [len(pair.first) / pair.size for pair in drawn if pair.size == _ROOM]
    # A uniform share has a mean of 1/2 and a standard deviation of 0.29.
    assert np.mean(shares) == pytest.approx(0.5, abs=5 * 0.29 / len(shares) ** 0.5)
    assert np.std(shares) == pytest.approx(0.29, abs=0.02)


def test_one_document_alone_gives_no_random_pairs(vocabulary):
    drawn = pairs(vocabulary, documents=1)
    assert len(drawn) > 50 and {pair.label for pair in drawn} == {0}


def test_a_tenth_of_the_windows_aim_at_a_random_shorter_length(vocabulary):
    def short(probability: float) -> float:
        # Windows that end where a document ends are short at any probability: left out.
        drawn = pairs(vocabulary, short_probability=probability)
        sizes = [p.size for p in drawn if p.second[-1] < _WORDS - 1]
        assert max(sizes) == _ROOM
        return float(np.mean(np.array(sizes) < _ROOM))

    assert short(0.0) == 0.0
    # Of the lengths 2 to 125, those under 8 are no window, and 125 is a whole one.
    assert short(0.1) == pytest.approx(0.1 * 117 / 124, abs=0.02)
    assert short(1.0) == pytest.approx(117 / 118, abs=0.02)
