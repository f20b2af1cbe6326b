"""Classification of texts and pairs of texts."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import Feature
from pd_bert.data.source import Row, nonempty
from pd_bert.errors import InputError
from pd_bert.models.heads import Head, PooledHead
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.judge_classes import judge_classes
from pd_bert.tasks.judgement import Judgement
from pd_bert.tasks.metrics import accuracy, f1
from pd_bert.tasks.text_task import Metric, TextTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classification(TextTask):
    """One of several labels a row.

    `labels` fixes names and order of the logits; without it they are those of the
    training split, sorted. The first of `measures` is the primary one.
    """

    labels: tuple[str, ...] = ()
    measures: tuple[Metric, ...] = (accuracy,)

    @property
    def label_feature(self) -> Feature:
        return Feature(dtype="int64")

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
        found = sorted({row.label for row in rows if row.label is not None})
        if len(found) < 2:
            raise InputError(
                f"classification needs at least two labels; the training split of "
                f"{self.name} has {found}"
            )
        return tuple(found)

    def encode_label(self, row: Row, labels: tuple[str, ...]) -> int:
        if row.label not in labels:
            raise InputError(
                f"{row.where}: a label must be one of the task's, {list(labels)}; "
                f"received {row.label!r}"
            )
        return labels.index(row.label)

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        return {"label": PooledHead(num_outputs=len(labels))}

    def measure(
        self, outputs: Outputs, batch: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        return {"logits": outputs.logits["label"], "label": batch["label"]}

    def metrics(self, measured: Mapping[str, np.ndarray]) -> dict[str, float]:
        predicted = measured["logits"].argmax(axis=1)
        return {m.__name__: m(predicted, measured["label"]) for m in self.measures}

    def predict(self, outputs: Outputs) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.nn.softmax(outputs.logits["label"])}

    def answers(
        self, predicted: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> list[str]:
        return [labels[best] for best in predicted["probabilities"].argmax(axis=1)]

    def judge(
        self, logits: np.ndarray, gold: np.ndarray, labels: tuple[str, ...]
    ) -> Judgement:
        measure = self.measures[0]
        return judge_classes(
            logits,
            gold,
            labels,
            metric=lambda answers: measure(answers, gold),
            metric_name=self.primary_metric,
        )
