"""Texts as a model sees them, some at a time."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pd_bert.data.columns import Sequences
from pd_bert.data.records import Records
from pd_bert.data.source import Row

_ROWS = 1 << 14


class Tokenized(NamedTuple):
    """Some texts, or pairs of texts: the columns that every data set has."""

    token_ids: Sequences
    segment_start: np.ndarray
    """int32 [texts]"""


Parts = Callable[[], Iterator[Tokenized]]
"""Gives all texts of a data set, the same ones in the same order at each call."""


def of_records(
    records: Records, *, stop: Callable[[], None] = lambda: None
) -> Iterator[Tokenized]:
    """A prepared data set, shard by shard; `stop` is called between, and may raise."""
    for shard in range(len(records.shard_counts)):
        stop()
        columns = records.columns([shard])
        token_ids, start = columns["token_ids"], columns["segment_start"]
        assert isinstance(token_ids, Sequences) and isinstance(start, np.ndarray)
        yield Tokenized(token_ids, start)


def of_rows(
    rows: Iterable[Row],
    encode: Callable[[list[Row]], Iterable[dict[str, Any]]],
    *,
    stop: Callable[[], None] = lambda: None,
) -> Iterator[Tokenized]:
    """Texts that are not prepared yet, some at a time; `stop` is called between.

    `encode` is an `EncodeRows`.
    """
    iterator = iter(rows)
    while taken := list(itertools.islice(iterator, _ROWS)):
        stop()
        yield of_examples(list(encode(taken)))


def of_examples(examples: Sequence[Mapping[str, Any]]) -> Tokenized:
    """Examples that are not written yet."""
    ids = [np.asarray(example["token_ids"], np.int32) for example in examples]
    ends = np.cumsum([len(each) for each in ids], dtype=np.int64)
    return Tokenized(
        Sequences(np.concatenate(ids), np.concatenate([[0], ends])),
        np.asarray([example["segment_start"] for example in examples], np.int32),
    )
