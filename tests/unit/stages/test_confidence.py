import pathlib

import numpy as np
import pytest

from pd_bert.curation.confidence import confidence
from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards


def labeled(folder: pathlib.Path, *shards: list[tuple[int, list[float]]]) -> Records:
    """Examples of a length and the logs of their probabilities."""
    outputs = len(shards[0][0][1])
    spec = {**TOKENS, "teacher_logits": Feature(dtype="float32", shape=(outputs,))}

    def encode(shard):
        for length, probabilities in shard:
            yield {
                "token_ids": [2, *[7] * (length - 2), 3],
                "segment_start": length,
                "teacher_logits": np.log(probabilities) + 2,
            }

    write_shards(lambda: shards, encode, spec=spec, directory=folder)
    write_manifest(folder, spec=spec, description={})
    return Records(folder)


def test_how_sure_a_classifier_is(tmp_path: pathlib.Path) -> None:
    records = labeled(
        tmp_path,
        [(5, [0.15, 0.85]), (8, [0.55, 0.45]), (9, [0.25, 0.75])],
        [(600, [0.34, 0.66]), (6, [1.0, 1e-30])],
    )
    found = confidence(records, ("bad", "good"))
    assert found is not None
    assert found["histogram"] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert found["mean"] == pytest.approx((0.85 + 0.55 + 0.75 + 0.66 + 1) / 5)
    by_length = found["by_length"]
    assert by_length["up_to"][:2] == [8, 16] and by_length["up_to"][-1] is None
    assert by_length["examples"] == [3, 1, *[0] * 10, 1]
    assert by_length["mean"][0] == pytest.approx((0.85 + 0.55 + 1) / 3)
    assert by_length["mean"][1] == pytest.approx(0.75)
    assert by_length["mean"][2] is None
    assert by_length["mean"][-1] == pytest.approx(0.66)
    assert found["labels"] == {"bad": 0.4, "good": 0.6}


def test_a_regression_has_none(tmp_path: pathlib.Path) -> None:
    assert confidence(labeled(tmp_path, [(5, [3.2])]), ("score",)) is None


def test_how_sure_a_tagger_is(tmp_path: pathlib.Path) -> None:
    """Of the tokens with a weight: the first pieces of words."""
    spec = {
        **TOKENS,
        "label_weight": Feature(dtype="float32", shape=(None,)),
        "teacher_logits": Feature(dtype="float32", shape=(None, 2)),
    }

    def encode(length: int):
        weight = np.zeros(length, np.float32)
        weight[1:3] = 1
        logits = np.zeros([length, 2])
        logits[1] = np.log([0.25, 0.75])
        logits[2] = np.log([0.95, 0.05])
        yield {
            "token_ids": [2, *[7] * (length - 2), 3],
            "segment_start": length,
            "label_weight": weight,
            "teacher_logits": logits,
        }

    write_shards(lambda: (5, 10), encode, spec=spec, directory=tmp_path)
    write_manifest(tmp_path, spec=spec, description={})
    found = confidence(Records(tmp_path), ("B-X", "O"))
    assert found is not None
    assert found["histogram"] == [0, 0, 0, 0, 0, 0, 0, 2, 0, 2]
    assert found["mean"] == pytest.approx(0.85)
    assert found["by_length"]["examples"][:2] == [2, 2]
    assert found["labels"] == {"B-X": 0.5, "O": 0.5}
