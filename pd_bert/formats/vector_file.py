"""Word vectors in a text file, as GloVe and fastText publish them."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pd_bert.data.files import expand, hash_files, read_lines
from pd_bert.errors import InputError
from pd_bert.models.network import Network
from pd_bert.models.word_vectors import VectorInputs, WordVectors
from pd_bert.text.vocabulary import CONTINUATION_PREFIX, SPECIAL_TOKENS, Vocabulary
from pd_bert.values import class_path, digest

_NONE, _FOLDED, _CONTINUED, _EXACT = range(4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorFile(WordVectors):
    """The vectors of a file with a word and its numbers on each line, gzip or not.

    A first line of two whole numbers, as fastText has, is its header. A word may hold
    spaces. Of a word that occurs twice the first line counts.

    A word piece takes the vector of its own text (`##ing` that of a word `##ing`, which
    files over word pieces have); else, if it continues a word, that of its text without
    the prefix (`ing`); else that of a word that differs from these in case alone.
    Special tokens take none.
    """

    file: str

    def fingerprint(self) -> str:
        """Returns a digest of the contents, wherever the file lies."""
        (found,) = hash_files([self._path])
        return digest([class_path(type(self)), found])

    def check(self, width: int, where: str) -> None:
        path = self._path
        try:
            first, found = _scan(path, *_stamp(path))
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        if found != width:
            raise InputError(
                f"{where}: vectors must be as wide as the embeddings, {width}; "
                f"received {found} numbers: {path}:{first}"
            )

    def require(
        self,
        width: int,
        *,
        teacher: Network | None,
        vocabulary: Vocabulary | None,
        where: str,
    ) -> None:
        path = self._path
        if vocabulary is not None and not _overlaps(path, vocabulary, *_stamp(path)):
            raise InputError(f"{where}: {_no_overlap(path, len(vocabulary))}")

    def vectors(self, given: VectorInputs) -> tuple[np.ndarray, np.ndarray]:
        tokens = [given.vocabulary.tokens[i] for i in given.ids.tolist()]
        pieces = _Pieces(tokens)
        found = np.zeros((len(tokens), given.width), np.float32)
        quality = np.full(len(tokens), _NONE)
        for number, word, numbers in _words(self._path):
            better = [(i, q) for i, q in pieces.matches(word) if q > quality[i]]
            if better:
                vector = _parsed(numbers, f"{self._path}:{number}")
                for index, match in better:
                    found[index], quality[index] = vector, match
        if not (quality > _NONE).any():
            raise InputError(_no_overlap(self._path, len(tokens)))
        return found, quality > _NONE

    @property
    def _path(self) -> Path:
        return expand(self.file)[0]


class _Pieces:
    """The word pieces that a word stands for."""

    def __init__(self, tokens: list[str]) -> None:
        self._exact: dict[str, int] = {}
        self._continued: dict[str, int] = {}
        self._folded: dict[str, list[int]] = {}
        for index, token in enumerate(tokens):
            if token in SPECIAL_TOKENS:
                continue
            text = token.removeprefix(CONTINUATION_PREFIX)
            self._exact[token] = index
            if text != token:
                self._continued[text] = index
            self._folded.setdefault(text.lower(), []).append(index)

    def matches(self, word: str) -> list[tuple[int, int]]:
        """Returns the indices of pieces, each with how well the word suits it."""
        folded = self._folded.get(word.lower(), ())
        found = [(index, _FOLDED) for index in folded]
        for known, quality in ((self._continued, _CONTINUED), (self._exact, _EXACT)):
            if (index := known.get(word)) is not None:
                found.append((index, quality))
        return found


def _no_overlap(path: Path, pieces: int) -> str:
    return (
        f"a vector file must hold words of the vocabulary; {path} holds none of "
        f"{pieces:,} word pieces"
    )


def _words(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yields the number of each line, its word, and its numbers as text.

    Raises InputError for a line with another count of numbers than the first one.
    """
    width = 0
    for number, line in read_lines(path, whole=True):
        text = line.rstrip(" ")
        if not text or (number == 1 and _is_header(text)):
            continue
        spaces = text.count(" ")
        width = width or spaces
        if spaces != width:
            _require_width(text, width, f"{path}:{number}")
            word, numbers = _cut(text, width)
        else:
            word, _, numbers = text.partition(" ")
        yield number, word, numbers


def _is_header(line: str) -> bool:
    fields = line.split(" ")
    return len(fields) == 2 and all(field.isdecimal() for field in fields)


def _cut(line: str, width: int) -> tuple[str, str]:
    """The word, which holds spaces, and the last `width` fields."""
    word, *numbers = line.rsplit(" ", width)
    return word, " ".join(numbers)


def _require_width(line: str, width: int, where: str) -> None:
    """Raises InputError unless the fields are a word and `width` numbers."""
    fields = line.split(" ")
    if len(fields) <= width or _is_number(fields[-width - 1]):
        raise InputError(
            f"each line must hold a word and {width} numbers, as the first one; "
            f"received {len(fields) - 1} numbers: {where}"
        )


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _parsed(numbers: str, where: str) -> np.ndarray:
    try:
        vector = np.array(numbers.split(" "), np.float32)
    except ValueError as error:
        raise InputError(
            f"a vector must hold numbers; received {numbers[:40]!r} …: {where}"
        ) from error
    if not np.isfinite(vector).all():
        raise InputError(f"a vector must hold finite numbers: {where}")
    return vector


def _stamp(path: Path) -> tuple[int, int]:
    """Returns a key for caches, which changes when the file's contents do."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@functools.lru_cache(maxsize=8)
def _scan(path: Path, *stamp: int) -> tuple[int, int]:
    """The number of the first line with a vector, and the count of its numbers.

    Reads the file to its end.
    """
    first: tuple[int, int] | None = None
    for number, _, numbers in _words(path):
        if first is None:
            _parsed(numbers, f"{path}:{number}")
            first = number, numbers.count(" ") + 1
    if first is None:
        raise InputError(f"a vector file must hold vectors; received none: {path}")
    return first


@functools.lru_cache(maxsize=8)
def _overlaps(path: Path, vocabulary: Vocabulary, *stamp: int) -> bool:
    """Returns whether a word of the file is a piece; reads no further than to it."""
    pieces = _Pieces(list(vocabulary.tokens))
    return any(pieces.matches(word) for _, word, _ in _words(path))
