"""A fixed part of a source, so that one file can be train, dev and test."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pd_bert.data.source import Row, Source, digest
from pd_bert.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Split(Source):
    """The rows (or documents) whose hash lies from `first` up to, not with, `last`.

    The hash, from 0 to 1, is of the row's number and `seed`. Parts that do not overlap
    share no row: 0 to 0.8, 0.8 to 0.9 and 0.9 to 1 divide a source by 8 : 1 : 1.
    """

    source: Source
    first: float = 0.0
    last: float = 1.0
    seed: int = 0

    def rows(self) -> Iterator[Row]:
        return self._take(self.source.rows())

    def documents(self) -> Iterator[list[str]]:
        return self._take(self.source.documents())

    def _take(self, items: Iterable[T]) -> Iterator[T]:
        for index, item in enumerate(items):
            key = f"{self.seed}:{index}".encode()
            rank = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())
            if self.first <= rank / 2**64 < self.last:
                yield item

    def fingerprint(self) -> str:
        return digest(
            "Split", self.source.fingerprint(), self.first, self.last, self.seed
        )

    def check(self) -> None:
        """Raises InputError for an empty part, or what the source raises."""
        if not 0 <= self.first < self.last <= 1:
            raise InputError(
                "a part is from 0 ≤ first < last ≤ 1, received first = "
                f"{self.first} and last = {self.last}"
            )
        self.source.check()
