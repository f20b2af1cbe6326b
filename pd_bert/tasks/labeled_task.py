"""Tasks over labeled rows: both ends, from texts to examples and from logits back."""

import abc
import dataclasses
import inspect
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.encode_rows import Encoded
from pd_bert.data.example_spec import ExampleSpec
from pd_bert.data.source import Row, Source
from pd_bert.errors import InputError
from pd_bert.models.outputs import Outputs
from pd_bert.sources import any_file
from pd_bert.sources.held import Held
from pd_bert.tasks import metrics
from pd_bert.tasks.base import Task
from pd_bert.tasks.judgement import Judgement
from pd_bert.text.tokenizer import Tokenizer, encode_texts
from pd_bert.values import class_path, from_json, to_json

Metric = Callable[[np.ndarray, np.ndarray], float]
"""(predicted, gold), both [n] → a figure, higher is better."""
_SPLIT_NAME = re.compile("[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabeledTask(Task):
    """A task over rows of text with labels, from one source per split.

    Models are chosen on `dev` alone; `test`, where there is one, is measured once at
    the end, and so are the (name, source) pairs of `extra`, such as MNLI's second dev
    set. The first of `measures` is the primary metric, by which checkpoints are chosen.
    The sources of `unlabeled` have no labels to measure: they are only predicted, and
    nothing is trained on them or chosen by them.

    `encode` is the only way from texts to a model's inputs, `decode` the only one from
    its outputs to answers: preparation, evaluation and the served model share them.
    """

    train: Source
    dev: Source
    test: Source | None = None
    extra: tuple[tuple[str, Source], ...] = ()
    unlabeled: tuple[tuple[str, Source], ...] = ()
    measures: tuple[Metric, ...]

    def __post_init__(self) -> None:
        # A decorated function cannot be sent to the processes that prepare the data.
        plain = tuple(inspect.unwrap(measure) for measure in self.measures)
        object.__setattr__(self, "measures", plain)

    @property
    def primary_metric(self) -> str:
        return self.measures[0].__name__

    def score(self, metrics: Mapping[str, float]) -> float:
        """Returns the mean of its metrics, as GLUE counts tasks that have two."""
        return statistics.fmean(metrics[m.__name__] for m in self.measures)

    @property
    def splits(self) -> dict[str, Source]:
        """The sources with labels, by the name of their split."""
        splits = {"train": self.train, "dev": self.dev}
        if self.test is not None:
            splits["test"] = self.test
        return {**splits, **dict(self.extra)}

    @property
    def unlabeled_splits(self) -> dict[str, Source]:
        """The sources without labels, by the name of their split."""
        return dict(self.unlabeled)

    def check(self) -> None:
        """Raises InputError for two splits of one name, or a name that is no name."""
        names = ["train", "dev", *(["test"] if self.test is not None else [])]
        for name, _ in (*self.extra, *self.unlabeled):
            if name in names:
                raise InputError(
                    f"the splits of a task have different names; {self.name} has two "
                    f"that are called {name!r}"
                )
            if not _SPLIT_NAME.fullmatch(name):
                raise InputError(
                    "a split's name is of small letters, digits and _; the task "
                    f"{self.name} has {name!r}"
                )
            names.append(name)

    @property
    @abc.abstractmethod
    def gold_spec(self) -> ExampleSpec:
        """The features of records that `label_features` makes of labels."""

    def spec(self) -> ExampleSpec:
        return {**self.encoded_spec, **self.gold_spec}

    def encode(self, texts: Mapping[str, tf.Tensor], tokenizer: Tokenizer) -> Encoded:
        """Returns, in the graph, the model's inputs for texts: string [batch] by name.

        They are `token_ids` and `segment_ids`, int32 [batch, <= sequence_length],
        ragged, and all else that `decode` reads of a batch, whether records hold it
        (`encoded_spec`) or only the served model has it. By default one text or a pair.
        """
        return encode_texts(texts, tokenizer)

    @abc.abstractmethod
    def find_labels(self) -> tuple[str, ...]:
        """Returns the label names, from the training source if they are not given."""

    @abc.abstractmethod
    def label_features(
        self, rows: Sequence[Row], encoded: Encoded, labels: tuple[str, ...]
    ) -> Mapping[str, Sequence[Any]]:
        """Returns the features of `gold_spec`, each with one value per row.

        `encoded` is what `encode` returned for the rows. Raises InputError, with the
        row's place, for a label that is none of the task's.
        """

    def gold(
        self, rows: Sequence[Row], labels: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        """Returns the labels as `metrics` reads them beside decoded arrays: [rows, …].

        By default those of `label_features`, which then must not read `encoded`.
        Raises InputError as it does.
        """
        features = self.label_features(rows, {}, labels)
        return {name: np.asarray(values) for name, values in features.items()}

    @abc.abstractmethod
    def decode(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns, in the graph, the answers by name: tensors [batch, …].

        These are the outputs of the served model. `batch` holds what `encode` made,
        padded. Strings, which not every device can hold, only the served model returns.
        """

    def measure(
        self,
        outputs: Outputs,
        batch: Mapping[str, tf.Tensor],
        labels: tuple[str, ...],
    ) -> dict[str, tf.Tensor]:
        """Returns the decoded numbers, and the features of `gold_spec`."""
        return {
            **numbers(self.decode(outputs, batch, labels)),
            **{name: batch[name] for name in self.gold_spec},
        }

    @abc.abstractmethod
    def present(
        self, decoded: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> dict[str, Any]:
        """Returns JSON data for one row of decoded arrays, its answer first.

        The answer is a name, a number or a list of them. Only rows of the served model
        have strings among their arrays.
        """

    @abc.abstractmethod
    def judge(
        self, measured: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> Judgement:
        """Returns how well a model can teach the task.

        `measured` holds, for one split, the numbers that `measure` returned.
        """

    def open_file(
        self,
        file: str,
        *,
        columns: Mapping[str, str | None],
        label_values: tuple[tuple[str, str], ...] = (),
    ) -> Source:
        """Returns a source with one row for every row of a user's file.

        `columns` names the columns `text`, `text_b` and `label`, None where there is
        none; `label_values` are (label of the file, name) pairs. By default a table or
        lines of text.
        """
        return any_file.open_file(
            file,
            text=columns["text"] or "text",
            text_b=columns.get("text_b"),
            label=columns.get("label"),
            label_values=label_values,
        )

    def describe(self) -> dict[str, Any]:
        """Returns also class and settings, without sources: what `task_over` needs."""
        settings = {
            field.name: to_json(value)
            for field in dataclasses.fields(self)
            if not _holds_source(value := getattr(self, field.name))
        }
        return {
            **super().describe(),
            "class": class_path(type(self)),
            "settings": settings,
        }


def numbers(decoded: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns the tensors or arrays that do not hold strings."""

    def is_text(value: Any) -> bool:
        # A NumPy string array gives its items as bytes.
        return isinstance(value, bytes) or tf.as_dtype(value.dtype) == tf.string

    return {name: value for name, value in decoded.items() if not is_text(value)}


def short(value: float) -> float:
    """Returns the value with as many digits as a float32 means."""
    return float(f"{value:.6g}")


def _holds_source(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_holds_source, value))
    return isinstance(value, Source)


_NO_ROWS = Held(held=())


def task_over(described: Mapping[str, Any], source: Source = _NO_ROWS) -> LabeledTask:
    """Returns the task that `describe` described, over other data."""
    if "class" not in described:
        raise InputError(
            "only a task over texts can be measured on a table; the model's is "
            f"{described.get('name')!r}"
        )
    return from_json(
        {key: described.get(key) for key in ("class", "settings")},
        LabeledTask,
        where=f"the model's task {described.get('name')!r}",
        functions=(metrics.__name__,),
        given={"train": source, "dev": source},
    )
