"""Format: a folder of BERT as keras-nlp saves it."""

import dataclasses
import pathlib
from typing import Any

import keras
import keras_nlp
import numpy as np
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.formats.base import Format, LoadedModel, require_rows
from pd_bert.formats.bert_config import positive
from pd_bert.formats.bert_tensors import known_heads
from pd_bert.formats.huggingface import require_bert
from pd_bert.formats.notes import info_of, notes
from pd_bert.models.bert import Bert
from pd_bert.models.heads import Head, PooledHead
from pd_bert.models.model import Model
from pd_bert.system.atomic import read_json, require_space, write_json
from pd_bert.text.vocabulary import Vocabulary

_CONFIG, _TASK, _NOTES = "config.json", "task.json", "pd_bert.json"
_VOCABULARIES = ("assets/tokenizer/vocabulary.txt", "vocab.txt")
_KERAS_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError)


class KerasPreset(Format):
    """The format of presets of keras_nlp.models.BertBackbone and BertTextClassifier.

    keras-nlp's masked-LM head computes another function (its LayerNorm adds 1e-5), so
    that head is neither read nor written; it has no head for next sentences.
    """

    name = "keras"
    holds = f"{_CONFIG} with class_name and model.weights.h5 (keras-nlp)"

    def recognizes(self, folder: pathlib.Path) -> bool:
        path = folder / _CONFIG
        config = read_json(path) if path.is_file() else {}
        return isinstance(config, dict) and "class_name" in config

    def vocabulary(
        self, folder: pathlib.Path, lowercase: bool | None = None
    ) -> Vocabulary:
        if lowercase is None:
            lowercase = bool(_config(folder / "tokenizer.json").get("lowercase", True))
        for name in _VOCABULARIES:
            if (folder / name).is_file():
                return Vocabulary.read(folder / name, lowercase=lowercase)
        raise InputError(
            "an encoder's folder must contain its vocabulary, "
            f"{' or '.join(_VOCABULARIES)}; "
            f"{folder} does not"
        )

    def architecture(self, folder: pathlib.Path) -> Bert:
        path = folder / _CONFIG
        found = read_json(path)["class_name"]
        if found != "BertBackbone":
            raise InputError(
                f"a preset's encoder must be BertBackbone; received {found}: {path}"
            )
        config = _config(path)
        if config.get("num_segments", 2) != 2:
            raise InputError(
                f"num_segments must be 2; received {config['num_segments']}: {path}"
            )
        layers = positive(config, "num_layers", path)
        hidden = positive(config, "hidden_dim", path)
        return Bert(
            name=f"L{layers}-H{hidden}",
            num_layers=layers,
            hidden_dim=hidden,
            num_heads=positive(config, "num_heads", path),
            intermediate_dim=positive(config, "intermediate_dim", path),
            # A preset has 0 if its model was built without dropout before it was saved.
            dropout=config.get("dropout") or 0.1,
            max_sequence_length=positive(config, "max_sequence_length", path),
        )

    def embedding_rows(self, folder: pathlib.Path) -> int:
        path = folder / _CONFIG
        return positive(_config(path), "vocabulary_size", path)

    def labels(self, folder: pathlib.Path) -> tuple[str, ...]:
        path = folder / _TASK
        if not _is_classifier(path):
            return ()
        count = positive(_config(path), "num_classes", path)
        named = _notes(folder).get("labels")
        if isinstance(named, list) and len(named) == count:
            return tuple(map(str, named))
        return ("score",) if count == 1 else tuple(map(str, range(count)))

    def read(self, folder: pathlib.Path, lowercase: bool | None = None) -> LoadedModel:
        bert, labels = self.architecture(folder), self.labels(folder)
        vocabulary = self.vocabulary(folder, lowercase)
        require_rows(self.embedding_rows(folder), vocabulary, folder)
        heads: dict[str, Head] = {}
        kind = keras_nlp.models.BertBackbone
        if labels:
            heads["label"] = PooledHead(num_outputs=len(labels))
            kind = keras_nlp.models.BertTextClassifier
        try:
            loaded = kind.from_preset(str(folder), dtype="float32")
        except _KERAS_ERRORS as error:
            raise InputError(f"not a readable preset ({error}): {folder}") from error
        model = Model(bert, heads, len(vocabulary), dropout=0.0)
        backbone = loaded.backbone if labels else loaded
        model.encoder.backbone.set_weights(backbone.get_weights())  # type: ignore[attr-defined]
        if labels:
            model.head_layers["label"][-1].set_weights(
                loaded.output_dense.get_weights()
            )
        info = info_of(
            _notes(folder),
            labels,
            name=folder.resolve().name,
            sequence_length=bert.max_sequence_length,
            regression=len(labels) == 1,
        )
        other = (folder / _TASK).is_file() and not labels
        unused = (read_json(folder / _TASK)["class_name"],) if other else ()
        return LoadedModel(model=model, vocabulary=vocabulary, info=info, unused=unused)

    def write(self, checkpoint: LoadedModel, folder: pathlib.Path) -> tuple[str, ...]:
        model, info = checkpoint.model, checkpoint.info
        bert = require_bert(model, "a preset of BertBackbone")
        lines = []
        # With the dropout of the architecture, which a model for serving lacks.
        built = dataclasses.replace(bert, exact_gelu=False).build(
            len(checkpoint.vocabulary)
        )
        built.backbone.set_weights(model.encoder.backbone.get_weights())  # type: ignore[attr-defined]
        if bert.exact_gelu:
            lines.append(
                "keras-nlp has the tanh approximation of GELU, the model the exact "
                "one: on random tokens hidden states differ by up to "
                f"{_difference(model, built):.1e}"
            )
        tokenizer = keras_nlp.models.BertTokenizer(
            vocabulary=list(checkpoint.vocabulary.tokens),
            lowercase=checkpoint.vocabulary.lowercase,
        )
        require_space(folder, 4 * model.parameters + (1 << 20))
        written = known_heads(model.head_values).keys() & {"label"}
        if written:
            _classifier(checkpoint, built.backbone, tokenizer).save_to_preset(
                str(folder)
            )
        else:
            built.backbone.save_to_preset(str(folder))
            tokenizer.save_to_preset(str(folder))
        labels = info.get("labels", ()) if written else ()
        write_json(folder / _NOTES, {**notes(info), "labels": list(labels)})
        if left := sorted(model.head_layers.keys() - written):
            lines.append(f"keras-nlp has no equal head for {', '.join(left)}: left out")
        return tuple(lines)


def _classifier(
    checkpoint: LoadedModel, backbone: keras.Model, tokenizer: keras.layers.Layer
) -> keras.Model:
    """Returns a BertTextClassifier of texts with the model's weights."""
    preprocessor = keras_nlp.models.BertTextClassifierPreprocessor(
        tokenizer=tokenizer, sequence_length=checkpoint.info["sequence_length"]
    )
    classifier = keras_nlp.models.BertTextClassifier(
        backbone=backbone,
        num_classes=len(checkpoint.info["labels"]),
        preprocessor=preprocessor,
        dropout=backbone.dropout,
    )
    dense = checkpoint.model.head_layers["label"][-1]
    classifier.output_dense.set_weights(dense.get_weights())
    return classifier


def _difference(model: Model, other: Any) -> float:
    """Returns the largest difference of the last hidden states on random tokens."""
    length = min(64, model.architecture.max_sequence_length)  # type: ignore[attr-defined]
    draw = np.random.default_rng(0)
    ids = draw.integers(0, model.encoder.vocabulary_size, (4, length))
    inputs = {
        "token_ids": tf.constant(ids, tf.int32),
        "segment_ids": tf.zeros_like(ids, tf.int32),
        "padding_mask": tf.ones_like(ids, tf.int32),
    }
    difference = model.encoder(inputs).sequence - other(inputs).sequence
    return float(tf.reduce_max(tf.abs(difference)))


def _is_classifier(path: pathlib.Path) -> bool:
    return path.is_file() and read_json(path).get("class_name") == "BertTextClassifier"


def _config(path: pathlib.Path) -> dict[str, Any]:
    """Returns the `config` of a file that Keras wrote; {} where there is none."""
    data = read_json(path) if path.is_file() else {}
    config = data.get("config") if isinstance(data, dict) else None
    return config if isinstance(config, dict) else {}


def _notes(folder: pathlib.Path) -> dict[str, Any]:
    path = folder / _NOTES
    data = read_json(path) if path.is_file() else {}
    return data if isinstance(data, dict) else {}
