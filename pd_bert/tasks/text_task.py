"""What tasks over labelled texts share: their sources."""

import abc
import dataclasses

from pd_bert.data.example_spec import TOKENS, ExampleSpec, Feature
from pd_bert.data.source import Row, Source
from pd_bert.tasks.base import Task


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

    @abc.abstractmethod
    def find_labels(self) -> tuple[str, ...]:
        """The label names, read from the training source if they are not given."""

    @abc.abstractmethod
    def encode_label(self, row: Row, labels: tuple[str, ...]) -> int | float:
        """A row's label as a number; InputError, with the row's place, if it is bad."""
