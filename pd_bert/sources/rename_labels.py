"""A source with other names for its labels, and without the rows of some."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from pd_bert.data.source import Source, TextRow, digest, text_row
from pd_bert.errors import InputError


@dataclass(frozen=True, kw_only=True)
class RenameLabels(Source):
    """The rows of another source, their labels renamed or the rows left out.

    With names (("1", "bad"), ("5", "good")) and drop ("3",) rows of the labels 1, 3, 5
    become rows of bad and good; any other label is an error.

    Args:
        source: whose rows are taken.
        names: (label of the source, name) pairs; several labels may share a name.
        drop: labels of the source whose rows are left out.
    """

    source: Source
    names: tuple[tuple[str, str], ...]
    drop: tuple[str, ...] = ()

    def rows(self) -> Iterator[TextRow]:
        """Gives the rows that are not dropped.

        Raises:
            InputError: a label that is neither named nor dropped, or rows that are
                not of type TextRow.
        """
        names, drop = dict(self.names), frozenset(self.drop)
        for each in self.source.rows():
            row = text_row(each, "RenameLabels")
            if row.label in drop:
                continue
            if row.label is None or row.label not in names:
                raise InputError(
                    f"label must be one of {', '.join((*names, *self.drop))}; received "
                    f"{row.label!r}: {row.where}"
                )
            yield dataclasses.replace(row, label=names[row.label])

    def fingerprint(self) -> str:
        """Returns the hash of the source's fingerprint and the settings."""
        return digest(
            "RenameLabels", self.source.fingerprint(), self.names, sorted(self.drop)
        )

    def check(self) -> None:
        """Raises InputError for a label both named and dropped; checks the source."""
        if both := dict(self.names).keys() & set(self.drop):
            raise InputError(
                "a label is either named or dropped; RenameLabels does both with "
                f"{', '.join(sorted(both))}"
            )
        self.source.check()
