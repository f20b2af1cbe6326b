"""Rows of text → examples."""

import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import TOKENS, ExampleSpec
from pd_bert.data.source import Row
from pd_bert.errors import InputError
from pd_bert.text import tokenizer_cache
from pd_bert.text.tokenizer import Tokenizer, encode_texts

_BATCH = 1024

Encoded = Mapping[str, tf.RaggedTensor | tf.Tensor]
"""The features that a task's `encode` returns for a batch of rows."""
Encode = Callable[[Mapping[str, tf.Tensor], Tokenizer], Encoded]
LabelFeatures = Callable[[Sequence[Any], Encoded], Mapping[str, Sequence[Any]]]
"""(rows, encoded) → features with one value per row."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodeRows:
    """Makes examples of rows with the function that the served model has in its graph.

    All rows have texts of the names `inputs`. Examples have the features of `encoded`,
    which `encode` makes, and those of `label_features` where it is given.
    """

    vocabulary: pathlib.Path
    lowercase: bool
    sequence_length: int
    inputs: tuple[str, ...] = ("text",)
    encode: Encode = encode_texts
    encoded: ExampleSpec = dataclasses.field(default_factory=lambda: dict(TOKENS))
    label_features: LabelFeatures | None = None

    def __call__(self, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        for first in range(0, len(rows), _BATCH):
            yield from self._encode(rows[first : first + _BATCH])

    def _encode(self, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        vocabulary, wordpiece = tokenizer_cache.load(self.vocabulary, self.lowercase)
        tokenizer = Tokenizer(
            vocabulary, sequence_length=self.sequence_length, wordpiece=wordpiece
        )
        encoded = self.encode(self._texts(rows), tokenizer)
        token_ids = split_rows(encoded["token_ids"])
        columns = {
            "token_ids": token_ids,
            "segment_start": _segment_start(encoded["segment_ids"]),
        }
        columns |= {
            name: split_rows(encoded[name])
            for name in self.encoded
            if name not in columns
        }
        if self.label_features is not None:
            columns |= self.label_features(rows, encoded)
        for index in range(len(rows)):
            yield {name: column[index] for name, column in columns.items()}

    def _texts(self, rows: Sequence[Row]) -> dict[str, tf.Tensor]:
        """The rows' texts, string [rows] for each input."""
        texts = [row.texts for row in rows]
        for row, each in zip(rows, texts, strict=True):
            if tuple(each) != self.inputs:
                raise InputError(
                    f"{row.where}: every row must have {' and '.join(self.inputs)}, "
                    f"as others do; received {' and '.join(each)}"
                )
        return {
            name: tf.constant([each[name] for each in texts]) for name in self.inputs
        }


def split_rows(batch: tf.RaggedTensor | tf.Tensor) -> Sequence[np.ndarray]:
    """Returns the rows of a batch as arrays: [batch, …] → one array per row."""
    if not isinstance(batch, tf.RaggedTensor):
        return list(batch.numpy())
    splits, values = batch.row_splits.numpy(), batch.flat_values.numpy()
    return [values[begin:end] for begin, end in itertools.pairwise(splits)]


def _segment_start(segment_ids: tf.RaggedTensor) -> Sequence[int]:
    """Returns the length of each row's first segment, int64 [batch]."""
    second = tf.reduce_sum(segment_ids, axis=1)
    lengths = segment_ids.row_lengths()
    return (lengths - tf.cast(second, lengths.dtype)).numpy()
