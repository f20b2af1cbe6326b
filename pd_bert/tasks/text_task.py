"""What tasks over labelled texts share: their sources."""

import abc
import dataclasses
import inspect
import re
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import TOKENS, ExampleSpec, Feature
from pd_bert.data.source import Row, Source
from pd_bert.errors import InputError
from pd_bert.models.outputs import Outputs
from pd_bert.tasks import metrics
from pd_bert.tasks.base import Task
from pd_bert.tasks.judgement import Judgement
from pd_bert.values import class_path, from_json, to_json

Metric = Callable[[np.ndarray, np.ndarray], float]
"""(predicted, gold), both [n] → a figure, higher is better."""
_SPLIT_NAME = re.compile("[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextTask(Task):
    """A task over single texts or pairs, from a source a split.

    Models are chosen on `dev` alone; `test`, where there is one, is measured once at
    the end, and so are the (name, source) pairs of `extra`, such as MNLI's second dev
    set. The first of `measures` is the primary metric, by which checkpoints are chosen.
    Those of `unlabeled` have no labels to measure: they are only predicted, and
    nothing is trained on them or chosen by them.
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
        """The mean of its metrics, as GLUE counts tasks that have two."""
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
    def label_feature(self) -> Feature:
        """How its records hold a label."""

    def spec(self) -> ExampleSpec:
        return {**TOKENS, "label": self.label_feature}

    def describe(self) -> dict[str, Any]:
        """Also class and settings, without the sources: what `task_over` needs."""
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

    @abc.abstractmethod
    def find_labels(self) -> tuple[str, ...]:
        """The label names, read from the training source if they are not given."""

    @abc.abstractmethod
    def predict(self, outputs: Outputs) -> dict[str, tf.Tensor]:
        """In the graph: what a prediction is made of, tensors [batch, …]."""

    @abc.abstractmethod
    def answers(
        self, predicted: Mapping[str, np.ndarray], labels: tuple[str, ...]
    ) -> list[str]:
        """`predict` over a whole split as what is written of each row."""

    @abc.abstractmethod
    def judge(
        self, logits: np.ndarray, gold: np.ndarray, labels: tuple[str, ...]
    ) -> Judgement:
        """Whether a model with these logits, float [n, outputs], can teach the task.

        `gold` [n] are the labels as `encode_label` gives them.
        """

    @abc.abstractmethod
    def encode_label(self, row: Row, labels: tuple[str, ...]) -> int | float:
        """A row's label as a number; InputError, with the row's place, if it is bad."""


def _holds_source(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_holds_source, value))
    return isinstance(value, Source)


def task_over(described: Mapping[str, Any], source: Source) -> TextTask:
    """The task that `describe` described, over other data."""
    if "class" not in described:
        raise InputError(
            "only a task over texts can be measured on a table; the model's is "
            f"{described.get('name')!r}"
        )
    return from_json(
        {key: described.get(key) for key in ("class", "settings")},
        TextTask,
        where=f"the model's task {described.get('name')!r}",
        functions=(metrics.__name__,),
        given={"train": source, "dev": source},
    )
