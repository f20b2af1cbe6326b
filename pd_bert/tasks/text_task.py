"""What tasks over labelled texts share: their sources."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any

from pd_bert.data.example_spec import TOKENS, ExampleSpec, Feature
from pd_bert.data.source import Row, Source
from pd_bert.errors import InputError
from pd_bert.tasks.base import Task
from pd_bert.values import attribute, class_path, from_json, to_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextTask(Task):
    """A task over single texts or pairs, from a source a split.

    Models are chosen on `dev`; `test`, where there is one, is measured once at the end.
    """

    train: Source
    dev: Source
    test: Source | None = None

    @property
    def splits(self) -> dict[str, Source]:
        """The sources by the name of their split."""
        splits = {"train": self.train, "dev": self.dev}
        return splits if self.test is None else {**splits, "test": self.test}

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
            if not isinstance(value := getattr(self, field.name), Source)
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
    def encode_label(self, row: Row, labels: tuple[str, ...]) -> int | float:
        """A row's label as a number; InputError, with the row's place, if it is bad."""


def task_over(described: Mapping[str, Any], source: Source) -> TextTask:
    """The task that `describe` described, over other data."""
    if "class" not in described:
        raise InputError(
            "only a task over texts can be measured on a table; the model's is "
            f"{described.get('name')!r}"
        )
    settings = {name: from_json(data) for name, data in described["settings"].items()}
    return attribute(described["class"])(**{**settings, "train": source, "dev": source})
