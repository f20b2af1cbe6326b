"""The description of a stage's artifact, before it is made and after."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import TypeVar

from pd_bert.artifact import Artifact
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.models.model import saved_network
from pd_bert.models.network import Network
from pd_bert.values import from_json

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Outline:
    """A description of an artifact. None means not known yet.

    `vocabulary` is its fingerprint; `vocabulary_file` holds it or, in a dry run, one
    that was trained on a sample. `labels` are in the order of the logits, () without
    any. `inputs` names the texts of a row. `network` is the shape of the model and
    `teacher` that of the model whose outputs the records hold; with `every_head` they
    have all heads that the model will have. `splits` are the data
    sets by the name of their folder, "" for one without splits; `predicted` is the
    number of rows of each split that was predicted.
    """

    vocabulary: str | None = None
    vocabulary_size: int | None = None
    vocabulary_file: pathlib.Path | None = None
    lowercase: bool | None = None
    labels: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    sequence_length: int | None = None
    network: Network | None = None
    teacher: Network | None = None
    every_head: bool = True
    splits: Mapping[str, ExpectedRecords] | None = None
    predicted: Mapping[str, int] | None = None

    @classmethod
    def of(cls, artifact: Artifact) -> "Outline":
        """Reads the outline of a finished stage."""
        directory, info = artifact.directory, artifact.info
        file = directory / "vocab.txt"
        has_model = (directory / "model.json").is_file()
        teacher = info.get("teacher_network")
        folders = sorted(
            path.parent
            for pattern in ("manifest.json", "*/manifest.json")
            for path in directory.glob(pattern)
        )
        splits = {
            "" if folder == directory else folder.name: ExpectedRecords.of(
                Records(folder)
            )
            for folder in folders
        }
        return cls(
            vocabulary=info.get("vocabulary"),
            vocabulary_size=info.get("vocabulary_size"),
            vocabulary_file=file if file.is_file() else None,
            lowercase=info.get("lowercase"),
            labels=artifact.labels,
            inputs=tuple(info["inputs"]) if "inputs" in info else None,
            sequence_length=info.get("sequence_length"),
            network=saved_network(directory) if has_model else None,
            teacher=from_json(teacher, Network, where=str(directory))
            if teacher
            else None,
            splits=splits or None,
            predicted=info.get("predicted"),
        )

    def require_network(self) -> Network:
        """Returns the network; raises NotKnownError if it is not known."""
        return require_known(self.network, "the network")

    def require_records(self, split: str = "") -> ExpectedRecords:
        """Returns a data set; raises NotKnownError if it is not known."""
        return require_known(self.splits, "the data sets")[split]


Outlines = Mapping[str, Outline]
"""The outlines of the stages that a stage reads, by field name."""


class NotKnownError(Exception):
    """A cost depends on something that an input's outline does not contain."""


def require_known(value: T | None, what: str) -> T:
    """Returns the value; raises NotKnownError for None."""
    if value is None:
        raise NotKnownError(f"{what} is not known yet")
    return value
