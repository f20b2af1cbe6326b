"""Samples of sources, encoded as a stage would, to know what data sets will hold."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from pd_bert.data.example_spec import ExampleSpec, serialize
from pd_bert.data.expected_records import ExpectedRecords, pieces_of
from pd_bert.data.shards import chunked
from pd_bert.data.source import Source, documents_of, nonempty
from pd_bert.data.survey import Read, Survey
from pd_bert.errors import InputError
from pd_bert.system import memory
from pd_bert.text.train_vocabulary import train_vocabulary
from pd_bert.text.vocabulary import Vocabulary

_SURVEY_SECONDS = 2.0
_ENCODE_SECONDS = 1.5
# Texts of this size are encoded in full, as the stage will do: then counts are exact.
_WHOLE_CHARACTERS = 1_000_000
_PIECE_CHARACTERS = 100_000
_FRAMING_BYTES = 16  # a record's length and two checksums


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Encoding:
    """A data set that will be made of a source: what is read, how it is encoded.

    `where` names the source in messages. `size` gives the characters of an item, and
    `encode` makes examples of a chunk: some items or, if `numbered`, the chunk's number
    and the items. Encodings with equal keys are sampled once.
    """

    key: Hashable
    source: Source
    where: str
    read: Read
    size: Callable[[Any], int]
    encode: Callable[[Any], Iterable[dict[str, Any]]]
    spec: ExampleSpec
    sequence_length: int
    shard_characters: int
    numbered: bool = False

    def chunks(self) -> Iterator[Any]:
        """Yields the whole source, as much for each chunk as a shard holds.

        Raises InputError for an empty source.
        """
        items = nonempty(self.read(self.source), self.where)
        for number, chunk in enumerate(
            chunked(items, self.size, self.shard_characters)
        ):
            yield self.chunk(number, chunk)

    def chunk(self, number: int, items: list[Any]) -> Any:
        """The argument of `encode` for a chunk."""
        return (number, items) if self.numbered else items


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class EncodedSample:
    """The size of a data set and the cost of making it, measured on a sample.

    `read_seconds` is the time to read the source once and `encode_seconds` the time to
    encode all of it in one process; `characters` are those of the whole source and
    `peak_bytes` is the memory of this process. `examples` are all examples in order if
    the whole source was encoded, else None.
    """

    expected: ExpectedRecords
    read_seconds: float
    encode_seconds: float
    characters: int
    peak_bytes: int
    examples: Sequence[dict[str, Any]] | None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SampledVocabulary:
    """A vocabulary that was trained on a sample of a source, in `file`.

    `seconds` is the time to read the whole source and to train on all of it,
    `characters` is its size, `peak_bytes` the memory of this process.
    """

    vocabulary: Vocabulary
    file: pathlib.Path
    whole: bool
    exact: bool
    seconds: float
    characters: float
    peak_bytes: int


class Surveyor:
    """Reads, encodes and learns from samples of sources; everything once.

    It writes into `directory` alone, which may be deleted after the last use.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._known: dict[Hashable, Any] = {}

    def first(self, source: Source, read: Read) -> Survey:
        """Returns the survey of the first reading of a source."""
        found: Survey = self._once(
            ("survey", source, read, 1), lambda: source.survey(read, _SURVEY_SECONDS)
        )
        return found

    def survey(self, source: Source, read: Read) -> Survey:
        """Returns what a source holds; equal sources are read twice at most.

        The second time may be faster, as it is in a run: some sources keep what they
        have read.
        """
        if ("survey", source, read, 1) not in self._known:
            return self.first(source, read)
        found: Survey = self._once(
            ("survey", source, read, 2), lambda: source.survey(read, _SURVEY_SECONDS)
        )
        return found

    def encoded(self, encoding: Encoding) -> EncodedSample:
        """Encodes a sample of a source, or all of a small one.

        Raises InputError if the source gives no example.
        """
        found: EncodedSample = self._once(
            ("encoded", encoding.key), lambda: self._encoded(encoding)
        )
        return found

    def vocabulary(
        self, source: Source, *, size: int, lowercase: bool
    ) -> SampledVocabulary:
        """Trains a vocabulary on a sample, with which samples can be encoded."""
        found: SampledVocabulary = self._once(
            ("vocabulary", source, size, lowercase),
            lambda: self._vocabulary(source, size, lowercase),
        )
        return found

    def write(self, vocabulary: Vocabulary) -> pathlib.Path:
        """Writes a vocabulary to a file of the surveyor's own."""
        file = self._directory / f"{vocabulary.fingerprint}.txt"
        vocabulary.write(file)
        return file

    def _once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def _encoded(self, encoding: Encoding) -> EncodedSample:
        memory.reset_peak()
        found = self.survey(encoding.source, encoding.read)
        kept = sum(encoding.size(item) for item in found.items)
        characters = round(kept * found.count / max(1, len(found.items)))
        chunks = _chunks(found, encoding, characters)
        examples, size, items, seconds = _encode(chunks, encoding)
        if not examples:
            raise InputError(
                f"a data set holds at least one example; {encoding.where} gave none"
            )
        whole = items == found.count
        share = items / found.count
        lengths = np.asarray([len(e["token_ids"]) for e in examples], np.uint16)
        pieces = pieces_of(np.asarray(e["token_ids"]) for e in examples)
        shards = len(chunks) if whole else -(-characters // encoding.shard_characters)
        return EncodedSample(
            expected=ExpectedRecords(
                count=round(len(examples) / share),
                read_lengths=lambda: lengths,
                bytes=round(size / share),
                # A row gives one example; how many a document gives is known when all
                # documents were cut.
                exact=found.exact and (whole or items == len(examples)),
                spec=encoding.spec,
                sequence_length=encoding.sequence_length,
                shards=max(1, shards),
                read_pieces=lambda: pieces,
            ),
            read_seconds=found.seconds,
            encode_seconds=seconds / share,
            characters=characters,
            peak_bytes=memory.peak_bytes(),
            examples=examples if whole and found.whole else None,
        )

    def _vocabulary(
        self, source: Source, size: int, lowercase: bool
    ) -> SampledVocabulary:
        memory.reset_peak()
        found = self.survey(source, documents_of)
        texts = [text for document in found.items for text in document]
        begin = time.perf_counter()
        vocabulary = train_vocabulary(texts, size=size, lowercase=lowercase)
        seconds = time.perf_counter() - begin
        scale = found.count / len(found.items)
        return SampledVocabulary(
            vocabulary=vocabulary,
            file=self.write(vocabulary),
            whole=found.whole,
            exact=found.exact,
            seconds=found.seconds + seconds * scale,
            characters=scale * sum(map(len, texts)),
            peak_bytes=memory.peak_bytes(),
        )


def _chunks(found: Survey, encoding: Encoding, characters: int) -> Sequence[list[Any]]:
    """All items as the stage will cut them, or parts of the sample, evenly spread."""
    if found.whole and characters <= _WHOLE_CHARACTERS:
        sized = chunked(found.items, encoding.size, encoding.shard_characters)
        return list(sized)
    kept = characters * len(found.items) // max(1, found.count)
    parts = max(1, kept // min(_PIECE_CHARACTERS, encoding.shard_characters))
    return [list(found.items[first::parts]) for first in range(parts)]


def _encode(
    chunks: Sequence[list[Any]], encoding: Encoding
) -> tuple[list[dict[str, Any]], int, int, float]:
    """Examples, their bytes, the number of items they are made of, and seconds."""
    examples: list[dict[str, Any]] = []
    size = items = 0
    if chunks and chunks[0]:  # the first use of a tokenizer builds it
        list(encoding.encode(encoding.chunk(0, chunks[0][:1])))
    characters = sum(encoding.size(item) for chunk in chunks for item in chunk)
    begin = time.perf_counter()
    for number, chunk in enumerate(chunks):
        spent = time.perf_counter() - begin
        if characters > _WHOLE_CHARACTERS and spent > _ENCODE_SECONDS:
            break
        for example in encoding.encode(encoding.chunk(number, chunk)):
            size += len(serialize(example, encoding.spec)) + _FRAMING_BYTES
            examples.append(example)
        items += len(chunk)
    return examples, size, items, time.perf_counter() - begin
