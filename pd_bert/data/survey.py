"""The size of a source, estimated from the part that is read in little time."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Read = Callable[[Any], Iterator[Any]]
"""A source → the items that are counted: its rows or its documents."""

_MOST = 8192
"""The most items that are kept."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Survey:
    """Some items of a source, in order, and how many there are.

    `exact` is whether `count` was counted; else it is what was read, extrapolated by
    the share of the files' bytes. `seconds` is the time that reading all takes.
    """

    items: Sequence[Any]
    count: int
    exact: bool
    seconds: float

    @property
    def whole(self) -> bool:
        """True if `items` are all there are."""
        return self.exact and len(self.items) == self.count


def counted(
    items: Iterator[Any], share: Callable[[], float | None], seconds: float
) -> Survey:
    """Reads items for about `seconds`, or to the end while `share` returns None.

    `share` gives the part of the source that was read so far, 0 to 1, or None where
    that cannot be known. Of many items every second, fourth … one is kept, so that
    what is kept is spread over all that was read.
    """
    begin = time.monotonic()
    kept: list[Any] = []
    count, stride = 0, 1
    for item in items:
        if count % stride == 0:
            kept.append(item)
            if len(kept) > _MOST:
                kept, stride = kept[::2], 2 * stride
        count += 1
        spent = time.monotonic() - begin
        if spent > seconds and (done := share()):
            return Survey(
                items=kept,
                count=max(count, round(count / done)),
                exact=False,
                seconds=spent / done,
            )
    return Survey(items=kept, count=count, exact=True, seconds=time.monotonic() - begin)


def joined(parts: Sequence[Survey]) -> Survey:
    """The surveys of sources that are read one after another.

    Each gives items in proportion to its count, so that the whole is spread evenly.
    """
    share = min(len(part.items) / part.count for part in parts if part.count)
    items: list[Any] = []
    for part in parts:
        wanted = min(len(part.items), max(1, round(part.count * share)))
        items += [part.items[i * len(part.items) // wanted] for i in range(wanted)]
    return Survey(
        items=items,
        count=sum(part.count for part in parts),
        exact=all(part.exact for part in parts),
        seconds=sum(part.seconds for part in parts),
    )
