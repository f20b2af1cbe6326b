"""What a training will cost."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pd_bert.costs.cost import Cost, require_known
from pd_bert.costs.probe import Probe
from pd_bert.costs.timing import chosen_lengths
from pd_bert.costs.workload import TrainingLoad, Workload, masked
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.models.network import Network

if TYPE_CHECKING:
    from pd_bert.stages.train import Train

Info = dict[str, Any]

# Of each weight: itself and the two moments of Adam, in three checkpoints (two are
# kept while the next one is written); itself, in the old and the new best ones.
_CHECKPOINT_BYTES = 3 * 12
_BEST_BYTES = 2 * 4
_MODEL_FILES_BYTES = 1 << 17  # descriptions, HDF5's headers and padding


def network_of(inputs: Mapping[str, Info], field: str) -> Network:
    """The model that a stage's estimate tells of."""
    return Network(
        architecture=require_known(inputs, field, "architecture"),
        heads=tuple(sorted(require_known(inputs, field, "heads").items())),
        vocabulary_size=require_known(inputs, field, "vocabulary_size"),
    )


def model_bytes(network: Network) -> int:
    """The files of a model's artifact."""
    return 4 * network.parameters + _MODEL_FILES_BYTES


def estimate_training(
    stage: "Train", inputs: Mapping[str, Info], probe: Probe
) -> tuple[Cost, Info]:
    """The cost of all steps, measurements on dev and checkpoints, without a stop early.

    Training is three forward passes of operations: one forward, two backward.
    """
    data, splits = stage.expected_records(inputs)
    field = next(f for f, s in stage.inputs().items() if s is stage.data.train.stage)
    labels = tuple(inputs.get("task_data", {}).get("labels", ()))
    architecture = stage.architecture or require_known(
        inputs, "initial", "architecture"
    )
    heads = stage.data.task.heads(labels)
    network = Network(
        architecture=architecture,
        heads=tuple(sorted(heads.items())),
        vocabulary_size=require_known(inputs, field, "vocabulary_size"),
    )
    fixed = (data.sequence_length,)
    buckets = fixed if probe.runtime.fixed_length else tuple(stage.buckets)
    live = stage.expected_teacher(inputs)
    load = TrainingLoad(
        network=network,
        task=stage.data.task,
        spec=tuple(data.spec.items()),
        sequence_length=data.sequence_length,
        batch_size=stage.batch_size,
        buckets=buckets,
        objectives=stage.objectives,
        optimizer=stage.optimizer,
        accumulation=stage.accumulation,
        live_teacher=live,
        teacher="teacher_logits" in data.spec,
    )
    epoch = data.batch_lengths(
        batch_size=stage.batch_size, buckets=buckets, shuffle=True
    )
    per_epoch = math.ceil(sum(epoch.values()))
    steps = stage.steps or per_epoch * stage.epochs
    taken = {length: n * steps / max(1, per_epoch) for length, n in epoch.items()}
    dev = splits.get("dev")
    every = stage.evaluate_every or per_epoch
    evaluations = 0 if dev is None else math.ceil(steps / max(1, every))

    timing = probe.training(load, chosen_lengths(epoch))
    measured = [(dev, evaluations)] if dev is not None else []
    measured += [(split, 1) for split in splits.values()]
    replicas = probe.strategy.num_replicas_in_sync
    passes = Workload(
        network=network,
        task=stage.data.task,
        spec=load.spec if dev is None else tuple(dev.spec.items()),
        sequence_length=data.sequence_length,
        batch_size=-(-max(stage.batch_size, 32) // replicas) * replicas,
        buckets=buckets,
    )
    forward = forward_cost(passes, measured, probe)
    seconds = memory_bytes = None
    if timing is not None and forward.seconds is not None:
        run = timing.seconds(taken)
        by_time = min(
            run / max(1e-6, probe.runtime.checkpoint_seconds),
            steps / probe.runtime.steps_per_call,
        )
        saves = 2 + max(evaluations, by_time)  # the model itself, and the last one
        seconds = (
            timing.start
            + timing.each_length * max(0, len(epoch) - 1)
            + run
            + saves * timing.save
            + forward.seconds
        )
        memory_bytes = max(timing.peak_bytes, forward.memory_bytes or 0)
        memory_bytes += data.memory_bytes()
    operations = {
        length: 3 * network.flops(length, masked(load, length))
        + (0 if live is None else live.flops(length))
        for length in epoch
    }
    cost = Cost(
        seconds=seconds,
        memory_bytes=memory_bytes,
        disk_bytes=model_bytes(network),
        scratch_bytes=network.parameters
        * (_CHECKPOINT_BYTES + (_BEST_BYTES if dev is not None else 0)),
        flops=forward.flops
        + stage.batch_size * sum(operations[k] * taken[k] for k in taken),
        exact=data.exact or stage.steps is not None,
    )
    return cost, {
        **inputs[field],
        "labels": list(labels),
        "architecture": architecture,
        "heads": heads,
        "parameters": network.parameters,
        "steps": steps,
    }


def forward_cost(
    load: Workload,
    measured: Sequence[tuple[ExpectedRecords, float]],
    probe: Probe,
    *,
    by_shard: bool = False,
) -> Cost:
    """Forward passes over data sets, each so many times."""
    batches: dict[int, float] = {}
    calls, held = 0.0, 0
    for records, times in measured:
        held = max(held, records.memory_bytes())
        calls += times * (records.shards if by_shard else 1)
        once = records.batch_lengths(
            batch_size=load.batch_size, buckets=load.buckets, by_shard=by_shard
        )
        for length, count in once.items():
            batches[length] = batches.get(length, 0.0) + times * count
    cost = Cost(
        flops=load.batch_size
        * sum(
            load.network.flops(length, masked(load, length)) * count
            for length, count in batches.items()
        ),
        exact=all(records.exact for records, _ in measured),
    )
    if not batches:
        return cost
    timing = probe.forward(load, chosen_lengths(batches))
    if timing is None:
        return dataclasses.replace(cost, seconds=None, memory_bytes=None)
    seconds = (
        timing.start
        + timing.each_length * (len(batches) - 1)
        + timing.each_call * calls
        + timing.seconds(batches)
    )
    return dataclasses.replace(
        cost, seconds=seconds, memory_bytes=timing.peak_bytes + held
    )
