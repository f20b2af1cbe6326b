"""Format: a checkpoint of BERT's reference code, https://github.com/google-research/bert."""

import dataclasses
import pathlib
import re

import numpy as np
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.formats.base import Format, LoadedModel, require_rows
from pd_bert.formats.bert_config import bert_of, positive
from pd_bert.formats.bert_tensors import Shapes
from pd_bert.formats.notes import info_of
from pd_bert.formats.tensor_file import TensorFile
from pd_bert.models.bert import Bert
from pd_bert.system.atomic import read_json
from pd_bert.text.vocabulary import Vocabulary, is_cased

_CONFIG, _TOKENS, _USUAL = "bert_config.json", "vocab.txt", "bert_model.ckpt"
# Variables that optimizers keep beside a weight, and the number of the step.
_SLOT = re.compile(r"(^|/)(adam_[mv]|AdamWeightDecayOptimizer.*|global_step)(_\d+)?$")
_CLASSIFIER = "output_bias"
# The reader is C++, whose errors come as several classes: IndexError for a cut file.
_READER_ERRORS = (tf.errors.OpError, ValueError, RuntimeError, IndexError)


class TF1Bert(Format):
    """The format of TensorFlow 1: bert_config.json, vocab.txt and a checkpoint.

    It is read, never written. Its `gelu` is the tanh approximation. Only the letters of
    the vocabulary show whether texts are lower-cased.
    """

    name = "tf1"
    holds = f"{_CONFIG} and *.ckpt*.index (TensorFlow 1 BERT)"

    def recognizes(self, folder: pathlib.Path) -> bool:
        return (folder / _CONFIG).is_file()

    def vocabulary(
        self, folder: pathlib.Path, lowercase: bool | None = None
    ) -> Vocabulary:
        read = Vocabulary.read(folder / _TOKENS, lowercase=bool(lowercase))
        if lowercase is not None:
            return read
        return dataclasses.replace(read, lowercase=not is_cased(read.tokens))

    def architecture(self, folder: pathlib.Path) -> Bert:
        path = folder / _CONFIG
        config = read_json(path)
        if not isinstance(config, dict):
            raise InputError(f"a configuration must be a JSON object: {path}")
        return bert_of(config, path, activations={"gelu": False})

    def embedding_rows(self, folder: pathlib.Path) -> int:
        path = folder / _CONFIG
        return positive(read_json(path), "vocab_size", path)

    def labels(self, folder: pathlib.Path) -> tuple[str, ...]:
        return _labels(_open(folder).shapes)

    def check(self, folder: pathlib.Path, lowercase: bool | None = None) -> None:
        super().check(folder, lowercase)
        file = _open(folder)
        heads = file.heads(len(_labels(file.shapes)))
        file.check(self.architecture(folder), self.embedding_rows(folder), heads)

    def read(self, folder: pathlib.Path, lowercase: bool | None = None) -> LoadedModel:
        bert = self.architecture(folder)
        vocabulary = self.vocabulary(folder, lowercase)
        require_rows(self.embedding_rows(folder), vocabulary, folder)
        file = _open(folder)
        labels = _labels(file.shapes)
        info = info_of(
            {},
            labels,
            name=folder.resolve().name,
            sequence_length=bert.max_sequence_length,
            regression=len(labels) == 1,
        )
        return file.checkpoint(bert, file.heads(len(labels)), vocabulary, info)


def _labels(shapes: Shapes) -> tuple[str, ...]:
    """Returns the numbers of the logits: run_classifier.py stores no names."""
    count = shapes.get(_CLASSIFIER, (0,))[0]
    return ("score",) if count == 1 else tuple(map(str, range(count)))


def _open(folder: pathlib.Path) -> TensorFile:
    prefix = _prefix(folder)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        stored = reader.get_variable_to_shape_map()
    except _READER_ERRORS as error:
        raise InputError(f"not a readable checkpoint ({error}): {prefix}") from error

    def read(name: str) -> np.ndarray:
        try:
            return reader.get_tensor(name)
        except _READER_ERRORS as error:
            raise InputError(f"{name} cannot be read ({error}): {prefix}") from error

    shapes = {n: tuple(s) for n, s in sorted(stored.items()) if not _SLOT.search(n)}
    return TensorFile(folder=folder, shapes=shapes, read=read)


def _prefix(folder: pathlib.Path) -> pathlib.Path:
    found = sorted(folder.glob("*.ckpt*.index"))
    usual = [path for path in found if path.stem == _USUAL]
    if len(usual or found) != 1:
        names = ", ".join(path.stem for path in found) or "none"
        raise InputError(
            f"a folder must contain one *.ckpt checkpoint; {folder} has {names}"
        )
    return (usual or found)[0].with_suffix("")
