"""Plain text files, read line by line."""

from collections.abc import Iterator
from dataclasses import dataclass

from pd_bert.data.files import Meter, expand, hash_files, read_lines
from pd_bert.data.source import Source, TextRow, digest
from pd_bert.data.survey import Read, Survey, counted
from pd_bert.text import markup
from pd_bert.text.sentence_splitting import split_segments
from pd_bert.text.sentence_splitting import split_sentences as sentences_of

# Characters; small against a shard, which must hold several documents for
# next-sentence pairs.
MAX_DOCUMENT_SIZE = 1 << 19


@dataclass(frozen=True, kw_only=True)
class TextLines(Source):
    """Lines of UTF-8 text, plain or gzip, in memory bounded whatever the input.

    As documents: a paragraph or sentence a line and a blank line between documents,
    or with `document_per_line` each line a document. A line above 1 MB is cut at
    white space into several; a document above half a million characters at a
    segment's end into several.

    Args:
        files: names or glob patterns; `~` and `$VARIABLE` are expanded.
        document_per_line: each line is a document.
        split_sentences: a row, or a segment of a document, is a sentence.
        strip_markup: removes HTML tags and resolves entities.
        keep_blank: a blank line is a row too, with an empty text, and a line of over
            1 MB is an error: a row for every line. For rows only.
    """

    files: str | tuple[str, ...]
    document_per_line: bool = False
    split_sentences: bool = False
    strip_markup: bool = False
    keep_blank: bool = False

    def rows(self) -> Iterator[TextRow]:
        """Gives a row for every non-blank line (or sentence); labels are None."""
        for path in expand(self.files):
            for number, line in read_lines(path, whole=self.keep_blank):
                if self.strip_markup:
                    line = " ".join(markup.strip_markup(line).split())
                texts = sentences_of(line) if self.split_sentences else [line.strip()]
                for text in texts:
                    if text or self.keep_blank:
                        yield TextRow(text=text, where=f"{path}:{number}")

    def documents(self) -> Iterator[list[str]]:
        """Gives documents as lists of non-blank lines or sentences."""
        if self.document_per_line:
            yield from self._line_documents()
            return
        for path in expand(self.files):
            document: list[str] = []
            size = 0
            for _, line in read_lines(path):
                # Blank is judged before the markup goes: a line that was only a tag
                # does not end a document.
                line = line.strip()
                if not line:
                    if document:
                        yield document
                    document, size = [], 0
                    continue
                size += len(line) + 1
                if size > MAX_DOCUMENT_SIZE and document:
                    yield document
                    document, size = [], len(line) + 1
                if self.strip_markup or self.split_sentences:
                    document += self._segments(line)
                else:
                    document.append(line)
            if document:
                yield document

    def _line_documents(self) -> Iterator[list[str]]:
        split = sentences_of if self.split_sentences else split_segments
        for path in expand(self.files):
            for _, line in read_lines(path):
                text = markup.strip_markup(line) if self.strip_markup else line
                if segments := split(text):
                    yield segments

    def _segments(self, line: str) -> list[str]:
        if self.strip_markup:
            line = " ".join(markup.strip_markup(line).split())
        if self.split_sentences:
            return sentences_of(line)
        return [line] if line else []

    def fingerprint(self) -> str:
        """Returns the hash of the files' contents and the switches."""
        return digest(
            "TextLines",
            hash_files(expand(self.files)),
            self.document_per_line,
            self.split_sentences,
            self.strip_markup,
            *([True] if self.keep_blank else []),
        )

    def check(self) -> None:
        """Raises InputError for files that are missing or unreadable."""
        expand(self.files)

    def survey(self, read: Read, seconds: float) -> Survey:
        """Extrapolates by the bytes of the files that were read."""
        with Meter(expand(self.files)) as meter:
            return counted(read(self), meter.share, seconds)
