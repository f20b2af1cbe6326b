"""Format: a folder of BERT as Hugging Face's transformers saves it."""

import pathlib
from typing import Any

from pd_bert.errors import InputError
from pd_bert.formats.base import Format, LoadedModel, require_rows
from pd_bert.formats.bert_config import bert_of, config_of, positive
from pd_bert.formats.bert_tensors import known_heads, shapes
from pd_bert.formats.huggingface_tensors import (
    WEIGHTS,
    open_tensors,
    require_tied,
    write_tensors,
)
from pd_bert.formats.huggingface_tokenizer import config_of as tokenizer_config
from pd_bert.formats.huggingface_tokenizer import read_vocabulary, write_tokenizer
from pd_bert.formats.model_card import model_card
from pd_bert.formats.notes import info_of, notes
from pd_bert.formats.tensor_file import stored
from pd_bert.models.bert import Bert
from pd_bert.models.model import Model
from pd_bert.system.atomic import read_json, write_json
from pd_bert.text.vocabulary import Vocabulary

_CONFIG = "config.json"
_NOTES = "pd_bert"
_EXACT = {
    "gelu": True,
    "gelu_python": True,
    "gelu_new": False,
    "gelu_pytorch_tanh": False,
    "gelu_fast": False,
}
_CLASSIFIER = "BertForSequenceClassification"
_CLASSES = {
    frozenset[str](): "BertModel",
    frozenset({"masked_lm"}): "BertForMaskedLM",
    frozenset({"next_sentence"}): "BertForNextSentencePrediction",
    frozenset({"masked_lm", "next_sentence"}): "BertForPreTraining",
    frozenset({"label"}): _CLASSIFIER,
}


class HuggingFace(Format):
    """The format of transformers: config.json, model.safetensors and tokenizer files.

    It reads the encoder, and the heads of BertForMaskedLM, BertForPreTraining and
    BertForSequenceClassification; of other classes the encoder alone. Settings that
    only pd_bert has, such as the task, are kept in config.json's `pd_bert`.
    """

    name = "huggingface"
    holds = f"{_CONFIG} with model_type and {WEIGHTS} (Hugging Face)"

    def recognizes(self, folder: pathlib.Path) -> bool:
        path = folder / _CONFIG
        config = read_json(path) if path.is_file() else {}
        # The first releases wrote no model_type.
        keys = {"model_type", "hidden_size"}
        return isinstance(config, dict) and not keys.isdisjoint(config)

    def vocabulary(
        self, folder: pathlib.Path, lowercase: bool | None = None
    ) -> Vocabulary:
        return read_vocabulary(folder, lowercase)

    def architecture(self, folder: pathlib.Path) -> Bert:
        path = folder / _CONFIG
        config = read_json(path)
        if config.get("model_type", "bert") != "bert":
            raise InputError(
                "a model's architecture must be bert; received "
                f"{config['model_type']!r} as model_type: {path}"
            )
        return bert_of(config, path, activations=_EXACT)

    def embedding_rows(self, folder: pathlib.Path) -> int:
        path = folder / _CONFIG
        return positive(read_json(path), "vocab_size", path)

    def labels(self, folder: pathlib.Path) -> tuple[str, ...]:
        path = folder / _CONFIG
        config = read_json(path)
        if _CLASSIFIER not in (config.get("architectures") or ()):
            return ()
        if config.get("problem_type") == "multi_label_classification":
            raise InputError(
                "a classifier must give one label per text; received problem_type "
                f"{config['problem_type']!r}: {path}"
            )
        named = config.get("id2label")
        if named is None:
            # The default of transformers, which it does not write.
            count = positive({"num_labels": 2, **config}, "num_labels", path)
            named = {index: f"LABEL_{index}" for index in range(count)}
        try:
            labels = {int(index): str(label) for index, label in named.items()}
        except (AttributeError, ValueError):
            labels = {}
        if not labels or sorted(labels) != list(range(len(labels))):
            raise InputError(
                f"id2label must name the labels 0, 1, …; received {named}: {path}"
            )
        if len(labels) == 1:
            return ("score",)
        return tuple(labels[index] for index in range(len(labels)))

    def check(self, folder: pathlib.Path, lowercase: bool | None = None) -> None:
        super().check(folder, lowercase)
        bert, labels = self.architecture(folder), self.labels(folder)
        file = open_tensors(folder, bert, classifier=bool(labels))
        file.check(bert, self.embedding_rows(folder), file.heads(len(labels)))

    def read(self, folder: pathlib.Path, lowercase: bool | None = None) -> LoadedModel:
        bert, labels = self.architecture(folder), self.labels(folder)
        vocabulary = self.vocabulary(folder, lowercase)
        require_rows(self.embedding_rows(folder), vocabulary, folder)
        file = open_tensors(folder, bert, classifier=bool(labels))
        heads = file.heads(len(labels))
        if "masked_lm" in heads:
            require_tied(folder)
        longest = tokenizer_config(folder).get("model_max_length")
        if not isinstance(longest, int) or longest < 3:
            longest = bert.max_sequence_length
        kept = read_json(folder / _CONFIG).get(_NOTES)
        info = info_of(
            kept if isinstance(kept, dict) else {},
            labels,
            name=folder.resolve().name,
            sequence_length=min(longest, bert.max_sequence_length),
            regression=len(labels) == 1,
        )
        return file.checkpoint(bert, heads, vocabulary, info)

    def write(self, checkpoint: LoadedModel, folder: pathlib.Path) -> tuple[str, ...]:
        model, info = checkpoint.model, checkpoint.info
        bert = require_bert(model, "a Hugging Face BERT folder")
        heads = set(known_heads(model.head_values))
        if "label" in heads:
            heads = {"label"}
        left = sorted(set(model.head_layers) - heads)
        kept = {name: model.head_values[name] for name in heads}
        wanted = shapes(bert, len(checkpoint.vocabulary), kept)
        arrays = {name: a for name, a in stored(model).items() if name in wanted}
        length = info.get("sequence_length", bert.max_sequence_length)
        write_tensors(arrays, folder / WEIGHTS)
        write_tokenizer(checkpoint.vocabulary, folder, longest=length)
        config = {
            "architectures": [_CLASSES[frozenset(heads)]],
            "model_type": "bert",
            **config_of(bert, len(checkpoint.vocabulary)),
            "hidden_act": "gelu" if bert.exact_gelu else "gelu_new",
            "pad_token_id": checkpoint.vocabulary.pad_id,
            "dtype": "float32",
            **(_label_keys(info["labels"]) if "label" in heads else {}),
            _NOTES: notes(info),
        }
        write_json(folder / _CONFIG, config)
        (folder / "README.md").write_text(model_card(checkpoint))
        if not left:
            return ()
        return (f"{_CLASSES[frozenset(heads)]} has no place for {', '.join(left)}",)


def require_bert(model: Model, where: str) -> Bert:
    """Returns a model's architecture; raises InputError if it is not BERT."""
    bert = model.architecture
    # A subclass may compute something else.
    if type(bert) is not Bert:
        raise InputError(f"{where} holds BERT; the model is {type(bert).__name__}")
    return bert


def _label_keys(labels: list[str]) -> dict[str, Any]:
    kind = "regression" if len(labels) == 1 else "single_label_classification"
    return {
        "problem_type": kind,
        "num_labels": len(labels),
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }
