"""Texts of an exact number of word pieces."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pd_bert.data.encode_rows import Encoded
from pd_bert.errors import InputError
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.text.tokenizer import Tokenizer

Texts = dict[str, tf.Tensor]
"""String [batch] by the name of the text."""


def exact_texts(
    task: LabeledTask,
    tokenizer: Tokenizer,
    names: Sequence[str],
    *,
    length: int,
    count: int,
) -> tuple[Texts, Encoded]:
    """Returns `count` rows of random words, and what the task encodes them to.

    Each row is `length` word pieces long, special ones included: its words are pieces
    of the vocabulary, drawn uniformly with a fixed seed, and shared out evenly among
    the texts in `names`. Raises InputError if the vocabulary has no such words, or if
    rows of that length cannot be made.
    """
    words = _whole_words(tokenizer)
    draw = np.random.default_rng(0)

    def rows(number: int, length: int) -> Texts:
        """Returns rows of `length` words, in all texts together."""
        sizes = [len(part) for part in np.array_split(np.arange(length), len(names))]
        return {
            name: tf.constant(
                [" ".join(row) for row in draw.choice(words, (number, size)).tolist()]
            )
            for name, size in zip(names, sizes, strict=True)
        }

    one_each = task.encode(rows(1, len(names)), tokenizer)
    special = int(one_each["token_ids"].row_lengths()[0]) - len(names)
    if length < special + len(names):
        raise InputError(
            f"a row of {task.name} has a word in each text and {special} special word "
            f"pieces, {special + len(names)} at least; received length = {length}"
        )
    texts = rows(count, length - special)
    encoded = task.encode(texts, tokenizer)
    found = np.unique(encoded["token_ids"].row_lengths())
    if found.tolist() != [length]:
        raise InputError(
            f"rows of {task.name} must be {length} word pieces long, and the model "
            f"reads {tokenizer.sequence_length} at most; received rows of "
            f"{', '.join(map(str, found))}"
        )
    return texts, encoded


def _whole_words(tokenizer: Tokenizer) -> np.ndarray:
    """Returns the pieces that as a text are one word of one piece: themselves."""
    vocabulary = tokenizer.vocabulary
    tried = [token for token in vocabulary.tokens if token.isalpha()]
    if tried:
        pieces = tokenizer(tf.constant(tried))
        alone = (pieces.row_lengths() == 1).numpy()
        ids = pieces[:, :1].to_tensor(-1, shape=[None, 1]).numpy()[:, 0]
        own = np.array([vocabulary.ids[token] for token in tried])
        if (kept := np.array(tried)[alone & (ids == own)]).size:
            return kept
    raise InputError(
        "texts of an exact length are made of word pieces that are words; the "
        f"vocabulary of {len(vocabulary)} pieces has none"
    )
