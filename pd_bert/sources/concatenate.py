"""Several sources as one."""

from collections.abc import Iterator
from dataclasses import dataclass

from pd_bert.data.source import Row, Source, digest
from pd_bert.data.survey import Read, Survey, joined
from pd_bert.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Concatenate(Source):
    """The rows, or documents, of several sources one after another."""

    sources: tuple[Source, ...]

    def rows(self) -> Iterator[Row]:
        for source in self.sources:
            yield from source.rows()

    def documents(self) -> Iterator[list[str]]:
        for source in self.sources:
            yield from source.documents()

    def fingerprint(self) -> str:
        return digest("Concatenate", [each.fingerprint() for each in self.sources])

    def check(self) -> None:
        """Raises InputError for no sources, or what one of them raises."""
        if not self.sources:
            raise InputError("Concatenate needs at least one source, received none")
        for source in self.sources:
            source.check()

    def survey(self, read: Read, seconds: float) -> Survey:
        """Joins the surveys of the sources, each with its part of the time."""
        each = seconds / max(1, len(self.sources))
        return joined([source.survey(read, each) for source in self.sources])
