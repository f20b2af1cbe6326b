"""The price of every kind of work."""

import dataclasses
import functools
import os
import time

import numpy as np

from pd_bert.costs.cost import UNKNOWN, Cost
from pd_bert.costs.probe import Probe
from pd_bert.costs.synthetic import masked
from pd_bert.costs.timing import chosen_lengths
from pd_bert.costs.work import (
    CopyModel,
    Encode,
    Fixed,
    LearnVocabulary,
    ModelPasses,
    ReadSource,
    TrainingSteps,
    Unknown,
    Work,
    WriteRecords,
)
from pd_bert.data.example_spec import serialize
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.models.network import Network
from pd_bert.system import memory

# Of each weight: itself and the two moments of Adam, in three checkpoints (two are
# kept while the next one is written); itself, in the old and the new best ones.
_CHECKPOINT_BYTES = 3 * 12
_BEST_BYTES = 2 * 4
_MODEL_FILES_BYTES = 1 << 17  # descriptions, HDF5's headers and padding
_BYTES_PER_SECOND = 2e8  # of a disk
# A shard's description and locks, each of which is written through to the disk.
_SHARD_SECONDS = 0.03
_SHARD_BYTES = 600
_LENGTH_BYTES = 2  # of each example, beside the records
# Of a chunk in memory: the text, its pieces and their offsets.
_BYTES_PER_CHARACTER = 8
_TRIED_EXAMPLES = 512


@functools.singledispatch
def price(work: Work, probe: Probe) -> Cost:
    """Returns what a work costs on the probe's machine.

    Seconds and memory are None where the probe does not measure.
    """
    raise TypeError(f"work of the kind {type(work).__name__} has no price")


@price.register
def _unknown(work: Unknown, probe: Probe) -> Cost:
    return UNKNOWN


@price.register
def _fixed(work: Fixed, probe: Probe) -> Cost:
    return Cost(seconds=work.seconds, disk_bytes=work.disk_bytes)


@price.register
def _training(work: TrainingSteps, probe: Probe) -> Cost:
    """Three forward passes of operations: one forward, two backward."""
    load, network, epoch = work.load, work.load.network, work.epoch
    each_epoch = max(1, sum(epoch.values()))
    taken = {length: n * work.steps / each_epoch for length, n in epoch.items()}
    live = [each.network for each in load.teachers if each.live and each.network]
    flops = {
        length: 3 * network.flops(length, masked(load, length))
        + sum(each.flops(length) for each in live)
        for length in epoch
    }
    kept = _CHECKPOINT_BYTES + (0 if work.evaluations is None else _BEST_BYTES)
    cost = Cost(
        seconds=None,
        memory_bytes=None,
        disk_bytes=_model_bytes(network),
        scratch_bytes=network.parameters * kept,
        flops=load.batch_size * sum(flops[length] * taken[length] for length in taken),
        exact=work.exact,
    )
    timing = probe.training(load, chosen_lengths(epoch))
    if timing is None:
        return cost
    run = timing.seconds(taken)
    by_time = min(
        run / max(1e-6, probe.runtime.checkpoint_seconds),
        work.steps / probe.runtime.steps_per_call,
    )
    # The model itself, and the last checkpoint.
    saves = 2 + max(work.evaluations or 0, by_time)
    compiling = timing.start + timing.each_length * max(0, len(epoch) - 1)
    return dataclasses.replace(
        cost,
        seconds=compiling + run + saves * timing.save,
        memory_bytes=timing.peak_bytes + work.records.memory_bytes(),
    )


@price.register
def _forward(work: ModelPasses, probe: Probe) -> Cost:
    replicas = probe.strategy.num_replicas_in_sync
    batch_size = -(-work.load.batch_size // replicas) * replicas
    load = dataclasses.replace(work.load, batch_size=batch_size)
    batches: dict[int, float] = {}
    calls, held = 0.0, 0
    for records, times in work.records:
        held = max(held, records.memory_bytes())
        calls += times * (records.shards if work.by_shard else 1)
        once = records.batch_lengths(
            batch_size=batch_size, buckets=load.buckets, by_shard=work.by_shard
        )
        for length, count in once.items():
            batches[length] = batches.get(length, 0.0) + times * count
    flops = sum(
        load.network.flops(length, masked(load, length)) * count
        for length, count in batches.items()
    )
    exact = all(records.exact for records, _ in work.records)
    cost = Cost(flops=batch_size * flops, exact=exact)
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


@price.register
def _read_source(work: ReadSource, probe: Probe) -> Cost:
    return Cost(seconds=probe.surveyor.first(work.source, work.read).seconds)


@price.register
def _encode(work: Encode, probe: Probe) -> Cost:
    found = probe.surveyor.encoded(work.encoding)
    expected = found.expected
    workers = min(probe.runtime.workers, expected.shards, os.cpu_count() or 1)
    encoding = found.encode_seconds + _SHARD_SECONDS * expected.shards
    in_flight = min(found.characters, 2 * workers * work.encoding.shard_characters)
    return Cost(
        seconds=found.read_seconds + encoding / workers,
        memory_bytes=found.peak_bytes + _BYTES_PER_CHARACTER * in_flight,
        disk_bytes=_records_bytes(expected),
        exact=expected.exact,
    )


@price.register
def _write_records(work: WriteRecords, probe: Probe) -> Cost:
    memory.reset_peak()
    # Parsing an example, and hashing or counting it, takes as long as writing it.
    examples = work.parsed + work.records.count
    seconds = examples * _seconds_per_record(work.records)
    return Cost(
        seconds=seconds + work.records.shards * _SHARD_SECONDS,
        memory_bytes=memory.peak_bytes() + work.held_bytes,
        disk_bytes=_records_bytes(work.records),
        scratch_bytes=work.scratch_bytes,
        exact=work.records.exact,
    )


@price.register
def _learn_vocabulary(work: LearnVocabulary, probe: Probe) -> Cost:
    found = probe.surveyor.vocabulary(
        work.source, size=work.size, lowercase=work.lowercase
    )
    share = min(1.0, work.max_characters / found.characters)
    return Cost(
        seconds=share * found.seconds,
        memory_bytes=found.peak_bytes,
        disk_bytes=found.file.stat().st_size,
        exact=found.exact,
    )


@price.register
def _copy_model(work: CopyModel, probe: Probe) -> Cost:
    size = _model_bytes(work.network)
    return Cost(
        seconds=work.seconds + work.passes * size / _BYTES_PER_SECOND,
        memory_bytes=memory.peak_bytes() + 3 * size,
        disk_bytes=size + work.added_bytes,
    )


def _model_bytes(network: Network) -> int:
    """The files of a model's artifact."""
    return 4 * network.parameters + _MODEL_FILES_BYTES


def _records_bytes(records: ExpectedRecords) -> int:
    """The files of a data set."""
    return records.bytes + _LENGTH_BYTES * records.count + _SHARD_BYTES * records.shards


def _seconds_per_record(records: ExpectedRecords) -> float:
    """Seconds to write an example, measured on some."""
    length = round(float(records.lengths.mean())) if len(records.lengths) else 0
    example = {
        name: np.zeros(
            [length if size is None else size for size in feature.shape],
            feature.in_memory,
        )
        for name, feature in records.spec.items()
    }
    begin = time.perf_counter()
    for _ in range(_TRIED_EXAMPLES):
        serialize(example, records.spec)
    return (time.perf_counter() - begin) / _TRIED_EXAMPLES
