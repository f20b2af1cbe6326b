"""A SavedModel that is measured."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the ops of a SavedModel

from pd_bert.artifact import Artifact
from pd_bert.export.exact_texts import exact_texts
from pd_bert.models.model import saved_network
from pd_bert.tasks.labeled_task import task_over
from pd_bert.text.tokenizer import Tokenizer

TEXT, IDS = "serving_default", "token_ids"
"""Signatures; see `ServedModel`."""
# Names that all encoders share; see Encoder.parts.
_EMBEDDINGS = ("token_embedding", "embeddings")
_BATCHES = 16  # different ones, so that embeddings are not always in a cache


class TimedModel:
    """A SavedModel of the artifact `exported`, made from the model of `trained`."""

    def __init__(self, exported: Artifact, trained: Artifact) -> None:
        self._exported, self._trained = exported, trained
        # The signatures alone do not keep the weights.
        self._loaded = tf.saved_model.load(str(exported.directory / "saved_model"))
        self.signatures: dict[str, Any] = dict(self._loaded.signatures)

    def size(self) -> dict[str, int]:
        """Returns the weights, those `without_embeddings`, and the bytes on disk."""
        network = saved_network(self._trained.directory)
        shapes = network.shapes
        embeddings = sum(
            math.prod(shape) for name in _EMBEDDINGS for shape in shapes.get(name, ())
        )
        return {
            "parameters": network.parameters,
            "without_embeddings": network.parameters - embeddings,
            "size_bytes": self._exported["size_bytes"],
        }

    def function(
        self, signature: str, *, batch_size: int, length: int
    ) -> Callable[[], None]:
        """Returns a function that runs the next batch, until its outputs are there.

        Each text of a batch is `length` word pieces long.
        """
        called = self.signatures[signature]
        inputs = self._inputs(signature, _BATCHES * batch_size, length)
        parts = {name: tf.split(value, _BATCHES) for name, value in inputs.items()}
        batches = itertools.cycle(
            [
                dict(zip(parts, batch, strict=True))
                for batch in zip(*parts.values(), strict=True)
            ]
        )

        def run() -> None:
            for output in called(**next(batches)).values():
                output.numpy()  # waits for the device

        return run

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(
            self._trained.vocabulary(), sequence_length=self._trained["sequence_length"]
        )

    def _inputs(self, signature: str, count: int, length: int) -> dict[str, tf.Tensor]:
        texts, encoded = exact_texts(
            task_over(self._trained["task"]),
            self._tokenizer,
            self._trained["inputs"],
            length=length,
            count=count,
        )
        return texts if signature == TEXT else self._tokenizer.pad(encoded)


def speed(seconds: np.ndarray, *, batch_size: int) -> dict[str, float]:
    """Returns the figures of batches that took these seconds, float64 [runs].

    `median_ms`, `p95_ms` (the 95th percentile) of a batch, and `examples_per_second` by
    the median.
    """
    median, p95 = (float(each) for each in np.percentile(seconds, (50, 95)))
    return {
        "median_ms": 1000 * median,
        "p95_ms": 1000 * p95,
        "examples_per_second": batch_size / median,
    }
