"""Arrays of batches, joined."""

import ml_dtypes
import numpy as np
import pytest

from pd_bert.data.joining import join_padded


@pytest.mark.parametrize("dtype", [np.int32, np.float16, ml_dtypes.bfloat16, bool])
def test_other_axes_are_padded_to_the_largest(dtype) -> None:
    parts = [np.ones([1, 2, 1], dtype), np.ones([2, 1, 3], dtype)]
    found = join_padded(parts)
    assert found.dtype == dtype and found.shape == (3, 2, 3)
    assert found.astype(int).tolist() == [
        [[1, 0, 0], [1, 0, 0]],
        [[1, 1, 1], [0, 0, 0]],
        [[1, 1, 1], [0, 0, 0]],
    ]


def test_strings_and_many_parts() -> None:
    parts = [np.array([["a"]]), np.array([["bcd", "e"]])]
    assert join_padded(parts).tolist() == [["a", ""], ["bcd", "e"]]
    many = [np.full([1, 1 + number % 3], number) for number in range(500)]
    found = join_padded(many)
    assert found.shape == (500, 3) and found[:, 0].tolist() == list(range(500))
    assert join_padded([np.arange(3)]).tolist() == [0, 1, 2]
