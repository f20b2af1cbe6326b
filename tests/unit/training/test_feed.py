"""Outputs over all batches of a data set."""

from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.pipeline import NumpyBatch
from pd_bert.training.feed import Forward


def batches_of(lengths: tuple[int, ...]) -> Iterator[NumpyBatch]:
    for number, length in enumerate(lengths):
        yield {
            "token_ids": np.full([2, length], number, np.int32),
            "example_id": np.array([2 * number, 2 * number + 1], np.int64),
            "example_weight": np.array([1.0, number > 0], np.float32),
        }


@pytest.mark.parametrize("lengths", [(4, 8, 4), (8, 4, 16)])
def test_it_is_traced_once_whatever_length_comes_first(lengths) -> None:
    """Else a length's graph, and its last bits, depend on where a run was resumed."""
    seen = []

    def function(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seen.append(batch["token_ids"].shape)
        return {"sum": tf.reduce_sum(batch["token_ids"], axis=1)}

    forward = Forward(function, tf.distribute.get_strategy())
    for _ in range(2):
        outputs = list(forward(lambda: batches_of(lengths), 2))
        ids = np.concatenate([each["example_id"] for each in outputs])
        sums = np.concatenate([each["sum"] for each in outputs])
        assert ids.tolist() == [0, 2, 3, 4, 5]  # the filler is left out
        assert sums.tolist() == [0, *[lengths[1]] * 2, *[2 * lengths[2]] * 2]
    assert [shape.as_list() for shape in seen] == [[2, None]]
