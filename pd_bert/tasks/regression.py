"""Regression on texts and pairs of texts."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import Feature
from pd_bert.data.source import Row
from pd_bert.errors import InputError
from pd_bert.models.heads import Head, PooledHead
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.judgement import Judgement
from pd_bert.tasks.metrics import pearson, spearman
from pd_bert.tasks.text_task import Metric, TextTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Regression(TextTask):
    """A score a row; the first of `measures` is the primary metric."""

    measures: tuple[Metric, ...] = (pearson, spearman)

    @property
    def label_feature(self) -> Feature:
        return Feature(dtype="float32")

    def find_labels(self) -> tuple[str, ...]:
        return ("score",)

    def encode_label(self, row: Row, labels: tuple[str, ...]) -> float:
        try:
            score = float(row.label or "")
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise InputError(
                f"{row.where}: a label of a regression is a finite number; received "
                f"{row.label!r}"
            )
        return score

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        return {"label": PooledHead(num_outputs=1)}

    def measure(
        self, outputs: Outputs, batch: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        return {"score": outputs.logits["label"][:, 0], "label": batch["label"]}

    def metrics(self, measured: Mapping[str, np.ndarray]) -> dict[str, float]:
        return {
            m.__name__: m(measured["score"], measured["label"]) for m in self.measures
        }

    def predict(self, outputs: Outputs) -> dict[str, tf.Tensor]:
        return {"score": outputs.logits["label"][:, 0]}

    def answers(
        self, predicted: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> list[str]:
        return [f"{score:.6g}" for score in predicted["score"]]

    def judge(
        self, logits: np.ndarray, gold: np.ndarray, labels: tuple[str, ...]
    ) -> Judgement:
        """Refuses a model whose scores do not rise with the gold ones."""
        name, found = self.primary_metric, self.measures[0](logits[:, 0], gold)
        reasons = []
        if not found > 0:
            reasons.append(f"its {name} correlation is not above zero, {found:.3f}")
        if found < 0:
            reasons.append(
                "its scale is reversed: mend the scores of the training data, or the "
                "sign of the model's output"
            )
        return Judgement(
            metric=found, reasons=tuple(reasons), summary=f"{name} {found:.3f}"
        )
