"""Files of tagged words: CoNLL and TSV."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pd_bert.data.files import Meter, expand, hash_files, read_lines
from pd_bert.data.source import Source, digest
from pd_bert.data.survey import Read, Survey, counted
from pd_bert.errors import InputError
from pd_bert.sources.tag_schemes import SCHEMES, BrokenTagsError, to_iob2
from pd_bert.sources.tagged_words import TaggedWords, split_words

_BLANK = " \t\n\v\f\r"
_DOCUMENT_START = "-DOCSTART-"
_LANGUAGE = "{language}"
# A file without blank lines would be one sentence, and in memory as a whole.
MAX_WORDS = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Conll(Source):
    """Sentences of files with one word per line and a blank line between sentences.

    Columns are separated by tabs in a line that has one, else by white space, and
    count from 0; negative numbers count from the last one, -1. All lines of a file have
    the same number of columns. Lines that begin with -DOCSTART- are skipped. Memory
    holds one sentence. As documents, each sentence is one, its words joined by spaces.

    Args:
        files: names or glob patterns, plain or gzip; `~`, `$VARIABLE` are expanded.
            A name with {language} stands for one file of each of `languages`.
        folder: where relative names begin; None is the current folder.
        language: the language of all rows.
        languages: the names that replace {language}; rows have that of their file.
        text_column: column of the word.
        tag_column: column of the tag.
        language_column: column of the language, the same for all words of a sentence.
        tags: rows have tags. None: those of a file with a column for them have.
        scheme: "iob2", "iob1" or "bioes"; rows have IOB2 in any case.
        repair: a tag that breaks the scheme is mended in place of an error.
    """

    files: str | tuple[str, ...]
    folder: str | None = None
    language: str | None = None
    languages: tuple[str, ...] = ()
    text_column: int = 0
    tag_column: int = -1
    language_column: int | None = None
    tags: bool | None = None
    scheme: str = "iob2"
    repair: bool = False

    def rows(self) -> Iterator[TaggedWords]:
        """Gives one row for every sentence.

        Raises:
            InputError: another number of columns than in the file's first line, a
                column that is not there, a word that is empty or holds white space, a
                tag that breaks the scheme, two languages in a sentence, a sentence of
                more than 65,536 words, or not UTF-8.
        """
        for language, path in self._files():
            yield from self._sentences(path, language)

    def documents(self) -> Iterator[list[str]]:
        """Gives the text of each sentence."""
        for row in dataclasses.replace(self, tags=False).rows():
            if (text := " ".join(row.words)).strip():
                yield [text]

    def _sentences(self, path: Path, language: str | None) -> Iterator[TaggedWords]:
        lines: list[list[str]] = []
        width = 0
        for number, line in read_lines(path, whole=True):
            columns = line.split("\t") if "\t" in line else split_words(line)
            if (
                not columns
                or columns[0] == _DOCUMENT_START
                or not (columns[0].strip(_BLANK) or line.strip(_BLANK))
            ):
                if lines:
                    yield self._row(lines, path, number - len(lines), language)
                    lines = []
                continue
            width = width or len(columns)
            if len(columns) != width:
                raise InputError(
                    f"all lines of a file have as many columns as its first one, "
                    f"{width}; received {len(columns)}: {path}:{number}"
                )
            lines.append(columns)
            if len(lines) > MAX_WORDS:
                raise InputError(
                    f"a sentence has at most {MAX_WORDS} words, and a blank line after "
                    f"it; received a longer one: {path}:{number}"
                )
        if lines:
            # The last line may be without a line end.
            yield self._row(lines, path, number + 1 - len(lines), language)

    def _row(
        self, lines: list[list[str]], path: Path, first: int, language: str | None
    ) -> TaggedWords:
        """The row of a sentence that begins in line `first`."""
        columns = list(zip(*lines, strict=True))
        where = f"{path}:{first}"
        words = _column(columns, self.text_column, "text_column", where)
        if not all(words) or len(split_words(" ".join(words))) != len(words):
            index = next(
                i for i, word in enumerate(words) if split_words(word) != [word]
            )
            raise InputError(
                "a word must not be empty or hold white space; received "
                f"{words[index]!r}: {path}:{first + index}"
            )
        if self.language_column is not None:
            named = _column(columns, self.language_column, "language_column", where)
            if len(set(named)) > 1:
                raise InputError(
                    "all words of a sentence have one language; received "
                    f"{', '.join(sorted(set(named)))}: {where}"
                )
            language = named[0]
        tags: Sequence[str] = ()
        if self._has_tags(len(columns), where):
            tags = _column(columns, self.tag_column, "tag_column", where)
        try:
            converted = to_iob2(tags, SCHEMES[self.scheme], repair=self.repair)
        except BrokenTagsError as error:
            raise InputError(
                f"tags must be of the scheme {self.scheme} (or repaired, by repair = "
                f"True): {error}: {path}:{first + error.index}"
            ) from error
        return TaggedWords(words=words, tags=converted, language=language, where=where)

    def _has_tags(self, width: int, where: str) -> bool:
        if self.tags is False:
            return False
        index = self.tag_column % width
        others = [self.text_column, self.language_column]
        there = -width <= self.tag_column < width and index not in [
            each % width for each in others if each is not None
        ]
        if self.tags and not there:
            raise InputError(
                f"every word needs a tag, in column {self.tag_column}; received "
                f"{width} columns: {where}"
            )
        return there

    def _files(self) -> list[tuple[str | None, Path]]:
        """The files in order, each with the language of its rows."""
        found: list[tuple[str | None, Path]] = []
        for name in (self.files,) if isinstance(self.files, str) else self.files:
            if _LANGUAGE not in name:
                paths = expand(name, self.folder)
                found += [(self.language, path) for path in paths]
                continue
            if not self.languages:
                raise InputError(
                    f"a name with {_LANGUAGE} needs languages, received none: {name}"
                )
            for language in self.languages:
                paths = expand(name.replace(_LANGUAGE, language), self.folder)
                found += [(language, path) for path in paths]
        if not found:
            raise InputError("a source needs at least one file, received none")
        return found

    def fingerprint(self) -> str:
        """Returns the hash of the files' contents and of every setting."""
        files = self._files()
        return digest(
            "Conll",
            hash_files([path for _, path in files]),
            [language for language, _ in files],
            [self.text_column, self.tag_column, self.language_column],
            [self.tags, self.scheme, self.repair],
        )

    def check(self) -> None:
        """Reads the first sentence of each file.

        Raises:
            InputError: missing files, an unknown scheme, more than one way to know a
                row's language, or what `rows` raises.
        """
        if self.scheme not in SCHEMES:
            raise InputError(
                f"scheme must be one of {', '.join(SCHEMES)}; received {self.scheme!r}"
            )
        by_file = _LANGUAGE in "".join(self.files)
        ways = (self.language, self.language_column, by_file or None)
        if sum(way is not None for way in ways) > 1:
            raise InputError(
                "the language of rows comes from language, from language_column or "
                f"from {_LANGUAGE} in files, one of them; received language = "
                f"{self.language!r}, language_column = {self.language_column} and "
                f"files = {self.files!r}"
            )
        for language, path in self._files():
            next(self._sentences(path, language), None)

    def survey(self, read: Read, seconds: float) -> Survey:
        """Extrapolates by the bytes of the files that were read."""
        with Meter([path for _, path in self._files()]) as meter:
            return counted(read(self), meter.share, seconds)


def _column(
    columns: Sequence[tuple[str, ...]], index: int, name: str, where: str
) -> tuple[str, ...]:
    if not -len(columns) <= index < len(columns):
        raise InputError(f"{name} is {index}; received {len(columns)} columns: {where}")
    return columns[index]
