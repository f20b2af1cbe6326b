"""A random part of a source."""

import dataclasses
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pd_bert.data.draw import rank
from pd_bert.data.source import Row, Source, digest
from pd_bert.data.survey import Read, Survey
from pd_bert.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Sample(Source):
    """`count` rows (or documents) drawn without replacement, in their own order.

    A sample of n is a part of a sample of m > n with the same seed. Memory holds
    `count` items at most. A source with fewer gives all it has.
    """

    source: Source
    count: int
    seed: int = 0

    def rows(self) -> Iterator[Row]:
        return self._draw(self.source.rows())

    def documents(self) -> Iterator[list[str]]:
        return self._draw(self.source.documents())

    def _draw(self, items: Iterable[T]) -> Iterator[T]:
        """Keeps the `count` smallest hashes of (seed, index), largest on top."""
        self._check_count()
        heap: list[tuple[int, int, T]] = []  # -index is unique: T is never compared
        for index, item in enumerate(items):
            lot = rank(self.seed, index)
            if len(heap) < self.count:
                heapq.heappush(heap, (-lot, -index, item))
            elif -lot > heap[0][0]:
                heapq.heapreplace(heap, (-lot, -index, item))
        heap.sort(key=lambda entry: -entry[1])
        for _, _, item in heap:
            yield item

    def fingerprint(self) -> str:
        return digest("Sample", self.source.fingerprint(), self.count, self.seed)

    def _check_count(self) -> None:
        if self.count < 1:
            raise InputError(f"Sample.count must be at least 1, received {self.count}")

    def check(self) -> None:
        """Raises InputError for a count below 1, or what the source raises."""
        self._check_count()
        self.source.check()

    def survey(self, read: Read, seconds: float) -> Survey:
        """Draws from the survey of the source; a run reads all of the source."""
        inner = self.source.survey(read, seconds)
        items = list(self._draw(inner.items))
        count = min(self.count, inner.count)
        # A count that is surely reached is exact.
        sure = inner.exact or inner.count > 2 * self.count
        return dataclasses.replace(inner, items=items, count=count, exact=sure)
