"""Rows of text → examples."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.source import Row
from pd_bert.errors import InputError
from pd_bert.text import tokenizer_cache
from pd_bert.text.packing import pack

_BATCH = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodeRows:
    """Tokenizes and packs rows of one or two texts, as the served model does.

    `encode_label` turns a row's label into a number; without it rows have none. All
    rows have a second text or none has: `pairs`.
    """

    vocabulary: pathlib.Path
    lowercase: bool
    sequence_length: int
    pairs: bool = False
    encode_label: Callable[[Row], int | float] | None = None

    def __call__(self, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        for first in range(0, len(rows), _BATCH):
            yield from self._encode(rows[first : first + _BATCH])

    def _encode(self, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        vocabulary, tokenizer = tokenizer_cache.load(self.vocabulary, self.lowercase)
        for row in rows:
            if (row.text_b is not None) != self.pairs:
                kind = "two texts" if self.pairs else "one text"
                raise InputError(
                    f"{row.where}: every row must have {kind}, as others do"
                )
        pieces_a = tokenizer(tf.constant([row.text for row in rows]))
        pieces_b = None
        if self.pairs:
            pieces_b = tokenizer(tf.constant([row.text_b or "" for row in rows]))
        packed = pack(
            pieces_a,
            pieces_b,
            cls_id=vocabulary.cls_id,
            sep_id=vocabulary.sep_id,
            sequence_length=self.sequence_length,
        )
        splits = packed.token_ids.row_splits.numpy()
        ids = packed.token_ids.flat_values.numpy()
        second = np.add.reduceat(packed.segment_ids.flat_values.numpy(), splits[:-1])
        for index, row in enumerate(rows):
            begin, end = splits[index], splits[index + 1]
            example: dict[str, Any] = {
                "token_ids": ids[begin:end],
                "segment_start": end - begin - second[index],
            }
            if self.encode_label is not None:
                example["label"] = self.encode_label(row)
            yield example
