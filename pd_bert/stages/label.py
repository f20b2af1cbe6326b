"""Stage: a teacher's outputs for every example of a data set, stored."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tqdm

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.work import ModelPasses, Works, WriteRecords, logits_load
from pd_bert.curation.confidence import confidence
from pd_bert.data.example_spec import ExampleSpec, Feature
from pd_bert.data.pipeline import DEFAULT_BUCKETS, Batches
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.models.model import Model, saved_network
from pd_bert.models.network import Network
from pd_bert.models.outputs import Wanted
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.stages.teacher_gate import TeacherGate
from pd_bert.system import interrupt
from pd_bert.training.feed import Forward
from pd_bert.training.runtime import Runtime
from pd_bert.training.teacher import LABEL_HEAD, feature_values, stored_features
from pd_bert.values import to_json

_DTYPES = ("float32", "float16", "bfloat16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Label(Stage):
    """P_teacher(y|x) for each x in D_T, as logits (Turc et al. 2019, Algorithm 1).

    Computed once for a teacher and a data set and read by every student, seed and
    epoch. A shard of the data gives a shard here; several processes share the work.
    `wanted` says which outputs are stored: logits, always float32, and in `dtype`
    (float32, float16 or bfloat16) hidden states of layers at every token, embeddings,
    the last layer's output and the pooled state. Objectives read them as those of the
    teacher `teacher_name`.

    With `split` the data are a split of a prepared task, whose gold labels are kept:
    a recipe may then weigh hard and soft labels. Nothing is labeled before `gate` has
    judged the teacher. `artifact.json` says under `confidence` how sure the teacher
    was, where logits are stored.
    """

    name: str = "labels"
    teacher: Stage
    transfer: Stage
    gate: TeacherGate | None = None
    split: str = ""
    wanted: Wanted = dataclasses.field(
        default_factory=lambda: Wanted(heads=(LABEL_HEAD,))
    )
    dtype: str = "float16"
    teacher_name: str = "teacher"
    batch_size: int = 64
    buckets: tuple[int, ...] = DEFAULT_BUCKETS

    kind: ClassVar[str] = "label"
    trains: ClassVar[bool] = True
    prerequisites: ClassVar[tuple[str, ...]] = ("gate",)

    def check(self) -> None:
        super().check()
        if self.split not in ("", "train"):
            raise InputError(
                f"{self.where}: students learn from no other split of a "
                f"prepared task than train; received {self.split!r}"
            )
        if self.dtype not in _DTYPES:
            raise InputError(
                f"{self.where}: outputs are stored as {', '.join(_DTYPES)}; received "
                f"{self.dtype!r}"
            )
        if self.wanted.attention:
            raise InputError(
                f"{self.where}: attention scores are too large to store; let the "
                "teacher run inside the student's step (LiveTeacher)"
            )
        if self.gate is not None and self.gate.evaluation.model != self.teacher:
            raise InputError(
                f"{self.where}: the gate must judge the teacher that "
                f"labels, {self.teacher.title}; {self.gate.title} judges another"
            )

    def result_columns(self) -> Info:
        return {
            **super().result_columns(),
            "task": self.teacher.result_columns()["task"],
        }

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        shared = super().outline(inputs, survey)
        teacher, transfer = inputs["teacher"], inputs["transfer"]
        splits = None
        if teacher.labels is not None:
            self._require_head(teacher.labels, self.where, self.teacher.title)
        if network := teacher.network:
            if teacher.every_head:
                network.require(self.wanted, f"{self.where}: {self.teacher.title}")
            if data := (transfer.splits or {}).get(self.split):
                splits = {"": data.with_features(self._features(network))}
        return dataclasses.replace(
            shared,
            labels=teacher.labels,
            inputs=transfer.inputs,
            sequence_length=transfer.sequence_length,
            teacher=teacher.network,
            every_head=teacher.every_head,
            splits=splits,
        )

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
            "teacher_network": to_json(saved_network(teacher.directory)),
            "confidence": confidence(Records(context.directory), teacher.labels)
            if self._stores_labels
            else None,
        }

    def _records(self, context: Context) -> tuple[Records, ExampleSpec]:
        teacher = context.artifact(self.teacher)
        self._require_head(teacher.labels, context.where, str(teacher.directory))
        network = saved_network(teacher.directory)
        network.require(self.wanted, f"{context.where}: {self.teacher.title}")
        records = Records(context.artifact(self.transfer).directory / self.split)
        return records, {**records.spec, **self._features(network)}

    def _features(self, network: Network) -> dict[str, Feature]:
        return stored_features(self.teacher_name, self.wanted, network, self.dtype)

    @property
    def _stores_labels(self) -> bool:
        return self.wanted.heads is None or LABEL_HEAD in self.wanted.heads

    def _require_head(self, labels: Sequence[str], where: str, teacher: str) -> None:
        if self._stores_labels and not labels:
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

        features = self._features(model.network)

        def stored(batch: Any) -> dict[str, tf.Tensor]:
            outputs = model(batch, training=False, wanted=self.wanted)
            return feature_values(self.teacher_name, outputs, features)

        forward = Forward(stored, context.strategy)
        pad_id = context.artifact(self.teacher).vocabulary().pad_id
        return functools.partial(
            self._encode,
            forward,
            records,
            features=features,
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
        features: Mapping[str, Feature],
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
        columns = records.columns([shard])
        first = sum(records.shard_counts[:shard])
        outputs: dict[int, dict[str, np.ndarray]] = {}
        for found in forward(batches):
            interrupt.check()
            for at, example in enumerate(found["example_id"].tolist()):
                length = len(columns["token_ids"][example - first])
                # A copy, or the view would keep the whole batch with its padding.
                outputs[example - first] = {
                    name: found[name][at, :length].copy()
                    if feature.variable
                    else found[name][at]
                    for name, feature in features.items()
                }
        batches.close()
        for row in range(len(outputs)):
            kept = {name: columns[name][row] for name in records.spec}
            yield {**kept, **outputs.pop(row)}

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        data = inputs["transfer"].require_records(self.split)
        network = inputs["teacher"].require_network()
        load = logits_load(network, data, self.batch_size, self.buckets, runtime)
        return (
            ModelPasses(load=load, records=((data, 1.0),), by_shard=True),
            WriteRecords(records=outline.require_records()),
        )
