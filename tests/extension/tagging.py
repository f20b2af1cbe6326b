"""A task of one's own: one label per word, from files in CoNLL format."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.encode_rows import Encoded, split_rows
from pd_bert.data.example_spec import TOKENS, ExampleSpec, Feature
from pd_bert.data.files import expand
from pd_bert.data.joining import join_padded
from pd_bert.data.source import Row, Source, digest, nonempty
from pd_bert.errors import InputError
from pd_bert.models.heads import Head, TokenHead
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.judgement import Judgement
from pd_bert.tasks.labeled_task import LabeledTask, Metric
from pd_bert.tasks.metrics import accuracy
from pd_bert.text.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggedWords(Row):
    """A sentence's words, without white space, and one tag per word or none at all."""

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        return {"text": " ".join(self.words)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conll(Source):
    """One word per line, with its tag in the last column; blank lines end sentences."""

    file: str

    def rows(self) -> Iterator[TaggedWords]:
        (path,) = expand(self.file)
        words: list[list[str]] = []
        for number, line in enumerate([*self._lines(), ""], 1):
            columns = line.split()
            if columns:
                words.append(columns)
                continue
            if words:
                yield self._row(words, f"{path}:{number - len(words)}")
            words = []

    def _lines(self) -> list[str]:
        (path,) = expand(self.file)
        return path.read_text(encoding="utf-8").splitlines()

    def _row(self, words: list[list[str]], where: str) -> TaggedWords:
        count = len(words[0])
        if any(len(columns) != count for columns in words):
            raise InputError(f"all words have as many columns as the first: {where}")
        tags = tuple(columns[-1] for columns in words) if count > 1 else ()
        return TaggedWords(
            words=tuple(columns[0] for columns in words), tags=tags, where=where
        )

    def fingerprint(self) -> str:
        return digest("Conll", self._lines())

    def check(self) -> None:
        expand(self.file)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tagging(LabeledTask):
    """One of several tags per word: a model answers at each word's first piece.

    What is measured counts tags from 1; 0 is beyond the last word.
    """

    measures: tuple[Metric, ...] = (accuracy,)

    @property
    def encoded_spec(self) -> ExampleSpec:
        return {**TOKENS, "label_weight": Feature(dtype="float32", shape=(None,))}

    @property
    def gold_spec(self) -> ExampleSpec:
        return {"label": Feature(dtype="int64", shape=(None,))}

    def find_labels(self) -> tuple[str, ...]:
        rows = nonempty(self.train.rows(), f"{self.name}, split train")
        return tuple(sorted({tag for row in rows for tag in _tagged(row).tags}))

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        return {"label": TokenHead(num_outputs=len(labels))}

    def encode(self, texts: Mapping[str, tf.Tensor], tokenizer: Tokenizer) -> Encoded:
        """Returns the tokens, `label_weight`, 1 at first pieces, and the `words`."""
        words = tf.strings.split(texts["text"])
        pieces = tokenizer(words.flat_values)
        # A word that is dropped as a whole, such as a control character, is unknown.
        empty = tf.cast(pieces.row_lengths() == 0, tf.int64)
        unknown = tf.fill([tf.reduce_sum(empty)], tokenizer.vocabulary.unk_id)
        unknown = tf.RaggedTensor.from_row_lengths(unknown, empty)
        pieces = tf.concat([pieces, unknown], axis=1)
        first = tf.ragged.range(pieces.row_lengths()) == 0
        by_text = words.with_flat_values(pieces).merge_dims(1, 2)
        packed = tokenizer.pack(by_text)
        # All of the packed row but [CLS] and [SEP].
        starts = by_text.row_starts()
        kept = tf.ragged.range(starts, starts + packed["token_ids"].row_lengths() - 2)
        weight = tf.gather(tf.cast(first.flat_values, tf.float32), kept)
        ends = tf.zeros([words.nrows(), 1])
        weight = tf.concat([ends, weight, ends], axis=1)
        return {**packed, "label_weight": weight, "words": words}

    def label_features(
        self, rows: Sequence[Row], encoded: Encoded, labels: tuple[str, ...]
    ) -> dict[str, list[np.ndarray]]:
        features = []
        for row, weight in zip(rows, split_rows(encoded["label_weight"]), strict=True):
            label = np.zeros(len(weight), np.int64)
            at = np.flatnonzero(weight)
            label[at] = self._numbers(row, labels)[: len(at)]
            features.append(label)
        return {"label": features}

    def gold(
        self, rows: Sequence[Row], labels: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        tags = [1 + self._numbers(row, labels) for row in rows]
        return {"label": join_padded([each[None] for each in tags])}

    def _numbers(self, row: Row, labels: tuple[str, ...]) -> np.ndarray:
        tags = _tagged(row).tags
        if not tags or not set(tags) <= set(labels):
            raise InputError(
                f"{row.where}: every word has one of the tags {', '.join(labels)}; "
                f"received {' '.join(tags) or 'none'}"
            )
        return np.array([labels.index(tag) for tag in tags])

    def decode(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns, of words, `logits` [batch, words, labels], `answer` and `tag`."""
        first = batch["label_weight"] > 0
        logits = tf.ragged.boolean_mask(outputs.logits["label"], first)
        answer = tf.ragged.map_flat_values(
            lambda flat: 1 + tf.argmax(flat, axis=-1, output_type=tf.int32), logits
        ).to_tensor()
        decoded = {
            "logits": logits.to_tensor(),
            "answer": answer,
            "tag": tf.gather(tf.constant(["", *labels]), answer),
        }
        return decoded | {name: batch[name] for name in ("words",) if name in batch}

    def measure(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        gold = tf.ragged.boolean_mask(1 + batch["label"], batch["label_weight"] > 0)
        measured = super().measure(outputs, batch, labels)
        return {**measured, "label": gold.to_tensor()}

    def metrics(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, float]:
        answer, gold = measured["answer"], measured["label"]
        width = max(answer.shape[1], gold.shape[1])
        answer, gold = (
            np.pad(each, [(0, 0), (0, width - each.shape[1])])
            for each in (answer, gold)
        )
        of_words = gold > 0
        return {m.__name__: m(answer[of_words], gold[of_words]) for m in self.measures}

    def present(
        self, decoded: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, Any]:
        tags = [labels[number - 1] for number in decoded["answer"] if number]
        if "words" not in decoded:
            return {"tags": tags}
        words = [word.decode() for word in decoded["words"] if word]
        return {"tags": tags, "words": words}

    def judge(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> Judgement:
        metric = self.metrics(measured, labels)[self.primary_metric]
        return Judgement(metric=metric, summary=f"{self.primary_metric} {metric:.3f}")

    def open_file(
        self,
        file: str,
        *,
        columns: Mapping[str, str | None],
        label_values: tuple[tuple[str, str], ...] = (),
    ) -> Source:
        return Conll(file=file)


def _tagged(row: Row) -> TaggedWords:
    if not isinstance(row, TaggedWords):
        raise InputError(f"{row.where}: a tagging reads words with tags")
    return row
