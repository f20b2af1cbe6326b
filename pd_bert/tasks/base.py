"""The interface of every task."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import TOKENS, ExampleSpec
from pd_bert.data.joining import join_padded
from pd_bert.data.pipeline import NumpyBatch
from pd_bert.models.heads import Head
from pd_bert.models.outputs import Outputs
from pd_bert.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(abc.ABC):
    """A learning problem: the heads, batches and metrics of a model.

    `labels` below are the label names in the order of the logits, as the prepared data
    holds them; () where a task has none.
    """

    name: str

    @property
    @abc.abstractmethod
    def primary_metric(self) -> str:
        """The metric by which checkpoints are chosen; higher is better."""

    @abc.abstractmethod
    def spec(self) -> ExampleSpec:
        """Returns the features that its records must have."""

    @property
    def encoded_spec(self) -> ExampleSpec:
        """The features of records that are made of texts alone, without labels.

        By default the tokens. A feature `NAME_weight` says what counts of the head
        NAME's outputs, such as 1 at the first piece of each word.
        """
        return TOKENS

    @abc.abstractmethod
    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        """Returns the heads of a model for it."""

    def transform(
        self, batch: NumpyBatch, *, vocabulary: Vocabulary, seed: int, epoch: int
    ) -> NumpyBatch:
        """Changes a batch on its way to the model; must be a pure function."""
        return batch

    @abc.abstractmethod
    def measure(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns, in the graph, what the metrics need of a batch: tensors [batch, …].

        None is of strings: not every device can hold them.
        """

    def collect(
        self, parts: Sequence[Mapping[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Joins what was measured of batches, padded to the widest: [examples, …]."""
        return {name: join_padded([part[name] for part in parts]) for name in parts[0]}

    @abc.abstractmethod
    def metrics(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, float]:
        """Returns the metrics over all examples of a split, fillers left out."""

    def score(self, metrics: Mapping[str, float]) -> float:
        """Returns one number for a split's metrics: the primary one by default."""
        return metrics[self.primary_metric]

    def describe(self) -> dict[str, Any]:
        """Returns what an artifact records of it."""
        return {"name": self.name, "primary_metric": self.primary_metric}
