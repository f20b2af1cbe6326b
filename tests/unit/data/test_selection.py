import pathlib

import numpy as np
import pytest

from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.records import Records
from pd_bert.data.selection import (
    taken_shards,
    write_selection,
    write_selection_manifest,
)
from pd_bert.data.shards import write_manifest, write_shards

SPEC = {**TOKENS, "teacher_logits": Feature(dtype="float32", shape=(2,))}


def encode(shard: list[int]):
    for number in shard:
        yield {
            "token_ids": [2, *[number] * (number % 3), 3],
            "segment_start": 2 + number % 3,
            "teacher_logits": [number, -number / 2],
        }


@pytest.fixture
def whole(tmp_path: pathlib.Path) -> Records:
    """The numbers from 0 to 11 in three shards of four."""
    folder = tmp_path / "whole"
    folder.mkdir()
    shards = [list(range(first, first + 4)) for first in (0, 4, 8)]
    write_shards(lambda: shards, encode, spec=SPEC, directory=folder)
    description = {"vocabulary": "abc", "sequence_length": 8, "settings": {"a": 1}}
    write_manifest(folder, spec=SPEC, description=description)
    return Records(folder)


def mask(*rows: int) -> np.ndarray:
    return np.isin(np.arange(12), rows)


def numbers(records: Records) -> list[float]:
    columns = records.columns(range(len(records.shard_counts)))
    return columns["teacher_logits"][:, 0].tolist()


@pytest.mark.parametrize("processes", [0, 2])
def test_the_kept_examples_with_all_features(whole, tmp_path, processes) -> None:
    folder = tmp_path / "part"
    folder.mkdir()
    told: list[int] = []
    keep = mask(1, 3, 5, 6, 8, 9, 11)
    write_selection(
        whole,
        keep,
        directory=folder,
        processes=processes,
        progress=told.append,
        stop=lambda: None,
    )
    write_selection_manifest(whole, directory=folder, settings={"b": 2})
    part = Records(folder)
    part.check("abc")
    assert part.manifest["settings"] == {"b": 2}
    assert part.manifest["sequence_length"] == 8
    assert part.count == sum(told) == 7
    assert part.shard_counts == [2, 2, 3]
    assert part.spec == SPEC
    assert numbers(part) == np.flatnonzero(keep).tolist()
    assert part.lengths.tolist() == whole.lengths[keep].tolist()
    columns = part.columns([1])
    assert columns["token_ids"][0].tolist() == [2, 5, 5, 3]
    assert columns["segment_start"].tolist() == [4, 2]
    assert columns["teacher_logits"].tolist() == [[5, -2.5], [6, -3]]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (mask(*range(12)), [[(0, 4)], [(1, 4)], [(2, 4)]]),
        (mask(0, 4, 8), [[(0, 1), (1, 1)], [(2, 1)]]),
        (mask(0, 8, 9), [[(0, 1), (2, 2)]]),
        (mask(5), [[(1, 1)]]),
        (mask(), []),
    ],
)
def test_shards_follow_the_whole_and_none_is_empty(whole, keep, expected) -> None:
    found = taken_shards(whole, keep)
    assert [[(t.shard, len(t.rows)) for t in each] for each in found] == expected
