"""Timing a model that takes a known time."""

import pathlib
import time
import types
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.example_spec import TOKENS
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.training.forward_passes import ForwardPasses

_SECONDS = 0.005


def _encode(lengths: tuple[int, ...]) -> Any:
    for length in lengths:
        yield {"token_ids": np.ones(length, np.int64), "segment_start": 0}


@pytest.fixture
def records(tmp_path: pathlib.Path) -> Records:
    write_shards(lambda: [(3, 5, 7, 4) * 2], _encode, spec=TOKENS, directory=tmp_path)
    write_manifest(tmp_path, spec=TOKENS, description={"sequence_length": 8})
    return Records(tmp_path)


class _Slow:
    """A model whose pass takes 5 ms, and a second the first time."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, inputs: dict[str, tf.Tensor]) -> Any:
        def wait(token_ids: tf.Tensor) -> np.ndarray:
            self.calls.append(len(token_ids))
            time.sleep(_SECONDS if len(self.calls) > 1 else 1.0)
            return np.zeros([len(token_ids), 2], np.float32)

        logits = tf.py_function(wait, [inputs["token_ids"]], tf.float32)
        return types.SimpleNamespace(logits={"label": logits})


def test_latency_is_in_milliseconds_of_one_pass(records: Records) -> None:
    model = _Slow()
    passes = ForwardPasses(model, records, buckets=(8,), pad_id=0)  # type: ignore[arg-type]
    # A busy machine may be late, never early; the first pass's second is not counted.
    assert 1000 * _SECONDS <= passes.latency_ms(1) < 500
    assert set(model.calls) == {1}


def test_speed_counts_the_examples_of_a_batch(records: Records) -> None:
    model = _Slow()
    passes = ForwardPasses(model, records, buckets=(8,), pad_id=0)  # type: ignore[arg-type]
    assert passes.examples_per_second(4) <= 4 / _SECONDS
    assert set(model.calls) == {4}
