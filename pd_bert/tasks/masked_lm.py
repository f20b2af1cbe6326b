"""Masked language modeling, with or without next-sentence prediction."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import TOKENS, ExampleSpec, Feature
from pd_bert.data.pipeline import NumpyBatch
from pd_bert.models.heads import Head, MaskedLMHead, PooledHead
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.base import Task
from pd_bert.text.masking import Masking
from pd_bert.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLanguageModel(Task):
    """MLM, and MLM+ of Turc et al. (2019) with `next_sentence`."""

    name: str = "mlm"
    masking: Masking = dataclasses.field(default_factory=Masking)
    next_sentence: bool = True

    @property
    def primary_metric(self) -> str:
        return "masked_accuracy"

    def spec(self) -> ExampleSpec:
        return corpus_spec(self.next_sentence)

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        heads: dict[str, Head] = {"masked_lm": MaskedLMHead()}
        if self.next_sentence:
            heads["next_sentence"] = PooledHead(num_outputs=2, use_dropout=False)
        return heads

    def transform(
        self, batch: NumpyBatch, *, vocabulary: Vocabulary, seed: int, epoch: int
    ) -> NumpyBatch:
        masked = self.masking(
            batch["token_ids"],
            batch["padding_mask"].sum(axis=1),
            batch["example_id"],
            seed=seed,
            epoch=epoch,
            vocabulary=vocabulary,
        )
        return {**batch, **masked}

    def measure(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        logits, ids = outputs.logits["masked_lm"], batch["masked_ids"]
        weights = batch["masked_weights"]
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)
        right = tf.argmax(logits, -1, tf.int32) == ids
        measured = {
            "masked": tf.reduce_sum(weights, -1),
            "loss": tf.reduce_sum(loss * weights, -1),
            "right": tf.reduce_sum(tf.cast(right, tf.float32) * weights, -1),
        }
        if self.next_sentence:
            guess = tf.argmax(outputs.logits["next_sentence"], -1, tf.int32)
            measured["next_right"] = tf.cast(
                guess == batch["next_sentence_label"], tf.float32
            )
        return measured

    def metrics(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, float]:
        masked = measured["masked"].sum()
        metrics = {
            "masked_accuracy": float(measured["right"].sum() / masked),
            "masked_loss": float(measured["loss"].sum() / masked),
        }
        if self.next_sentence:
            metrics["next_sentence_accuracy"] = float(measured["next_right"].mean())
        return metrics


def corpus_spec(next_sentence: bool) -> dict[str, Feature]:
    """Returns the features of a language-model corpus."""
    if not next_sentence:
        return dict(TOKENS)
    return {**TOKENS, "next_sentence_label": Feature(dtype="int64")}
