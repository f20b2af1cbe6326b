"""Format: an artifact, as stages write it."""

import datetime
import hashlib
import importlib.metadata
import pathlib
import zipfile
from typing import Any

import numpy as np

import pd_bert
from pd_bert.artifact import Artifact, ancestors, save_model, vocabulary_info
from pd_bert.errors import InputError
from pd_bert.formats.base import Format, LoadedModel
from pd_bert.models.encoder import Architecture
from pd_bert.models.model import Model, saved_network
from pd_bert.system.atomic import write_json
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.values import digest

_MODEL_KEYS = (
    "labels",
    "inputs",
    "task",
    "sequence_length",
    "metrics",
    "primary_metric",
)
_VERSIONS = ("tensorflow", "keras", "keras-nlp", "numpy")


class ArtifactFolder(Format):
    """The format of artifacts: artifact.json beside a model and its vocabulary.

    For an artifact in a working directory, `info["ancestors"]` holds the descriptions
    of all artifacts that it was made from, by folder name.
    """

    name = "artifact"
    holds = "artifact.json and model.json (pd_bert)"

    def recognizes(self, folder: pathlib.Path) -> bool:
        return all((folder / n).is_file() for n in ("artifact.json", "model.json"))

    def vocabulary(
        self, folder: pathlib.Path, lowercase: bool | None = None
    ) -> Vocabulary:
        vocabulary = Artifact(folder).vocabulary()
        if lowercase not in (None, vocabulary.lowercase):
            raise InputError(
                f"an artifact records whether texts are lower-cased; {folder} has "
                f"{vocabulary.lowercase}, received {lowercase}"
            )
        return vocabulary

    def architecture(self, folder: pathlib.Path) -> Architecture:
        return saved_network(folder).architecture

    def embedding_rows(self, folder: pathlib.Path) -> int:
        return saved_network(folder).vocabulary_size

    def labels(self, folder: pathlib.Path) -> tuple[str, ...]:
        return Artifact(folder).labels

    def read(self, folder: pathlib.Path, lowercase: bool | None = None) -> LoadedModel:
        self.check(folder, lowercase)
        artifact = Artifact(folder)
        try:
            model = Model.load(folder)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"not a readable model ({error}): {folder}") from error
        made_from = {path.name: each.info for path, each in ancestors(folder).items()}
        return LoadedModel(
            model=model,
            vocabulary=self.vocabulary(folder, lowercase),
            info={**artifact.info, "ancestors": made_from},
        )

    def write(self, checkpoint: LoadedModel, folder: pathlib.Path) -> tuple[str, ...]:
        write_parts(checkpoint, folder)
        weights = [
            hashlib.sha256(np.asarray(weight).tobytes()).hexdigest()
            for weight in checkpoint.model.weights
        ]
        dropped = ("ancestors", "fingerprint")
        kept = {k: v for k, v in checkpoint.info.items() if k not in dropped}
        described = model_info(checkpoint)
        versions = {name: importlib.metadata.version(name) for name in _VERSIONS}
        usual = {
            "kind": "convert",
            "fingerprint": digest([weights, described]),
            "settings": {},
            "lineage": {},
            "versions": {"pd_bert": pd_bert.__version__, **versions},
            "created": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
            "seconds": 0.0,
        }
        write_json(folder / "artifact.json", {**usual, **kept, **described})
        return ()


def write_parts(checkpoint: LoadedModel, folder: pathlib.Path) -> None:
    """Writes the model and the vocabulary: everything but artifact.json."""
    save_model(checkpoint.model, folder)
    checkpoint.vocabulary.write(folder / "vocab.txt")


def model_info(checkpoint: LoadedModel) -> dict[str, Any]:
    """Returns what artifact.json records of a model that was read."""
    info = checkpoint.info
    return {
        **vocabulary_info(checkpoint.vocabulary),
        "vocabulary_size": len(checkpoint.vocabulary),
        "labels": [],
        **{key: info[key] for key in _MODEL_KEYS if key in info},
        "parameters": checkpoint.model.parameters,
        "taken": list(checkpoint.taken),
        "missing": list(checkpoint.missing),
        "unused": list(checkpoint.unused),
    }
