"""Stage: metrics, speed and size of a model."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.costs.cost import Cost
from pd_bert.costs.estimate_forward import logits_load
from pd_bert.costs.estimate_training import forward_cost, network_of
from pd_bert.costs.probe import Probe
from pd_bert.data.pipeline import DEFAULT_BUCKETS
from pd_bert.models.model import Model
from pd_bert.models.outputs import Outputs
from pd_bert.stages.base import Context, Info, Stage, require_same_labels
from pd_bert.stages.finetune import expected_splits, task_splits
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.system.atomic import written_aside
from pd_bert.training.evaluation import Evaluation
from pd_bert.training.forward_passes import ForwardPasses, expected_passes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluate(Stage):
    """Measures a model on the splits of a task other than train.

    Also its size on disk and, of bare forward passes over dev's examples on this
    machine (ForwardPasses), its speed at `batch_size`, in examples a second, and its
    latency at `latency_batch_size`, in milliseconds a batch.

    predictions/SPLIT.npz holds what was measured: `example_id`, int64 [n], the row in
    the split's records, 0 to n − 1; `logits`, float32 [n, outputs]; `label` [n], the
    gold one, int64 or, of a regression, float32.
    """

    model: Stage
    task_data: PrepareTask
    batch_size: int = 32
    latency_batch_size: int = 1
    buckets: tuple[int, ...] = DEFAULT_BUCKETS

    kind: ClassVar[str] = "evaluate"
    trains: ClassVar[bool] = True

    @property
    def dev_metric(self) -> str:
        return self.task_data.task.primary_metric

    def result_columns(self) -> Info:
        return self.model.result_columns()

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        model, task_data = inputs["model"], inputs["task_data"]
        if "labels" in model and "labels" in task_data:
            require_same_labels(
                where,
                model=self.model.title,
                has=model["labels"],
                wanted=task_data["labels"],
            )
        return super().promise(inputs, where)

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
        splits = task_splits(self.task_data, context)
        buckets = context.buckets(self.buckets, splits["dev"])

        def measure(outputs: Outputs, batch: Any) -> dict[str, tf.Tensor]:
            kept = {"logits": outputs.logits["label"], "label": batch["label"]}
            return {**task.measure(outputs, batch), **kept}

        evaluation = Evaluation(
            model,
            task,
            vocabulary,
            strategy=context.strategy,
            batch_size=context.batch_size(self.batch_size),
            buckets=buckets,
            measure=measure,
        )
        metrics = {}
        for split, records in splits.items():
            records.check(vocabulary.fingerprint)
            measured = evaluation.measured(records)
            metrics[split] = task.metrics(measured)
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

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        splits = expected_splits(self.task_data, inputs)
        network = network_of(inputs, "model")
        load = logits_load(network, splits["dev"], self.batch_size, self.buckets, probe)
        passes = expected_passes(
            splits["dev"],
            batch_size=self.batch_size,
            latency_batch_size=self.latency_batch_size,
            buckets=load.buckets,
        )
        measured = [(records, 1.0) for records in splits.values()]
        cost = forward_cost(load, [*measured, (splits["dev"], passes)], probe)
        # A row has its number and label, and a logit an output.
        outputs = len(inputs["task_data"].get("labels", ())) or 1
        rows = sum(records.count for records in splits.values())
        written = dataclasses.replace(cost, disk_bytes=(16 + 4 * outputs) * rows)
        return written, {"parameters": network.parameters}


def _write(path: pathlib.Path, measured: Mapping[str, np.ndarray]) -> None:
    label = measured["label"]
    path.parent.mkdir(exist_ok=True)
    with written_aside(path) as aside, aside.open("wb") as file:
        np.savez(
            file,
            example_id=measured["example_id"].astype(np.int64),
            logits=measured["logits"].astype(np.float32),
            # Batches hold class indices in 32 bits.
            label=label.astype(np.int64 if label.dtype.kind == "i" else np.float32),
        )


def weight_bytes(artifact: Artifact) -> int:
    """The bytes of a model artifact's weight files."""
    files = [artifact.directory / "heads.npz"]
    files += (artifact.directory / "encoder").rglob("*.h5")
    return sum(path.stat().st_size for path in files)
