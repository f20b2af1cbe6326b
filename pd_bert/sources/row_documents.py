"""Rows joined into documents, so that a transfer set can be pre-trained on."""

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from pd_bert.data.source import Row, Source, digest
from pd_bert.data.survey import Read, Survey
from pd_bert.errors import InputError
from pd_bert.sources.held import remade


@dataclass(frozen=True, kw_only=True)
class RowDocuments(Source):
    """Every `size` rows of a source, with all their texts, as one document.

    Rows are short and need not belong together, so the windows that are cut of them
    are for a masked LM without next-sentence prediction.
    """

    source: Source
    size: int = 64

    def rows(self) -> Iterator[Row]:
        """Gives the source's rows."""
        return self.source.rows()

    def documents(self) -> Iterator[list[str]]:
        """Gives the texts of `size` rows at a time."""
        rows = self.source.rows()
        while taken := list(itertools.islice(rows, self.size)):
            texts = (text for row in taken for text in row.texts.values())
            if segments := [text for text in texts if text.strip()]:
                yield segments

    def fingerprint(self) -> str:
        """Returns the hash of the source's fingerprint and the size."""
        return digest("RowDocuments", self.source.fingerprint(), self.size)

    def check(self) -> None:
        """Raises InputError for a size below 1, or what the source raises."""
        if self.size < 1:
            raise InputError(
                f"RowDocuments.size must be at least 1, received {self.size}"
            )
        self.source.check()

    def survey(self, read: Read, seconds: float) -> Survey:
        """Joins the rows of the source's survey."""
        return remade(
            self.source,
            lambda held: dataclasses.replace(self, source=held),
            read,
            seconds,
        )
