"""The part of a source that a sample leaves."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from pd_bert.data.source import Row, Source, digest
from pd_bert.data.survey import Read, Survey
from pd_bert.sources.held import remade
from pd_bert.sources.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Remainder(Source):
    """The rows of a sample's source whose texts no drawn row has, in their own order.

    With the sample as labeled data it is the transfer data of a semi-supervised
    experiment. Memory holds the sample.
    """

    sample: Sample

    def rows(self) -> Iterator[Row]:
        """Gives the rows that are left."""
        drawn = {_key(row) for row in self.sample.rows()}
        for row in self.sample.source.rows():
            if _key(row) not in drawn:
                yield row

    def fingerprint(self) -> str:
        """Returns the hash of the sample's fingerprint."""
        return digest("Remainder", self.sample.fingerprint())

    def check(self) -> None:
        """Checks the sample."""
        self.sample.check()

    def survey(self, read: Read, seconds: float) -> Survey:
        """Reads the survey of the sample's source, less what is drawn."""
        inner = self.sample.source.survey(read, seconds)
        if inner.whole:
            return remade(self.sample.source, self._over, read, seconds)
        drawn = self.sample.survey(read, seconds).count
        return dataclasses.replace(
            inner,
            count=max(1, inner.count - drawn),
            exact=False,
            seconds=2 * inner.seconds,
        )

    def _over(self, source: Source) -> "Remainder":
        sample = dataclasses.replace(self.sample, source=source)
        return dataclasses.replace(self, sample=sample)


def _key(row: Row) -> bytes:
    texts = json.dumps(row.texts).encode()
    return hashlib.blake2b(texts, digest_size=16).digest()
