"""The interface of every format of checkpoints."""

import abc
import dataclasses
import pathlib
from typing import Any, ClassVar

from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.model import Model
from pd_bert.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model that was read from a folder.

    `info` is what the folder records beyond the weights: `name`, and where they are
    known `labels`, `inputs`, `task`, `sequence_length`, `metrics`, `lineage` … as in an
    artifact. `unused` names the source's tensors that were not taken, `missing` the
    model's weights that the source lacks and that are random.
    """

    model: Model
    vocabulary: Vocabulary
    info: dict[str, Any]
    unused: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def taken(self) -> tuple[str, ...]:
        """The parts that were read: the encoder and the heads' names."""
        return ("encoder", *self.model.head_layers)

    def summary(self) -> str:
        """Returns one line about what was taken and what was not."""
        cased = "lower-cased" if self.vocabulary.lowercase else "cased"
        parts = [f"{cased} vocabulary", f"took {', '.join(self.taken)}"]
        if self.missing:
            parts.append(f"left random {', '.join(self.missing)}")
        if self.unused:
            shown = ", ".join(self.unused[:4])
            more = f" and {len(self.unused) - 4} more" if len(self.unused) > 4 else ""
            parts.append(f"did not take {shown}{more}")
        return "; ".join(parts)


class Format(abc.ABC):
    """A kind of folder, without state; a new kind is one subclass."""

    name: ClassVar[str]
    holds: ClassVar[str]
    """The files by which such a folder is recognized, for messages."""

    @abc.abstractmethod
    def recognizes(self, folder: pathlib.Path) -> bool:
        """Returns whether a folder is of this kind, by its files and configuration."""

    @abc.abstractmethod
    def vocabulary(
        self, folder: pathlib.Path, lowercase: bool | None = None
    ) -> Vocabulary:
        """Returns its word pieces; with `lowercase` None, the folder decides case."""

    @abc.abstractmethod
    def architecture(self, folder: pathlib.Path) -> Architecture:
        """Returns the encoder's shape, without reading weights."""

    @abc.abstractmethod
    def embedding_rows(self, folder: pathlib.Path) -> int:
        """Returns the number of its token embeddings, without reading weights."""

    def labels(self, folder: pathlib.Path) -> tuple[str, ...]:
        """Returns its labels in the order of the logits; () without a classifier."""
        return ()

    @abc.abstractmethod
    def read(self, folder: pathlib.Path, lowercase: bool | None = None) -> LoadedModel:
        """Reads a folder; raises InputError if it is broken or inconsistent."""

    def write(self, checkpoint: LoadedModel, folder: pathlib.Path) -> tuple[str, ...]:
        """Writes into `folder`, which exists and is empty.

        Returns one line for each part of the model that the format cannot hold.
        """
        raise InputError(f"a {self.name} checkpoint can be read, not written")

    def check(self, folder: pathlib.Path, lowercase: bool | None = None) -> None:
        """Raises InputError for faults that show without reading weights."""
        self.architecture(folder)
        require_rows(
            self.embedding_rows(folder), self.vocabulary(folder, lowercase), folder
        )


def require_rows(rows: int, vocabulary: Vocabulary, folder: pathlib.Path) -> None:
    """Raises InputError unless embeddings and tokens are equal in number."""
    if rows != len(vocabulary):
        raise InputError(
            f"an encoder and its vocabulary must have the same size; {folder} holds "
            f"{rows} embeddings and {len(vocabulary)} tokens"
        )
