"""The examples of several data sets, as one data set."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pd_bert.data.example_spec import ExampleSpec, Feature
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.objectives.base import LABELED

LABEL = "label"


def merged_spec(specs: Mapping[str, ExampleSpec], where: str) -> ExampleSpec:
    """Returns the features of all data sets and `labeled`.

    `specs` are given by the data sets' names. Raises InputError for two features of one
    name that differ, and for ids of tokens that a data set lacks.
    """
    found: dict[str, Feature] = {}
    owner: dict[str, str] = {}
    for title, spec in specs.items():
        for name, feature in spec.items():
            if found.setdefault(name, feature) != feature:
                raise InputError(
                    f"{where}: a feature of merged data sets must be the same in all "
                    f"of them; {name} is {found[name]} in {owner[name]} and {feature} "
                    f"in {title}"
                )
            owner.setdefault(name, title)
    for title, spec in specs.items():
        for name in found.keys() - spec.keys():
            if found[name].fill is None:
                raise InputError(
                    f"{where}: a feature that is filled by [PAD] must be in all merged "
                    f"data sets; {name} is in {owner[name]} and not in {title}"
                )
    found.setdefault(LABELED, Feature(dtype="float32"))
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergeExamples:
    """Reads one part of every data set; a chunk is the number of the part.

    `spec` is what each example gets. A feature that a data set lacks is filled by the
    feature's own fill, at the length of the tokens if its length is open;
    `labeled` is 1 in data sets with labels and 0 in others.
    """

    directories: tuple[pathlib.Path, ...]
    spec: ExampleSpec
    parts: int

    def __call__(self, part: int) -> Iterator[dict[str, Any]]:
        for directory in self.directories:
            records = Records(directory)
            first = records.count * part // self.parts
            end = records.count * (part + 1) // self.parts
            lacking = [name for name in self.spec if name not in records.spec]
            labeled = LABEL in records.spec
            for example in _examples(records, first, end):
                length = len(example["token_ids"])
                for name in lacking:
                    feature = self.spec[name]
                    weighs = name == LABELED and labeled
                    value = 1 if weighs else feature.fill or 0
                    example[name] = _filled(feature, length, value)
                yield example


def parts_of(data_sets: Sequence[Records]) -> int:
    """Returns the number of parts whose mean size is that of the data sets' shards."""
    return sum(len(records.shard_counts) for records in data_sets)


def _examples(records: Records, first: int, end: int) -> Iterator[dict[str, Any]]:
    """The examples numbered `first` to `end` − 1."""
    ends = np.cumsum(records.shard_counts)
    for shard, count in enumerate(records.shard_counts):
        begin = int(ends[shard]) - count
        rows = range(max(first - begin, 0), min(end - begin, count))
        if rows:
            columns = records.columns([shard])
            for row in rows:
                yield {name: columns[name][row] for name in records.spec}


def _filled(feature: Feature, length: int, value: float) -> np.ndarray:
    shape = [length if size is None else size for size in feature.shape]
    return np.full(shape, value, feature.dtype)
