"""Texts cut into sentences."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from pd_bert.data.source import Source, TextRow, digest
from pd_bert.data.survey import Read, Survey
from pd_bert.sources.held import remade
from pd_bert.text import markup
from pd_bert.text.sentence_splitting import split_sentences


@dataclass(frozen=True, kw_only=True)
class Sentences(Source):
    """Each sentence of each row of another source, without its label.

    For transfer sets: the rows of reviews become sentences like those of SST-2.

    Args:
        source: whose rows are cut; only their first text is read.
        strip_markup: removes HTML tags and resolves entities first.
    """

    source: Source
    strip_markup: bool = False

    def rows(self) -> Iterator[TextRow]:
        """Gives one sentence at a time, with the place of its row."""
        for row in self.source.rows():
            text = next(iter(row.texts.values()))
            if self.strip_markup:
                text = " ".join(markup.strip_markup(text).split())
            for sentence in split_sentences(text):
                yield TextRow(text=sentence, where=row.where)

    def fingerprint(self) -> str:
        """Returns the hash of the source's fingerprint and the settings."""
        return digest("Sentences", self.source.fingerprint(), self.strip_markup)

    def check(self) -> None:
        """Checks the source."""
        self.source.check()

    def survey(self, read: Read, seconds: float) -> Survey:
        """Cuts the rows of the source's survey, and scales their number."""
        return remade(
            self.source,
            lambda held: dataclasses.replace(self, source=held),
            read,
            seconds,
        )
