"""Texts that are as long as they must be."""

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.export.exact_texts import exact_texts
from pd_bert.sources.held import Held
from pd_bert.tasks.classification import Classification
from pd_bert.text.tokenizer import Tokenizer
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

# Words, an upper-case one that lower-casing never gives, an accent that it strips, a
# piece within words, a number and a sign.
PIECES = ("film", "plot", "学", "Big", "é", "##s", "7", ",")
NOTHING = Held(held=())
TASK = Classification(name="mood", labels=("bad", "good"), train=NOTHING, dev=NOTHING)


def tokenizer(
    pieces: tuple[str, ...] = PIECES, *, lowercase: bool = True, most: int = 16
) -> Tokenizer:
    vocabulary = Vocabulary(tokens=(*SPECIAL_TOKENS, *pieces), lowercase=lowercase)
    return Tokenizer(vocabulary, sequence_length=most)


@pytest.mark.parametrize("names", [("text",), ("text", "text_b")])
@pytest.mark.parametrize("length", [5, 12, 16])
def test_rows_are_exactly_as_long(names: tuple[str, ...], length: int) -> None:
    used = tokenizer()
    texts, encoded = exact_texts(TASK, used, names, length=length, count=50)
    assert tuple(texts) == names
    assert {tuple(value.shape) for value in texts.values()} == {(50,)}
    assert set(encoded["token_ids"].row_lengths().numpy()) == {length}
    again = TASK.encode(texts, used)["token_ids"]
    tf.debugging.assert_equal(again.to_tensor(), encoded["token_ids"].to_tensor())


def test_words_are_pieces_of_the_vocabulary() -> None:
    texts, _ = exact_texts(TASK, tokenizer(), ("text",), length=12, count=50)
    assert words(texts["text"]) == {"film", "plot", "学"}
    cased = tokenizer(lowercase=False)
    texts, _ = exact_texts(TASK, cased, ("text",), length=12, count=50)
    assert words(texts["text"]) == {"film", "plot", "学", "Big", "é"}


def test_rows_are_the_same_each_time() -> None:
    one, other = (
        exact_texts(TASK, tokenizer(), ("text",), length=9, count=4)[0]["text"]
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert len(set(one.numpy())) > 1


@pytest.mark.parametrize(
    ("pieces", "length", "message"),
    [
        (("##s", "7"), 8, "word pieces that are words; the vocabulary of 7 pieces"),
        (("Big",), 8, "word pieces that are words; the vocabulary of 6 pieces"),
        (PIECES, 2, "3 at least; received length = 2"),
        (PIECES, 17, "the model reads 16 at most; received rows of 16"),
    ],
)
def test_impossible_rows_are_refused(
    pieces: tuple[str, ...], length: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        exact_texts(TASK, tokenizer(pieces), ("text",), length=length, count=2)


def words(texts: tf.Tensor) -> set[str]:
    return {word for text in texts.numpy() for word in text.decode().split()}
