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
    """A model as it was read.

    `info` is what the source says of it beyond the weights: `name`, and where it knows
    them `labels`, `inputs`, `task`, `sequence_length`, `metrics`, `lineage` … as in an
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
        """What was taken and what was not, in a line."""
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
    """One kind of folder. It has no state; a new kind is one subclass."""

    name: ClassVar[str]
    holds: ClassVar[str]
    """What tells such a folder, for messages."""

    @abc.abstractmethod
    def recognises(self, folder: pathlib.Path) -> bool:
        """Whether the folder is of this kind, by its file names and configuration."""

    @abc.abstractmethod
    def vocabulary(
        self, folder: pathlib.Path, lowercase: bool | None = None
    ) -> Vocabulary:
        """Its word pieces; `lowercase` None means as the folder says."""

    @abc.abstractmethod
    def architecture(self, folder: pathlib.Path) -> Architecture:
        """The encoder's shape, without reading weights."""

    @abc.abstractmethod
    def embedding_rows(self, folder: pathlib.Path) -> int:
        """How many tokens it has embeddings for, without reading weights."""

    def labels(self, folder: pathlib.Path) -> tuple[str, ...]:
        """The labels of its classifier, in the order of the logits; () without one."""
        return ()

    @abc.abstractmethod
    def read(self, folder: pathlib.Path, lowercase: bool | None = None) -> LoadedModel:
        """Reads it all; InputError for what is broken or does not fit together."""

    def write(self, checkpoint: LoadedModel, folder: pathlib.Path) -> tuple[str, ...]:
        """Writes into `folder`, which exists and is empty.

        Returns a line for each thing that the format cannot hold.
        """
        raise InputError(f"a {self.name} checkpoint can be read, not written")

    def check(self, folder: pathlib.Path, lowercase: bool | None = None) -> None:
        """Raises InputError for what can be known without reading weights."""
        self.architecture(folder)
        require_rows(
            self.embedding_rows(folder), self.vocabulary(folder, lowercase), folder
        )


def require_rows(rows: int, vocabulary: Vocabulary, folder: pathlib.Path) -> None:
    """Raises InputError unless every token has an embedding, and every one a token."""
    if rows != len(vocabulary):
        raise InputError(
            f"an encoder and its vocabulary must have one size; {folder} holds "
            f"{rows} embeddings and {len(vocabulary)} tokens"
        )
