"""Stage: metrics, speed and size of a model."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from pd_bert.artifact import Artifact
from pd_bert.costs.work import Fixed, ModelPasses, Works, logits_load
from pd_bert.data.pipeline import DEFAULT_BUCKETS
from pd_bert.data.surveyor import Surveyor
from pd_bert.models.model import Model
from pd_bert.stages.base import Context, Info, Stage, require_same_labels
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.system.atomic import written_aside
from pd_bert.training.evaluation import Evaluation
from pd_bert.training.forward_passes import ForwardPasses, expected_passes
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluate(Stage):
    """Measures a model on the splits of a task other than train.

    Also its size on disk and, of bare forward passes over dev's examples on this
    machine (ForwardPasses), its speed at `batch_size`, in examples per second, and its
    latency at `latency_batch_size`, in milliseconds per batch.

    predictions/SPLIT.npz holds what was measured: `example_id`, int64 [n], the row in
    the split's records, 0 to n − 1; the numbers that the task decodes, by name; and its
    gold features. Of a classification these are `logits` and `probabilities`, float32
    [n, labels], and `label`, int64 [n]; of a regression `logits` [n, 1], `score` and
    `label`, float32 [n].
    """

    name: str = ""
    model: Stage
    task_data: PrepareTask
    batch_size: int = 32
    latency_batch_size: int = 1
    buckets: tuple[int, ...] = DEFAULT_BUCKETS

    kind: ClassVar[str] = "evaluate"
    named_after: ClassVar[str] = "model"
    trains: ClassVar[bool] = True

    @property
    def dev_metric(self) -> str:
        return self.task_data.task.primary_metric

    def result_columns(self) -> Info:
        return self.model.result_columns()

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        model, task_data = inputs["model"], inputs["task_data"]
        require_same_labels(
            self.where,
            model=self.model.title,
            has=model.labels,
            wanted=task_data.labels,
        )
        shared = super().outline(inputs, survey)
        return dataclasses.replace(shared, labels=model.labels, network=model.network)

    def run(self, context: Context) -> Info:
        artifact = context.artifact(self.model)
        require_same_labels(
            context.where,
            model=str(artifact.directory),
            has=artifact.labels,
            wanted=context.artifact(self.task_data).labels,
        )
        vocabulary = artifact.vocabulary()
        task = self.task_data.task
        with context.strategy.scope():
            model = Model.load(artifact.directory)
        splits = {
            split: data.records(context)
            for split, data in self.task_data.measured.items()
        }
        buckets = context.buckets(self.buckets, splits["dev"])
        evaluation = Evaluation(
            model,
            task,
            vocabulary,
            labels=artifact.labels,
            strategy=context.strategy,
            batch_size=context.batch_size(self.batch_size),
            buckets=buckets,
        )
        metrics = {}
        for split, records in splits.items():
            records.check(vocabulary.fingerprint)
            measured = evaluation.measured(records)
            metrics[split] = task.metrics(measured, artifact.labels)
            _write(context.directory / "predictions" / f"{split}.npz", measured)
        passes = ForwardPasses(
            model, splits["dev"], buckets=buckets, pad_id=vocabulary.pad_id
        )
        return {
            "metrics": metrics,
            "primary_metric": task.primary_metric,
            "parameters": model.parameters,
            "size_bytes": weight_bytes(artifact),
            "examples_per_second": passes.examples_per_second(self.batch_size),
            "latency_ms": passes.latency_ms(self.latency_batch_size),
            "latency_batch_size": self.latency_batch_size,
            "labels": list(artifact.labels),
        }

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        splits = {
            split: inputs["task_data"].require_records(split)
            for split in self.task_data.measured
        }
        network = outline.require_network()
        load = logits_load(
            network, splits["dev"], self.batch_size, self.buckets, runtime
        )
        passes = expected_passes(
            splits["dev"],
            batch_size=self.batch_size,
            latency_batch_size=self.latency_batch_size,
            buckets=load.buckets,
        )
        measured = [(records, 1.0) for records in splits.values()]
        # A row has its number and label, and a logit and a probability per output.
        outputs = len(outline.labels or ()) or 1
        rows = sum(records.count for records in splits.values())
        return (
            ModelPasses(load=load, records=(*measured, (splits["dev"], passes))),
            Fixed(disk_bytes=(16 + 8 * outputs) * rows),
        )


def _write(path: pathlib.Path, measured: Mapping[str, np.ndarray]) -> None:
    # Batches hold class indices in 32 bits.
    arrays = {
        name: value.astype(np.int64 if value.dtype.kind == "i" else np.float32)
        for name, value in measured.items()
    }
    path.parent.mkdir(exist_ok=True)
    with written_aside(path) as aside, aside.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def weight_bytes(artifact: Artifact) -> int:
    """Returns the bytes of a model artifact's weight files."""
    saved = artifact.directory.joinpath("encoder").rglob("*")
    encoder = [p for p in saved if p.is_file() and p.suffix != ".json"]
    files = [artifact.directory / "heads.npz", *encoder]
    return sum(path.stat().st_size for path in files)
