"""An artifact: a finished stage's directory, which says what it is."""

import pathlib
from typing import Any

from pd_bert.errors import InputError
from pd_bert.models.model import Model
from pd_bert.system.atomic import read_json, require_space
from pd_bert.text.vocabulary import Vocabulary


class Artifact:
    """A directory with `artifact.json`; reads what it says.

    Its keys are `kind`, `name`, `fingerprint`, `settings`, `lineage` (input → kind,
    fingerprint and folder), `versions`, `seconds`, `peak_memory_bytes` (of the
    process), `created`, and what the stage adds: `vocabulary` (fingerprint) and
    `lowercase`, `labels`, `metrics`, `parameters` …
    """

    def __init__(self, directory: pathlib.Path) -> None:
        path = directory / "artifact.json"
        if not path.is_file():
            raise InputError(
                f"an artifact's folder holds artifact.json; {directory} does not"
            )
        self.directory = directory
        self.info: dict[str, Any] = read_json(path)

    def __getitem__(self, key: str) -> Any:
        return self.info[key]

    def vocabulary(self) -> Vocabulary:
        """The vocabulary that lies in it; InputError if it is not the recorded one."""
        path = self.directory / "vocab.txt"
        vocabulary = Vocabulary.read(path, lowercase=self.info["lowercase"])
        if vocabulary.fingerprint != self.info["vocabulary"]:
            raise InputError(
                f"{path} must be the vocabulary that the artifact was made with, "
                f"{self.info['vocabulary'][:12]}; it is {vocabulary.fingerprint[:12]}"
            )
        return vocabulary

    @property
    def labels(self) -> tuple[str, ...]:
        """The label names in the order of the logits; () where there are none."""
        return tuple(self.info.get("labels", ()))


def save_model(model: Model, directory: pathlib.Path) -> None:
    """Writes a model into an artifact's folder; OSError where there is no room."""
    # HDF5, in which Keras writes weights, crashes the process when a disk is full.
    require_space(directory, 4 * model.parameters + (1 << 20))
    model.save(directory)


def vocabulary_info(vocabulary: Vocabulary) -> dict[str, Any]:
    """What an artifact with this vocabulary records of it."""
    return {"vocabulary": vocabulary.fingerprint, "lowercase": vocabulary.lowercase}
