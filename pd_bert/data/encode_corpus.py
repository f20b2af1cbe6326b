"""Documents → windows for language-model pre-training."""

import dataclasses
import itertools
import pathlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.text import tokenizer_cache

Document = list[str]

# Shorter scraps (a chapter's number, the tail of a chunk) teach nothing.
_FEWEST_PIECES = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodeCorpus:
    """Cuts documents into windows of at most `sequence_length` pieces.

    With `next_sentence`, pairs are drawn as BERT does (Devlin et al. 2019, A.2): A and
    B fill the window, half of the time B follows A (label 0), else it is from another
    document (label 1), and `short_probability` of the windows aim at a random shorter
    length. Segments longer than half a window are cut in pieces, so that little text is
    lost. Without it, windows are packed full: the documents end to end, a [SEP] after
    each.

    A chunk is (number, documents); its windows are a function of it and `seed` alone.
    """

    vocabulary: pathlib.Path
    lowercase: bool
    sequence_length: int
    next_sentence: bool = True
    short_probability: float = 0.1
    seed: int = 0

    def __call__(self, chunk: tuple[int, list[Document]]) -> Iterator[dict[str, Any]]:
        number, documents = chunk
        vocabulary, tokenizer = tokenizer_cache.load(self.vocabulary, self.lowercase)
        pieces = tokenizer(tf.constant([s for doc in documents for s in doc]))
        tokens = _Tokens(
            pieces.flat_values.numpy(),
            pieces.row_splits.numpy(),
            np.cumsum([0, *(len(document) for document in documents)]),
        )
        cls, sep = [vocabulary.cls_id], [vocabulary.sep_id]
        if not self.next_sentence:
            for window in self._full_windows(tokens, vocabulary.sep_id):
                ids = np.concatenate([cls, window, sep])
                yield {"token_ids": ids, "segment_start": len(ids)}
            return
        # A str seed is hashed by SHA-512: the same on every machine.
        generator = random.Random(f"{self.seed}/{number}")
        room = self.sequence_length - 3
        # So that two of the longest segments fill a window. Were they a piece short of
        # it, a third one would be taken, and most of it cut off again.
        cut = [document for document in tokens.cut((room + 1) // 2) if document]
        for index in range(len(cut)):
            for a, b, label in self._pairs(cut, index, room, generator):
                yield {
                    "token_ids": np.concatenate([cls, a, sep, b, sep]),
                    "segment_start": len(a) + 2,
                    "next_sentence_label": label,
                }

    def _full_windows(self, tokens: "_Tokens", sep_id: int) -> Iterator[np.ndarray]:
        parts = [part for doc in tokens.whole() if len(doc) for part in (doc, [sep_id])]
        # The last document's [SEP] is the window's own.
        stream = np.concatenate(parts[:-1] or [np.zeros(0, np.int32)])
        room = self.sequence_length - 2
        for first in range(0, len(stream), room):
            window = stream[first : first + room]
            if len(window) >= _FEWEST_PIECES:
                yield window

    def _pairs(
        self,
        documents: Sequence[list[np.ndarray]],
        index: int,
        room: int,
        generator: random.Random,
    ) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        segments = documents[index]
        at = 0
        while at < len(segments):
            target = room
            if generator.random() < self.short_probability:
                target = generator.randint(2, room)
            end, filled = at, 0
            while end < len(segments) and filled < target:
                filled += len(segments[end])
                end += 1
            split = at + generator.randint(1, max(1, end - at - 1))
            a = np.concatenate(segments[at:split])
            alone = end - at == 1
            if len(documents) > 1 and (alone or generator.random() < 0.5):
                b = self._other(documents, index, target - len(a), generator)
                label, at = 1, split
            elif alone:
                return
            else:
                b = np.concatenate(segments[split:end])
                label, at = 0, end
            a, b = _truncate(a, b, room, generator)
            if len(a) + len(b) >= _FEWEST_PIECES:
                yield a, b, label

    def _other(
        self,
        documents: Sequence[list[np.ndarray]],
        index: int,
        wanted: int,
        generator: random.Random,
    ) -> np.ndarray:
        """Segments of another document, from a random one on."""
        other = generator.randrange(len(documents) - 1)
        segments = documents[other + (other >= index)]
        first = last = generator.randrange(len(segments))
        filled = 0
        while last < len(segments) and (filled < wanted or last == first):
            filled += len(segments[last])
            last += 1
        return np.concatenate(segments[first:last])


@dataclasses.dataclass(frozen=True)
class _Tokens:
    """A chunk's pieces end to end; where segments begin in them, documents in those."""

    ids: np.ndarray
    segments: np.ndarray
    documents: np.ndarray

    def whole(self) -> Iterator[np.ndarray]:
        """Each document's pieces."""
        bounds = self.segments[self.documents].tolist()
        for begin, end in itertools.pairwise(bounds):
            yield self.ids[begin:end]

    def cut(self, longest: int) -> Iterator[list[np.ndarray]]:
        """Each document's segments, those that are too long cut to `longest`."""
        splits, documents = self.segments.tolist(), self.documents.tolist()
        for first, last in itertools.pairwise(documents):
            yield [
                self.ids[at : min(at + longest, splits[i + 1])]
                for i in range(first, last)
                for at in range(splits[i], splits[i + 1], longest)
            ]


def _truncate(
    a: np.ndarray, b: np.ndarray, room: int, generator: random.Random
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts the longer one until both fit, at its front or back by chance."""
    keep_a = min(len(a), max(room - len(b), (room + 1) // 2))
    keep_b = min(len(b), max(room - len(a), room // 2))
    return _drop(a, len(a) - keep_a, generator), _drop(b, len(b) - keep_b, generator)


def _drop(ids: np.ndarray, count: int, generator: random.Random) -> np.ndarray:
    """Without `count` ids, each taken from the front or the back by chance."""
    front = generator.getrandbits(count).bit_count() if count else 0
    return ids[front : len(ids) - (count - front)]
