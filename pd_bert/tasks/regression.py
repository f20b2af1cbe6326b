"""Regression on texts and pairs of texts."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.encode_rows import Encoded
from pd_bert.data.example_spec import ExampleSpec, Feature
from pd_bert.data.source import Row, text_row
from pd_bert.errors import InputError
from pd_bert.models.heads import Head, PooledHead
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.judgement import Judgement
from pd_bert.tasks.labeled_task import LabeledTask, Metric, short
from pd_bert.tasks.metrics import pearson, spearman


@dataclasses.dataclass(frozen=True, kw_only=True)
class Regression(LabeledTask):
    """One score per row; the first of `measures` is the primary metric."""

    measures: tuple[Metric, ...] = (pearson, spearman)

    @property
    def gold_spec(self) -> ExampleSpec:
        return {"label": Feature(dtype="float32")}

    def find_labels(self) -> tuple[str, ...]:
        return ("score",)

    def label_features(
        self, rows: Sequence[Row], encoded: Encoded, labels: tuple[str, ...]
    ) -> dict[str, list[float]]:
        return {"label": [self._score(row) for row in rows]}

    def _score(self, row: Row) -> float:
        label = text_row(row, type(self).__name__).label
        try:
            score = float(label or "")
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise InputError(
                f"{row.where}: a label of a regression is a finite number; received "
                f"{label!r}"
            )
        return score

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        return {"label": PooledHead(num_outputs=1)}

    def decode(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns `logits`, float32 [batch, 1], and `score` [batch]."""
        logits = outputs.logits["label"]
        return {"logits": logits, "score": logits[:, 0]}

    def metrics(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, float]:
        return {
            m.__name__: m(measured["score"], measured["label"]) for m in self.measures
        }

    def present(
        self, decoded: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, Any]:
        """Returns `score`."""
        return {"score": short(float(decoded["score"]))}

    def judge(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> Judgement:
        """Refuses a model whose scores do not rise with the gold ones."""
        measure, name = self.measures[0], self.primary_metric
        found = measure(measured["score"], measured["label"])
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
