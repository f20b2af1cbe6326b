"""What the preparation of texts will cost, told from some of them."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from pd_bert.costs.cost import Cost
from pd_bert.costs.probe import Probe
from pd_bert.data.example_spec import ExampleSpec, serialize
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.shards import chunked
from pd_bert.data.source import Source
from pd_bert.data.survey import Read, Survey
from pd_bert.errors import InputError
from pd_bert.system import memory

_SECONDS = 1.5  # of encoding
# So much text is encoded in full, as the stage will do: then counts are exact.
_WHOLE_CHARACTERS = 1_000_000
_PIECE_CHARACTERS = 100_000
_FRAMING_BYTES = 16  # a record's length and two checksums
_LENGTH_BYTES = 2  # beside the records
# Its description and locks, each of which is written through to the disk.
SHARD_SECONDS = 0.03
SHARD_BYTES = 600
# Of a chunk in memory: the text, its pieces and their offsets.
_BYTES_PER_CHARACTER = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """One data set of a stage: what is read of which source, and how it is encoded."""

    folder: str = ""
    source: Source
    read: Read
    size: Callable[[Any], int]
    """The characters of an item."""
    encode: Callable[[Any], Iterable[Any]]
    spec: ExampleSpec
    chunk: Callable[[int, list[Any]], Any] = lambda number, items: items
    """(number, items) → what `encode` takes."""


def estimate_part(
    part: Part, probe: Probe, *, shard_characters: int, sequence_length: int
) -> tuple[Cost, ExpectedRecords]:
    """The cost of a data set, and what it will hold."""
    memory.reset_peak()
    found = probe.survey(part.source, part.read)
    characters = _characters(found, part)
    shards = max(1, -(-characters // shard_characters))
    chunks = _chunks(found, part, characters, shard_characters)
    lengths, size, items, seconds = _encode(chunks, part)
    if items == found.count:
        shards = len(chunks)
    if not lengths:
        raise InputError(
            f"a data set holds at least one example; {part.source} gave none"
        )
    share = items / found.count
    expected = ExpectedRecords(
        count=round(len(lengths) / share),
        lengths=np.asarray(lengths, np.uint16),
        bytes=round(size / share),
        # A row is an example; how many a document gives is known when all were cut.
        exact=found.exact and (items == found.count or items == len(lengths)),
        spec=part.spec,
        sequence_length=sequence_length,
        shards=shards,
    )
    workers = min(probe.runtime.workers, shards, os.cpu_count() or 1)
    in_flight = min(characters, 2 * workers * shard_characters)
    cost = Cost(
        seconds=found.seconds + (seconds / share + SHARD_SECONDS * shards) / workers,
        memory_bytes=memory.peak_bytes() + _BYTES_PER_CHARACTER * in_flight,
        disk_bytes=expected.bytes
        + _LENGTH_BYTES * expected.count
        + SHARD_BYTES * shards,
        exact=expected.exact,
    )
    return cost, expected


def _characters(found: Survey, part: Part) -> int:
    kept = sum(part.size(item) for item in found.items)
    return round(kept * found.count / max(1, len(found.items)))


def _chunks(
    found: Survey, part: Part, characters: int, shard_characters: int
) -> Sequence[list[Any]]:
    """All items as the stage will cut them, or parts of the sample, evenly spread."""
    if found.whole and characters <= _WHOLE_CHARACTERS:
        return list(chunked(found.items, part.size, shard_characters))
    kept = characters * len(found.items) // max(1, found.count)
    parts = max(1, kept // min(_PIECE_CHARACTERS, shard_characters))
    return [list(found.items[first::parts]) for first in range(parts)]


def _encode(
    chunks: Sequence[list[Any]], part: Part
) -> tuple[list[int], int, int, float]:
    """Lengths, bytes, the number of items that were encoded, and seconds."""
    lengths: list[int] = []
    size = items = 0
    if chunks and chunks[0]:  # the first use of a tokenizer builds it
        list(part.encode(part.chunk(0, chunks[0][:1])))
    total = sum(map(len, chunks))
    whole = sum(part.size(item) for c in chunks for item in c) <= _WHOLE_CHARACTERS
    begin = time.perf_counter()
    for number, chunk in enumerate(chunks):
        if not whole and time.perf_counter() - begin > _SECONDS:
            break
        for example in part.encode(part.chunk(number, chunk)):
            lengths.append(len(example["token_ids"]))
            size += len(serialize(example, part.spec)) + _FRAMING_BYTES
        items += len(chunk)
    assert items <= total
    return lengths, size, items, time.perf_counter() - begin
