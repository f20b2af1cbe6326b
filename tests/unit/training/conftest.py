"""Records of a few short examples."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards


def _write_records(
    folder: pathlib.Path,
    features: Mapping[str, Feature],
    examples: Sequence[Mapping[str, Any]],
) -> Records:
    spec = {**TOKENS, **features}
    write_shards(
        lambda: range(1), lambda _: iter(examples), spec=spec, directory=folder
    )
    write_manifest(folder, spec=spec, description={"vocabulary": "v"})
    return Records(folder)


@pytest.fixture(scope="session")
def write_records() -> Callable[..., Records]:
    """(folder, features beside the tokens, examples) → their records."""
    return _write_records


@pytest.fixture(scope="session")
def examples() -> list[dict[str, Any]]:
    """18 texts of 4 to 8 tokens, with a label of 3 and a teacher's logits.

    They are not a multiple of a batch: fillers occur.
    """
    lengths = [4 + row % 5 for row in range(18)]
    return [
        {
            "token_ids": [2, *([5 + row % 9] * (length - 2)), 3],
            "segment_start": length,
            "label": row % 3,
            "teacher_logits": np.eye(3, dtype=np.float32)[row % 3] * 2,
        }
        for row, length in enumerate(lengths)
    ]


@pytest.fixture(scope="session")
def records(
    tmp_path_factory: pytest.TempPathFactory, examples: list[dict[str, Any]]
) -> Records:
    features = {
        "label": Feature(dtype="int64"),
        "teacher_logits": Feature(dtype="float32", shape=(3,)),
    }
    return _write_records(tmp_path_factory.mktemp("records"), features, examples)
