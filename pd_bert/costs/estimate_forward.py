"""Forward passes for logits alone, as labelling makes them."""

import dataclasses
import time
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from pd_bert.costs.probe import Probe
from pd_bert.costs.workload import Workload
from pd_bert.data.example_spec import TOKENS, ExampleSpec, serialize
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.models.heads import Head
from pd_bert.models.network import Network
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.base import Task

_TRIED = 512


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Logits(Task):
    """The task of giving logits, without anything to measure."""

    name: str = "logits"

    @property
    def primary_metric(self) -> str:
        return ""

    def spec(self) -> ExampleSpec:
        return TOKENS

    def heads(self, labels: tuple[str, ...]) -> dict[str, Head]:
        return {}

    def measure(
        self, outputs: Outputs, batch: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        return dict(outputs.logits)

    def metrics(self, measured: Mapping[str, np.ndarray]) -> dict[str, float]:
        return {}


def logits_load(
    network: Network,
    records: ExpectedRecords,
    batch_size: int,
    buckets: tuple[int, ...],
    probe: Probe,
) -> Workload:
    """The passes of a finished model over a data set."""
    fixed = (records.sequence_length,)
    replicas = probe.strategy.num_replicas_in_sync
    return Workload(
        network=network,
        task=_Logits(),
        spec=tuple(records.spec.items()),
        sequence_length=records.sequence_length,
        batch_size=-(-batch_size // replicas) * replicas,
        buckets=fixed if probe.runtime.fixed_length else tuple(buckets),
    )


def seconds_per_record(records: ExpectedRecords) -> float:
    """What writing an example takes, measured on some."""
    length = round(float(records.lengths.mean())) if len(records.lengths) else 0
    example = {
        name: np.zeros(
            [length if size is None else size for size in feature.shape],
            feature.in_memory,
        )
        for name, feature in records.spec.items()
    }
    begin = time.perf_counter()
    for _ in range(_TRIED):
        serialize(example, records.spec)
    return (time.perf_counter() - begin) / _TRIED
