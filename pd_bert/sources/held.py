"""Rows in memory, and surveys of sources that are made of other sources."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator

from pd_bert.data.source import Row, Source, rows_of
from pd_bert.data.survey import Read, Survey


@dataclasses.dataclass(frozen=True, kw_only=True)
class Held(Source):
    """Rows that are in memory."""

    held: tuple[Row, ...]

    def rows(self) -> Iterator[Row]:
        return iter(self.held)

    def fingerprint(self) -> str:
        rows = [{**dataclasses.asdict(row), "where": ""} for row in self.held]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def check(self) -> None:
        pass


def remade(
    source: Source, make: Callable[[Source], Source], read: Read, seconds: float
) -> Survey:
    """The survey of `make(source)`, whose items are made of the source's rows."""
    inner = source.survey(rows_of, seconds)
    items = list(read(make(Held(held=tuple(inner.items)))))
    share = len(items) / max(1, len(inner.items))
    return dataclasses.replace(
        inner, items=items, count=round(inner.count * share), exact=inner.whole
    )
