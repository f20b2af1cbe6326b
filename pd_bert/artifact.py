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


def made_of(directory: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folder of each artifact that the one in `directory` read, by field.

    A reused artifact is a link into another working directory, and what it read lies
    there. An artifact that is gone read nothing.
    """
    path = directory / "artifact.json"
    lineage = (read_json(path).get("lineage") or {}) if path.is_file() else {}
    found = {}
    for field, read in lineage.items():
        name = pathlib.Path(read["artifact"]).name
        beside = directory.parent / name
        found[field] = beside if beside.exists() else directory.resolve().parent / name
    return found


def ancestors(directory: pathlib.Path) -> dict[pathlib.Path, Artifact]:
    """Returns what the artifact in `directory` was made from, by folder, nearest first.

    Artifacts that are gone are left out.
    """
    found: dict[pathlib.Path, Artifact] = {}
    todo = [directory.resolve()]
    while todo:
        for folder in (each.resolve() for each in made_of(todo.pop(0)).values()):
            if folder not in found and (folder / "artifact.json").is_file():
                found[folder] = Artifact(folder)
                todo.append(folder)
    return found


def save_model(model: Model, directory: pathlib.Path) -> None:
    """Writes a model into an artifact's folder; OSError where there is no room."""
    # HDF5, in which Keras writes weights, crashes the process when a disk is full.
    require_space(directory, 4 * model.parameters + (1 << 20))
    model.save(directory)


def vocabulary_info(vocabulary: Vocabulary) -> dict[str, Any]:
    """Returns the entries of an artifact with this vocabulary."""
    return {"vocabulary": vocabulary.fingerprint, "lowercase": vocabulary.lowercase}
