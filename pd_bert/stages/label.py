"""Stage: the teacher's logits for every example of a data set, stored."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tqdm

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.cost import Cost, require_known
from pd_bert.costs.estimate_forward import logits_load, seconds_per_record
from pd_bert.costs.estimate_prepare import SHARD_SECONDS
from pd_bert.costs.estimate_training import forward_cost, network_of
from pd_bert.costs.probe import Probe
from pd_bert.data.curation.confidence import confidence
from pd_bert.data.example_spec import ExampleSpec, Feature
from pd_bert.data.pipeline import DEFAULT_BUCKETS, Batches
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.errors import InputError
from pd_bert.models.model import Model
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.teacher_gate import TeacherGate
from pd_bert.system import interrupt
from pd_bert.training.feed import Forward


@dataclasses.dataclass(frozen=True, kw_only=True)
class Label(Stage):
    """P_teacher(y|x) for each x in D_T, as logits (Turc et al. 2019, Algorithm 1).

    Computed once for a teacher and a data set and read by every student, seed and
    epoch. A shard of the data gives a shard here; several processes share the work.
    With `split` the data are a split of a prepared task, whose gold labels are kept:
    a recipe may then weigh hard and soft labels. Nothing is labelled before `gate`
    has judged the teacher. `artifact.json` tells under `confidence` how sure the
    teacher was.
    """

    name: str = "labels"
    teacher: Stage
    transfer: Stage
    gate: TeacherGate | None = None
    split: str = ""
    batch_size: int = 64
    buckets: tuple[int, ...] = DEFAULT_BUCKETS

    kind: ClassVar[str] = "label"
    trains: ClassVar[bool] = True
    prerequisites: ClassVar[tuple[str, ...]] = ("gate",)

    def check(self) -> None:
        super().check()
        if self.split not in ("", "train"):
            raise InputError(
                f"{self.kind} {self.name}: students learn from no other split of a "
                f"prepared task than train; received {self.split!r}"
            )
        if self.gate is not None and self.gate.evaluation.model != self.teacher:
            raise InputError(
                f"{self.kind} {self.name}: the gate must judge the teacher that "
                f"labels, {self.teacher.title}; {self.gate.title} judges another"
            )

    def result_columns(self) -> Info:
        return {
            **super().result_columns(),
            "task": self.teacher.result_columns()["task"],
        }

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        info = super().promise(inputs, where)
        if "inputs" in inputs["transfer"]:
            info["inputs"] = inputs["transfer"]["inputs"]
        if not self.split and "count" in inputs["transfer"]:
            info["count"] = inputs["transfer"]["count"]
        if "labels" not in inputs["teacher"]:
            return info
        labels = inputs["teacher"]["labels"]
        self._require_head(labels, where, self.teacher.title)
        return {**info, "labels": labels}

    def share_work(self, context: Context) -> None:
        records, spec = self._records(context)
        progress = tqdm.tqdm(
            desc=context.where, total=records.count, unit=" examples", mininterval=1
        )
        with progress as bar:
            write_shards(
                lambda: range(len(records.shard_counts)),
                self._encoder(context, records),
                spec=spec,
                directory=context.directory,
                progress=bar.update,
                stop=interrupt.check,
            )

    def run(self, context: Context) -> Info:
        teacher = context.artifact(self.teacher)
        transfer = context.artifact(self.transfer)
        records, spec = self._records(context)
        vocabulary = teacher.vocabulary()
        records.check(vocabulary.fingerprint)
        self.share_work(context)
        manifest = write_manifest(
            context.directory,
            spec=spec,
            description={
                "vocabulary": vocabulary.fingerprint,
                "sequence_length": transfer["sequence_length"],
                "teacher": teacher["fingerprint"],
                "settings": self.settings(context.runtime),
            },
        )
        vocabulary.write(context.directory / "vocab.txt")
        return {
            **vocabulary_info(vocabulary),
            "vocabulary_size": len(vocabulary),
            "labels": list(teacher.labels),
            "inputs": transfer.info.get("inputs", ["text"]),
            "sequence_length": transfer["sequence_length"],
            "count": manifest["count"],
            "bytes": manifest["bytes"],
            "confidence": confidence(Records(context.directory), teacher.labels),
        }

    def _records(self, context: Context) -> tuple[Records, ExampleSpec]:
        teacher = context.artifact(self.teacher)
        labels = teacher.labels
        self._require_head(labels, context.where, str(teacher.directory))
        logits = Feature(dtype="float32", shape=(len(labels),))
        records = Records(context.artifact(self.transfer).directory / self.split)
        return records, {**records.spec, "teacher_logits": logits}

    def _require_head(self, labels: Sequence[str], where: str, teacher: str) -> None:
        if not labels:
            raise InputError(
                f"{where}: a teacher must be fine-tuned on a task; {teacher} has no "
                "labels"
            )

    def _encoder(
        self, context: Context, records: Records
    ) -> Callable[[int], Iterator[dict[str, Any]]]:
        directory = context.artifact(self.teacher).directory
        with context.strategy.scope():
            model = Model.load(directory)

        def logits(batch: Any) -> dict[str, tf.Tensor]:
            return {"logits": model(batch, training=False).logits["label"]}

        forward = Forward(logits, context.strategy)
        pad_id = context.artifact(self.teacher).vocabulary().pad_id
        return functools.partial(
            self._encode,
            forward,
            records,
            buckets=context.buckets(self.buckets, records),
            batch_size=context.batch_size(self.batch_size),
            pad_id=pad_id,
        )

    def _encode(
        self,
        forward: Forward,
        records: Records,
        shard: int,
        *,
        buckets: tuple[int, ...],
        batch_size: int,
        pad_id: int,
    ) -> Iterator[dict[str, Any]]:
        batches = Batches(
            records,
            batch_size=batch_size,
            buckets=buckets,
            shuffle=False,
            pad_id=pad_id,
            shards=(shard,),
        )
        outputs = []
        one_length = len(buckets) == 1
        for found in forward(batches.epoch, batch_size, one_length=one_length):
            interrupt.check()
            outputs.append(found)
        batches.close()
        order = np.argsort(np.concatenate([o["example_id"] for o in outputs]))
        logits = np.concatenate([o["logits"] for o in outputs])[order]
        columns = records.columns([shard])
        for row in range(len(logits)):
            kept = {name: columns[name][row] for name in records.spec}
            yield {**kept, "teacher_logits": logits[row]}

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        labels = require_known(inputs, "teacher", "labels")
        data = require_known(inputs, "transfer", "splits")[self.split]
        load = logits_load(
            network_of(inputs, "teacher"), data, self.batch_size, self.buckets, probe
        )
        cost = forward_cost(load, [(data, 1)], probe, by_shard=True)
        logits = Feature(dtype="float32", shape=(len(labels),))
        labelled = data.with_feature("teacher_logits", logits)
        seconds = None
        if cost.seconds is not None:
            seconds = cost.seconds + labelled.count * seconds_per_record(labelled)
            seconds += SHARD_SECONDS * data.shards
        cost = dataclasses.replace(cost, seconds=seconds, disk_bytes=labelled.bytes)
        info = {"labels": labels, "splits": {"": labelled}}
        return cost, {**inputs["transfer"], **info}
