"""Outputs over all batches of a data set."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.example_spec import TOKENS
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.stages.base import Context
from pd_bert.training.feed import Forward, distribute
from pd_bert.training.runtime import Runtime


@pytest.fixture
def records(tmp_path: pathlib.Path) -> Records:
    """Example i has i + 2 tokens, all of them i, but 14 at most."""

    def encode(chunk):
        for number in chunk:
            yield {"token_ids": [number] * min(number + 2, 14), "segment_start": 1}

    write_shards(lambda: [range(13)], encode, spec=TOKENS, directory=tmp_path)
    description = {"vocabulary": "v", "sequence_length": 14}
    write_manifest(tmp_path, spec=TOKENS, description=description)
    return Records(tmp_path)


def sums(seen: list[tf.TensorShape]) -> Forward:
    def function(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seen.append(batch["token_ids"].shape)
        return {"sum": tf.reduce_sum(batch["token_ids"], axis=1)}

    return Forward(function, tf.distribute.get_strategy())


def test_it_is_traced_once_whatever_length_comes_first(records) -> None:
    """Else a length's graph, and its last bits, depend on where a run was resumed."""
    seen: list[tf.TensorShape] = []
    forward = sums(seen)
    first = set()
    for seed in range(4):
        batches = Batches(records, batch_size=2, buckets=(4, 8, 14), seed=seed)
        first.add(batches.lengths(0)[0])
        outputs = list(forward(batches))
        ids = np.concatenate([each["example_id"] for each in outputs])
        found = np.concatenate([each["sum"] for each in outputs])
        assert sorted(ids.tolist()) == list(range(13))  # the filler is left out
        assert found.tolist() == [i * min(i + 2, 14) for i in ids.tolist()]
    assert len(first) > 1
    assert [shape.as_list() for shape in seen] == [[2, None]]


def test_fixed_length_pads_all_to_the_longest_in_one_shape(records, tmp_path) -> None:
    """A TPU must know every dimension."""
    context = Context(
        directory=tmp_path,
        scratch=tmp_path,
        summaries=tmp_path,
        runtime=Runtime(fixed_length=True),
        strategy=tf.distribute.get_strategy(),
        artifacts={},
        chief=True,
        where="here",
    )
    buckets = context.buckets((4, 8, 16), records)
    assert buckets == (14,)
    batches = Batches(records, batch_size=2, buckets=buckets)
    data = distribute(batches, context.strategy)
    assert data.element_spec["token_ids"].shape == (2, 14)
    assert data.element_spec["padding_mask"].shape == (2, 14)
    assert {batch["token_ids"].shape.as_list()[1] for batch in data} == {14}
    seen: list[tf.TensorShape] = []
    outputs = list(sums(seen)(batches))
    assert sum(len(each["sum"]) for each in outputs) == 13
    assert [shape.as_list() for shape in seen] == [[2, 14]]
