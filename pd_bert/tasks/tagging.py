"""Tagging: one label per word, marking phrases such as names."""

import collections
import dataclasses
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.encode_rows import Encoded, split_rows
from pd_bert.data.example_spec import TOKENS, ExampleSpec, Feature
from pd_bert.data.joining import join_padded
from pd_bert.data.source import Row, Source, nonempty
from pd_bert.errors import InputError
from pd_bert.models.heads import Head, TokenHead
from pd_bert.models.outputs import Outputs
from pd_bert.sources import any_file
from pd_bert.sources.conll import Conll
from pd_bert.sources.tag_schemes import OUTSIDE
from pd_bert.sources.tagged_words import TaggedWords
from pd_bert.tasks.judge_classes import judge_classes
from pd_bert.tasks.judgement import Judgement
from pd_bert.tasks.labeled_task import LabeledTask, Metric
from pd_bert.tasks.measured_tags import measured_tags
from pd_bert.tasks.phrase_scores import over_languages, phrase_scores
from pd_bert.tasks.phrases import count_beyond, tags_of_types
from pd_bert.tasks.present_words import present_words
from pd_bert.tasks.word_answers import (
    at_words,
    likeliest,
    split_with_offsets,
    widened,
)
from pd_bert.text.first_pieces import pack_words
from pd_bert.text.tokenizer import Tokenizer

_SCORES = ("f1", "precision", "recall")
_OVER_LANGUAGES = ("mean", "sd", "worst")
_LANGUAGE_NAME = re.compile("[A-Za-z0-9_-]+")
_JUDGED = 10_000
_TEXT_FILES = (".txt", ".csv", ".jsonl")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tagging(LabeledTask):
    """IOB2 tags of words; a model answers at each word's first piece.

    Words are what lies between ASCII white space. The other pieces of a word count
    neither in losses nor in scores (X in Mukherjee and Awadallah 2020). The metrics are
    f1, precision and recall of phrases, by seqeval; words beyond the model's length
    count as O.

    Args:
        labels: the tags in the order of the logits. By default O, and B and I of each
            type in the training split, sorted.
        languages: the languages of rows. With some, f1_LANGUAGE of each is measured,
            and f1_mean, f1_sd (n − 1) and f1_worst over them.
        primary: the metric by which checkpoints are chosen.
    """

    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    primary: str = "f1"
    measures: tuple[Metric, ...] = ()

    @property
    def primary_metric(self) -> str:
        return self.primary

    def score(self, metrics: Mapping[str, float]) -> float:
        """Returns the primary metric."""
        return metrics[self.primary]

    def check(self) -> None:
        """Raises InputError for settings that do not fit together."""
        super().check()
        if self.measures:
            names = ", ".join(measure.__name__ for measure in self.measures)
            raise InputError(
                "a tagging is measured by precision, recall and F1 of phrases, not by "
                f"measures; {self.name} has {names}"
            )
        types = {label[2:] for label in self.labels if label != OUTSIDE}
        if self.labels and tuple(sorted(self.labels)) != tags_of_types(types):
            raise InputError(
                f"labels of a tagging are {OUTSIDE}, and B-TYPE and I-TYPE of each "
                f"type, each once; {self.name} has {', '.join(self.labels)}"
            )
        for name in self.languages:
            if not _LANGUAGE_NAME.fullmatch(name) or name in _OVER_LANGUAGES:
                raise InputError(
                    "a language's name is of letters, digits, - and _, and none of "
                    f"{', '.join(_OVER_LANGUAGES)}; {self.name} has {name!r}"
                )
        if len(set(self.languages)) < len(self.languages):
            raise InputError(
                f"languages have different names; {self.name} has "
                f"{', '.join(self.languages)}"
            )
        if self.primary not in self._metrics():
            raise InputError(
                f"primary must be one of {', '.join(self._metrics())}; {self.name} has "
                f"{self.primary!r}"
            )

    def _metrics(self) -> list[str]:
        by_language = over_languages(dict.fromkeys(self.languages, 0.0))
        return [*_SCORES, *(each for each in by_language if each != "f1_sd")]

    @property
    def encoded_spec(self) -> ExampleSpec:
        return {**TOKENS, "label_weight": Feature(dtype="float32", shape=(None,))}

    @property
    def gold_spec(self) -> ExampleSpec:
        """The features of labels.

        `label` at each token; `missed`, the number of phrases that begin beyond the
        model's length; `continued`, 1 if a phrase reaches beyond it; and `language`,
        the index in `languages` where there are some.
        """
        spec = {
            "label": Feature(dtype="int64", shape=(None,)),
            "missed": Feature(dtype="int64"),
            "continued": Feature(dtype="int64"),
        }
        return spec | ({"language": Feature(dtype="int64")} if self.languages else {})

    def find_labels(self) -> tuple[str, ...]:
        """Returns the tags; reads no row where they are given, and no languages.

        Raises:
            InputError: a row of the training split without tags or of a language that
                is not declared, a language without rows, or no tag but O.
        """
        if self.labels and not self.languages:
            return self.labels
        types: set[str] = set()
        counts: collections.Counter[str | None] = collections.Counter()
        where = f"{self.name}, split train"
        for row in nonempty(self.train.rows(), where):
            types.update(tag[2:] for tag in _labeled(row).tags if tag != OUTSIDE)
            if self.languages:
                counts[self.languages[self._language(row)]] += 1
        if lacking := [name for name in self.languages if not counts[name]]:
            raise InputError(
                f"every language needs sentences with labels; {where}, has none of "
                f"{', '.join(lacking)}"
            )
        if not types:
            raise InputError(f"a tagging needs phrases; {where}, has the tag O alone")
        return self.labels or tags_of_types(types)

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        return {"label": TokenHead(num_outputs=len(labels))}

    def encode(self, texts: Mapping[str, tf.Tensor], tokenizer: Tokenizer) -> Encoded:
        """Returns the tokens, `label_weight`, 1 at first pieces, and the `text`."""
        packed = pack_words(texts["text"], tokenizer)
        weight = packed.pop("first")
        return {**packed, "label_weight": weight, "text": texts["text"]}

    def label_features(
        self, rows: Sequence[Row], encoded: Encoded, labels: tuple[str, ...]
    ) -> dict[str, list[Any]]:
        features: dict[str, list[Any]] = collections.defaultdict(list)
        numbers = {label: number for number, label in enumerate(labels)}
        for row, weight in zip(rows, split_rows(encoded["label_weight"]), strict=True):
            label = np.zeros(len(weight), np.int64)
            at = np.flatnonzero(weight)
            label[at] = _numbers(row, numbers)[: len(at)]
            features["label"].append(label)
            missed, continued = count_beyond(_tagged(row).tags, len(at))
            features["missed"].append(missed)
            features["continued"].append(continued)
            if self.languages:
                features["language"].append(self._language(row))
        return dict(features)

    def gold(
        self, rows: Sequence[Row], labels: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        """Returns the labels of all words, also of those beyond the model's length.

        `label`, int64 [rows, words], is counted from 1, and 0 beyond the last word.
        `language` is −1 for rows whose language is not known.
        """
        numbers = {label: number for number, label in enumerate(labels, 1)}
        gold = {"label": join_padded([_numbers(row, numbers)[None] for row in rows])}
        if self.languages:
            languages = [
                -1 if _tagged(row).language is None else self._language(row)
                for row in rows
            ]
            gold["language"] = np.array(languages)
        return gold

    def _language(self, row: Row) -> int:
        language = _tagged(row).language
        if language not in self.languages:
            raise InputError(
                f"{row.where}: a row's language must be one of the task's, "
                f"{', '.join(self.languages)}; received {language or 'none'}"
            )
        return self.languages.index(language)

    def decode(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns arrays [batch, words], filled with 0 or "" beyond the last word.

        `answer` int32, the number of the likeliest tag, from 1, and `score` float32,
        its probability. The served model, which has the texts, returns also `words` and
        `tag`, string, and the offsets `begin` and `end`, int32: characters (Unicode
        code points) of the original text, `end` not included. Words beyond the model's
        length have the tag O and the score 0; without the texts they are not known.
        """
        answer, score = likeliest(outputs.logits["label"])
        first = batch["label_weight"] > 0
        answer, score = at_words(answer, first), at_words(score, first)
        if "text" not in batch:
            return {"answer": answer, "score": score}
        words, begin, end = split_with_offsets(batch["text"])
        width = tf.cast(words.bounding_shape()[1], tf.int32)
        answer = widened(answer, width)
        there = tf.sequence_mask(words.row_lengths(), width)
        outside = tf.fill(tf.shape(answer), 1 + labels.index(OUTSIDE))
        answer = tf.where(there & (answer == 0), outside, answer)
        return {
            "words": words.to_tensor(),
            "tag": tf.gather(tf.constant(["", *labels]), answer),
            "score": widened(score, width),
            "begin": begin.to_tensor(),
            "end": end.to_tensor(),
            "answer": answer,
        }

    def measure(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns `answer`, `label` and `confidence` [batch, length], and other gold.

        The first two count tags from 1, and all three are 0 but at first pieces. Every
        shape is that of the batch, as TPUs need it.
        """
        first = batch["label_weight"] > 0
        answer, confidence = likeliest(outputs.logits["label"])
        at_tokens = {
            "answer": answer,
            "confidence": confidence,
            "label": 1 + batch["label"],
        }
        return {
            **{name: batch[name] for name in self.gold_spec},
            **{
                name: tf.where(first, value, tf.zeros_like(value))
                for name, value in at_tokens.items()
            },
        }

    def metrics(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, float]:
        gold, answer = measured_tags(measured, labels)
        scores = phrase_scores(gold, answer)
        if "language" not in measured:
            return scores
        of_language: dict[str, float] = {}
        for index, language in enumerate(self.languages):
            rows = np.flatnonzero(measured["language"] == index).tolist()
            if rows:
                own = ([tags[row] for row in rows] for tags in (gold, answer))
                of_language[language] = phrase_scores(*own)["f1"]
        return {**scores, **over_languages(of_language)}

    def present(
        self, decoded: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, Any]:
        """Returns `entities` and `words` with offsets; without texts `tags` alone."""
        tags = [labels[number - 1] for number in decoded["answer"].tolist() if number]
        if "words" not in decoded:
            return {"tags": tags}
        return present_words(decoded, tags)

    def judge(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> Judgement:
        """Judges the answers to words; of many sentences 10,000, evenly spread.

        The metric of each constant answer takes as long as that of the model.
        """
        count = len(measured["label"])
        rows = np.linspace(0, count - 1, min(count, _JUDGED)).astype(np.int64)
        measured = {name: values[rows] for name, values in measured.items()}
        of_words = measured["label"] > 0

        def metric(answers: np.ndarray) -> float:
            answer = np.zeros_like(measured["answer"])
            answer[of_words] = 1 + answers
            return self.metrics({**measured, "answer": answer}, labels)[self.primary]

        return judge_classes(
            measured["answer"][of_words] - 1,
            measured["confidence"][of_words],
            measured["label"][of_words] - 1,
            labels,
            metric=metric,
            metric_name=self.primary,
            unit="word",
        )

    def open_file(
        self,
        file: str,
        *,
        columns: Mapping[str, str | None],
        label_values: tuple[tuple[str, str], ...] = (),
    ) -> Source:
        """Returns a source over a user's file.

        To predict, .txt is a text per line, .csv and .jsonl have a column of texts. All
        other files, and every file with labels, are CoNLL: columns are numbers from 0,
        and a name with {language} stands for a file of each of the languages.
        """
        if label_values:
            raise InputError(f"tags are not renamed; received {label_values}")
        labeled = columns.get("label") is not None
        if not labeled and pathlib.Path(file.removesuffix(".gz")).suffix in _TEXT_FILES:
            return any_file.open_file(file, text=columns["text"] or "text")
        return Conll(
            files=file,
            languages=self.languages,
            text_column=_index(columns["text"], 0),
            tag_column=_index(columns.get("label"), -1),
            tags=labeled,
        )


def _tagged(row: Row) -> TaggedWords:
    if not isinstance(row, TaggedWords):
        raise InputError(
            f"Tagging reads rows of type TaggedWords; received {type(row).__name__}: "
            f"{row.where}"
        )
    return row


def _labeled(row: Row) -> TaggedWords:
    tagged = _tagged(row)
    if len(tagged.tags) != len(tagged.words):
        raise InputError(
            f"{row.where}: every word needs a tag; received {len(tagged.words)} words "
            f"and {len(tagged.tags) or 'no'} tags"
        )
    return tagged


def _numbers(row: Row, numbers: Mapping[str, int]) -> np.ndarray:
    """The numbers of a row's tags, int64 [words]."""
    tags = _labeled(row).tags
    try:
        return np.array([numbers[tag] for tag in tags], np.int64)
    except KeyError as error:
        raise InputError(
            f"{row.where}: a tag must be one of the task's, {', '.join(numbers)}; "
            f"received {error.args[0]}"
        ) from error


def _index(column: str | None, default: int) -> int:
    """A column as a number; any name, which CoNLL files do not have, is the default."""
    try:
        return int(column or default)
    except ValueError:
        return default
