"""Conversion between stored tensors and a model's weights."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from pd_bert.errors import InputError
from pd_bert.formats.base import LoadedModel
from pd_bert.formats.bert_tensors import MASKED_LM, POOLER, Shapes, shapes, variables
from pd_bert.models.bert import Bert
from pd_bert.models.heads import Head, MaskedLMHead, PooledHead
from pd_bert.models.model import Model
from pd_bert.text.vocabulary import Vocabulary

_SHOWN = 5
_NEXT_SENTENCE = "cls/seq_relationship/"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorFile:
    """The tensors of a checkpoint, under the names of `bert_tensors`.

    `read` returns a tensor of the shape in `shapes`; `unused` are stored names, in
    the spelling of the file, that have no such name.
    """

    folder: pathlib.Path
    shapes: Shapes
    read: Callable[[str], np.ndarray]
    unused: tuple[str, ...] = ()

    def heads(self, num_labels: int = 0) -> dict[str, Head]:
        """Returns the heads that it has tensors of, and `label` if there are labels."""
        heads: dict[str, Head] = {}
        if any(name.startswith(MASKED_LM) for name in self.shapes):
            heads["masked_lm"] = MaskedLMHead()
        if any(name.startswith(_NEXT_SENTENCE) for name in self.shapes):
            heads["next_sentence"] = PooledHead(num_outputs=2, use_dropout=False)
        if num_labels:
            heads["label"] = PooledHead(num_outputs=num_labels)
        return heads

    def check(
        self, bert: Bert, vocabulary_size: int, heads: Mapping[str, Head]
    ) -> tuple[str, ...]:
        """Raises InputError unless it has the tensors of the model, in their shapes.

        Returns the names of optional tensors that are missing: a model that was trained
        without a pooler has none.
        """
        wanted = shapes(bert, vocabulary_size, heads)
        pooled = any(isinstance(head, PooledHead) for head in heads.values())
        missing = [name for name in wanted if name not in self.shapes]
        optional = [n for n in missing if n.startswith(POOLER) and not pooled]
        if len(optional) == 2:
            missing = [name for name in missing if name not in optional]
        if missing:
            raise InputError(
                "a BERT checkpoint must contain every weight of the model that its "
                f"configuration describes; {self.folder} lacks {_listed(missing)}"
            )
        clashes = [
            f"{name} is {list(self.shapes[name])} instead of {list(shape)}"
            for name, shape in wanted.items()
            if name in self.shapes and self.shapes[name] != shape
        ]
        if clashes:
            raise InputError(
                "the weights of a checkpoint must have the shapes of its "
                f"configuration; in {self.folder} {_listed(clashes)}"
            )
        return tuple(optional)

    def checkpoint(
        self,
        bert: Bert,
        heads: Mapping[str, Head],
        vocabulary: Vocabulary,
        info: dict[str, Any],
    ) -> LoadedModel:
        """Returns the model with these weights."""
        missing = self.check(bert, len(vocabulary), heads)
        if missing:
            # Random weights become part of an artifact: they must be equal in all runs.
            keras.utils.set_random_seed(0)
        model = Model(bert, heads, len(vocabulary), dropout=0.0)
        for name, variable in variables(model).items():
            if name in missing:
                continue
            array = np.asarray(self.read(name), np.float32)
            if name.endswith("output_weights"):
                array = array.T
            variable.assign(array.reshape(variable.shape))
        unused = [n for n in self.shapes if n not in shapes(bert, 1, heads)]
        return LoadedModel(
            model=model,
            vocabulary=vocabulary,
            info=info,
            unused=(*self.unused, *unused),
            missing=missing,
        )


def stored(model: Model) -> dict[str, np.ndarray]:
    """Returns a model's weights as a checkpoint stores them, float32."""
    bert = model.architecture
    assert type(bert) is Bert
    sizes = shapes(bert, model.encoder.vocabulary_size, model.head_values)
    arrays = {}
    for name, variable in variables(model).items():
        array = np.asarray(variable, np.float32)
        if name.endswith("output_weights"):
            array = array.T
        arrays[name] = np.ascontiguousarray(array.reshape(sizes[name]))
    return arrays


def _listed(items: list[str]) -> str:
    more = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
