"""A random part of a source."""

import collections
import dataclasses
import heapq
import itertools
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pd_bert.data.draw import rank
from pd_bert.data.source import Row, Source, digest, rows_of
from pd_bert.data.survey import Read, Survey
from pd_bert.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Sample(Source):
    """`count` rows (or documents) drawn without replacement, in their own order.

    With `per`, the name of an attribute of rows such as label or language, it is
    `count` rows for each value of it; documents have none. A sample of n is a part of a
    sample of m > n with the same seed. Memory holds the drawn items at most. A source,
    or a value, with fewer gives all it has.
    """

    source: Source
    count: int
    seed: int = 0
    per: str | None = None

    def rows(self) -> Iterator[Row]:
        """Gives the drawn rows.

        Raises:
            InputError: a row without the attribute `per`, or with None for it.
        """
        return self._draw(self.source.rows())

    def documents(self) -> Iterator[list[str]]:
        """Gives the drawn documents; raises InputError if `per` is given."""
        if self.per is not None:
            raise InputError(
                f"Sample.per is {self.per!r}, an attribute of rows; documents have none"
            )
        return self._draw(self.source.documents())

    def _draw(self, items: Iterable[T]) -> Iterator[T]:
        """Keeps the `count` smallest hashes of (seed, index), largest on top."""
        self._check_count()
        # -index is unique: T is never compared.
        heaps: dict[Hashable, list[tuple[int, int, T]]] = collections.defaultdict(list)
        for index, item in enumerate(items):
            heap = heaps[self._value(item)]
            lot = rank(self.seed, index)
            if len(heap) < self.count:
                heapq.heappush(heap, (-lot, -index, item))
            elif -lot > heap[0][0]:
                heapq.heapreplace(heap, (-lot, -index, item))
        drawn = list(itertools.chain.from_iterable(heaps.values()))
        drawn.sort(key=lambda entry: -entry[1])
        for _, _, item in drawn:
            yield item

    def _value(self, item: Any) -> Hashable:
        """The value of `per` of a row; None for all items if it is not given."""
        if self.per is None:
            return None
        value: Hashable = getattr(item, self.per, None)
        if value is None:
            raise InputError(
                f"Sample.per is {self.per!r}, which every row must have; a "
                f"{type(item).__name__} has none: {item.where}"
            )
        return value

    def fingerprint(self) -> str:
        return digest(
            "Sample",
            self.source.fingerprint(),
            self.count,
            self.seed,
            *([self.per] if self.per is not None else []),
        )

    def _check_count(self) -> None:
        if self.count < 1:
            raise InputError(f"Sample.count must be at least 1, received {self.count}")

    def check(self) -> None:
        """Raises InputError for a count below 1, or what the source raises."""
        self._check_count()
        self.source.check()

    def survey(self, read: Read, seconds: float) -> Survey:
        """Draws from the survey of the source; a run reads all of the source."""
        if self.per is not None and read is not rows_of:
            return super().survey(read, seconds)  # which refuses documents
        inner = self.source.survey(read, seconds)
        items = list(self._draw(inner.items))
        # The values' shares of the source are those of the items that were kept.
        scale = inner.count / max(1, len(inner.items))
        kept = collections.Counter(map(self._value, inner.items))
        count = sum(min(self.count, round(scale * size)) for size in kept.values())
        # A count that is surely reached is exact; not all values may have been met.
        sure = inner.exact or inner.count > 2 * self.count
        exact = sure if self.per is None else inner.whole
        return dataclasses.replace(inner, items=items, count=count, exact=exact)
