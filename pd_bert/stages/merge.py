"""Stage: several data sets as one."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import tqdm

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.work import Works, WriteRecords
from pd_bert.data.example_spec import ExampleSpec
from pd_bert.data.expected_records import ExpectedRecords, pieces_of
from pd_bert.data.merging import MergeExamples, merged_spec, parts_of
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines, require_known
from pd_bert.system import interrupt
from pd_bert.training.runtime import Runtime

# The lengths of larger data sets are represented by this many.
_MOST_LENGTHS = 1 << 19


@dataclasses.dataclass(frozen=True, kw_only=True)
class Merge(Stage):
    """The examples of several data sets, for a joint loss over all of them.

    `records` are stages with data sets; of a prepared task it is the split train. Each
    example has all features of all data sets, and those that its own data set lacks
    hold the feature's fill: outputs of a stored teacher must be in all of them. The
    feature `labeled`, float32, is 1 for examples with labels and 0 for others, so that
    a loss on labels counts only where there are some. Every shard has its share of each
    data set, so that batches mix them.
    """

    name: str = "merged"
    records: tuple[Stage, ...]

    kind: ClassVar[str] = "merge"

    def check(self) -> None:
        super().check()
        if not self.records:
            raise InputError(f"{self.where}: a merge needs data sets; received none")

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        lengths = [each.sequence_length for each in inputs.values()]
        outline = dataclasses.replace(
            super().outline(inputs, survey),
            labels=self._common("labels", inputs),
            inputs=self._common("inputs", inputs),
            sequence_length=None if None in lengths else max(filter(None, lengths)),
            teacher=next((o.teacher for o in inputs.values() if o.teacher), None),
            every_head=all(each.every_head for each in inputs.values()),
        )
        if any(each.splits is None for each in inputs.values()):
            return outline
        parts = {
            field: each.splits["train" if "train" in each.splits else ""]
            for field, each in inputs.items()
            if each.splits is not None
        }
        spec = merged_spec(
            {self._named(field): part.spec for field, part in parts.items()}, self.where
        )
        records = _joined(tuple(parts.values()), spec)
        return dataclasses.replace(outline, splits={"": records})

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        records = outline.require_records()
        return (WriteRecords(records=records, parsed=records.count),)

    def share_work(self, context: Context) -> None:
        data_sets = self._data_sets(context)
        splits = require_known(self._finished_outline(context).splits, "its records")
        encode = MergeExamples(
            directories=tuple(each.directory for each in data_sets),
            spec=splits[""].spec,
            parts=parts_of(data_sets),
        )
        with tqdm.tqdm(
            desc=context.where, total=splits[""].count, unit=" examples", mininterval=1
        ) as bar:
            write_shards(
                lambda: range(encode.parts),
                encode,
                spec=encode.spec,
                directory=context.directory,
                processes=context.runtime.workers if encode.parts > 1 else 0,
                progress=bar.update,
                stop=interrupt.check,
            )

    def run(self, context: Context) -> Info:
        artifacts = [context.artifact(stage) for stage in self.records]
        outline = self._finished_outline(context)
        vocabulary = artifacts[0].vocabulary()
        for records in self._data_sets(context):
            records.check(vocabulary.fingerprint)
        self.share_work(context)
        manifest = write_manifest(
            context.directory,
            spec=outline.require_records().spec,
            description={
                "vocabulary": vocabulary.fingerprint,
                "sequence_length": outline.sequence_length,
                "settings": self.settings(context.runtime),
            },
        )
        vocabulary.write(context.directory / "vocab.txt")
        networks = (a.info.get("teacher_network") for a in artifacts)
        return {
            **vocabulary_info(vocabulary),
            "vocabulary_size": len(vocabulary),
            "labels": list(outline.labels or ()),
            "inputs": list(outline.inputs or ()),
            "sequence_length": outline.sequence_length,
            "teacher_network": next(filter(None, networks), None),
            "count": manifest["count"],
            "bytes": manifest["bytes"],
        }

    def _named(self, field: str) -> str:
        return f"{field} ({self.inputs()[field].title})"

    def _common(self, name: str, inputs: Outlines) -> tuple[str, ...] | None:
        """The labels or inputs of the data sets that have some.

        Raises InputError if two data sets have different ones.
        """
        found = {field: getattr(each, name) for field, each in inputs.items()}
        known = {field: value for field, value in found.items() if value}
        if len(set(known.values())) > 1:
            each = (f"{self._named(f)} has {list(value)}" for f, value in known.items())
            raise InputError(
                f"{self.where}: merged data sets must have the same {name} in the same "
                f"order; {', '.join(each)}"
            )
        return next(iter(known.values()), None)

    def _finished_outline(self, context: Context) -> Outline:
        """The outline when all that it reads is finished."""
        read = self.inputs().items()
        return self.outline({f: Outline.of(context.artifact(s)) for f, s in read})

    def _data_sets(self, context: Context) -> list[Records]:
        folders = [context.artifact(stage).directory for stage in self.records]
        return [
            Records(f if (f / "manifest.json").is_file() else f / "train")
            for f in folders
        ]


def _joined(parts: Sequence[ExpectedRecords], spec: ExampleSpec) -> ExpectedRecords:
    """Describes the examples of all parts, each with the features of `spec`."""
    filled = [
        part.with_features({n: spec[n] for n in spec.keys() - part.spec.keys()})
        for part in parts
    ]
    count = sum(part.count for part in parts)
    read = [part.read_pieces for part in parts]

    def lengths() -> np.ndarray:
        share = min(1.0, _MOST_LENGTHS / max(1, count))
        each = (np.resize(p.lengths, round(share * p.count)) for p in parts if p.count)
        return np.concatenate(list(each))

    return ExpectedRecords(
        count=count,
        read_lengths=lengths,
        bytes=sum(part.bytes for part in filled),
        exact=all(part.exact for part in parts),
        spec=spec,
        sequence_length=max(part.sequence_length for part in parts),
        shards=sum(part.shards for part in parts),
        read_pieces=None
        if None in read
        else lambda: pieces_of(each() for each in read if each is not None),
    )
