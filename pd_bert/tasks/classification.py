"""Classification of texts and pairs of texts."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.special
import tensorflow as tf

from pd_bert.data.encode_rows import Encoded
from pd_bert.data.example_spec import ExampleSpec, Feature
from pd_bert.data.source import Row, nonempty, text_row
from pd_bert.errors import InputError
from pd_bert.models.heads import Head, PooledHead
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.judge_classes import judge_classes
from pd_bert.tasks.judgement import Judgement
from pd_bert.tasks.labeled_task import LabeledTask, Metric, short
from pd_bert.tasks.metrics import accuracy, f1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classification(LabeledTask):
    """One of several labels per row.

    `labels` fixes names and order of the logits; without it they are those of the
    training split, sorted. The first of `measures` is the primary one.
    """

    labels: tuple[str, ...] = ()
    measures: tuple[Metric, ...] = (accuracy,)

    @property
    def gold_spec(self) -> ExampleSpec:
        return {"label": Feature(dtype="int64")}

    def check(self) -> None:
        super().check()
        if f1 in self.measures and len(self.labels) != 2:
            raise InputError(
                f"f1 is that of the second of two labels, which must be given; "
                f"{self.name} has labels = {self.labels}"
            )

    def find_labels(self) -> tuple[str, ...]:
        if self.labels:
            return tuple(self.labels)
        rows = nonempty(self.train.rows(), f"{self.name}, split train")
        given = (text_row(row, type(self).__name__).label for row in rows)
        found = sorted({label for label in given if label is not None})
        if len(found) < 2:
            raise InputError(
                f"classification needs at least two labels; the training split of "
                f"{self.name} has {found}"
            )
        return tuple(found)

    def label_features(
        self, rows: Sequence[Row], encoded: Encoded, labels: tuple[str, ...]
    ) -> dict[str, list[int]]:
        return {"label": [self._index(row, labels) for row in rows]}

    def _index(self, row: Row, labels: tuple[str, ...]) -> int:
        label = text_row(row, type(self).__name__).label
        if label not in labels:
            raise InputError(
                f"{row.where}: a label must be one of the task's, {list(labels)}; "
                f"received {label!r}"
            )
        return labels.index(label)

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        return {"label": PooledHead(num_outputs=len(labels))}

    def decode(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns `logits` and `probabilities`, float32 [batch, labels], and `label`.

        `label`, string [batch], is the name of the likeliest one.
        """
        logits = outputs.logits["label"]
        return {
            "logits": logits,
            "probabilities": tf.nn.softmax(logits),
            "label": tf.gather(tf.constant(labels), tf.argmax(logits, axis=-1)),
        }

    def metrics(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, float]:
        predicted = measured["logits"].argmax(axis=1)
        return {m.__name__: m(predicted, measured["label"]) for m in self.measures}

    def present(
        self, decoded: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, Any]:
        """Returns `label`, its `probability`, and `probabilities` by label name."""
        probabilities = [short(each) for each in decoded["probabilities"].tolist()]
        best = int(decoded["logits"].argmax())
        return {
            "label": labels[best],
            "probability": probabilities[best],
            "probabilities": dict(zip(labels, probabilities, strict=True)),
        }

    def judge(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> Judgement:
        measure, gold, logits = self.measures[0], measured["label"], measured["logits"]
        # In float64: rounding must not put a probability above 1.
        probabilities = scipy.special.softmax(logits.astype(np.float64), axis=1)
        return judge_classes(
            logits.argmax(axis=1),
            probabilities.max(axis=1),
            gold,
            labels,
            metric=lambda answers: measure(answers, gold),
            metric_name=self.primary_metric,
        )
