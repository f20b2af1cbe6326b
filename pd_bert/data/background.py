"""Work in threads, ahead of whoever takes its results."""

import collections
import concurrent.futures
import dataclasses
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

_MOST_THREADS = 4

Stop = Callable[[], None]
"""Raises an exception if what it interrupts is no longer wanted."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
    """Something to load, and the items to make of it.

    `load(stop)` calls `stop` now and then; `make(loaded, index)` returns the item of
    each of `indices`. Both are pure functions. A thread makes `together` items at a
    time: handing over an item that is quickly made costs more than making it.
    """

    load: Callable[[Stop], Any]
    make: Callable[[Any, int], Any]
    indices: range
    together: int = 1


class Background:
    """Some threads, which start with the first task and end with `close`."""

    def __init__(self) -> None:
        makers = min(_MOST_THREADS, os.cpu_count() or 1)
        self._ahead = makers + 2
        self._executor = concurrent.futures.ThreadPoolExecutor(
            makers + 1,  # one more, which loads
            thread_name_prefix="batches",
        )
        self._streams: weakref.WeakSet[_Stream] = weakref.WeakSet()

    def stream(self, pieces: Iterator[Piece]) -> Iterator[Any]:
        """Yields the items of all pieces in order.

        The next piece is loaded while the items of one are made and taken; some items
        are made ahead. An error in a thread is raised in place of its item.
        """
        stream = _Stream(self._executor, pieces, self._ahead)
        self._streams.add(stream)
        return stream.items()

    def close(self) -> None:
        """Ends the threads and frees what iterators hold, even those given up.

        An iterator that is not exhausted raises an exception afterwards.
        """
        streams = list(self._streams)
        for stream in streams:
            stream.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)
        for stream in streams:
            stream.free()


class _Stream:
    def __init__(
        self,
        executor: concurrent.futures.Executor,
        pieces: Iterator[Piece],
        ahead: int,
    ) -> None:
        self._executor = executor
        self._pieces = pieces
        self._ahead = ahead
        self._stopped = threading.Event()
        self._coming: concurrent.futures.Future[Any] | None = None
        self._loaded: Any = None
        self._made: collections.deque[concurrent.futures.Future[Any]] = (
            collections.deque()
        )

    def items(self) -> Iterator[Any]:
        try:
            piece = self._load_next()
            while piece is not None:
                # What is made is given out while the next piece is being loaded.
                while self._made and not _succeeded(self._coming):
                    yield from self._next_made()
                assert self._coming is not None
                self._loaded = self._coming.result()
                current, piece = piece, self._load_next()
                for first in range(0, len(current.indices), current.together):
                    several = current.indices[first : first + current.together]
                    self._made.append(
                        self._executor.submit(
                            _make, current.make, self._loaded, several
                        )
                    )
                    if len(self._made) > self._ahead:
                        yield from self._next_made()
            while self._made:
                yield from self._next_made()
        finally:
            self.stop()

    def _next_made(self) -> Iterator[Any]:
        items, error = self._made.popleft().result()
        yield from items
        if error is not None:
            raise error

    def _load_next(self) -> Piece | None:
        piece = next(self._pieces, None)
        self._coming = None
        if piece is not None:
            self._coming = self._executor.submit(piece.load, self._check)
        return piece

    def _check(self) -> None:
        if self._stopped.is_set():
            raise concurrent.futures.CancelledError

    def stop(self) -> None:
        """Ends a load that is under way."""
        self._stopped.set()

    def free(self) -> None:
        """Forgets everything that was loaded or made."""
        self._coming = self._loaded = None
        self._made.clear()


def _make(
    make: Callable[[Any, int], Any], loaded: Any, indices: range
) -> tuple[list[Any], Exception | None]:
    """Returns the items before the first error, and the error."""
    items: list[Any] = []
    try:
        for index in indices:
            items.append(make(loaded, index))
    except Exception as error:  # raised in place of its item
        return items, error
    return items, None


def _succeeded(future: concurrent.futures.Future[Any] | None) -> bool:
    return future is not None and future.done() and future.exception() is None
