import json
import pathlib

import numpy as np
import pytest

from pd_bert.data.columns import Sequences
from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.errors import InputError

SPEC = {**TOKENS, "scores": Feature(dtype="float32", shape=(2,))}
EXAMPLES = [
    [([2, 7, 3], 3, [0.5, -1.0]), ([2, 3], 2, [0.0, 0.25])],
    [([2, 9, 3, 9, 3], 3, [8.0, 1.0])],
]


def encode(shard):
    for ids, start, scores in shard:
        yield {"token_ids": ids, "segment_start": start, "scores": scores}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    write_shards(lambda: EXAMPLES, encode, spec=SPEC, directory=tmp_path)
    description = {"vocabulary": "1234567890abcdef", "sequence_length": 8}
    write_manifest(tmp_path, spec=SPEC, description=description)
    return tmp_path


def test_reads_what_was_written(folder):
    records = Records(folder)
    records.check("1234567890abcdef")
    assert records.count == 3 and records.shard_counts == [2, 1]
    assert records.lengths.tolist() == [3, 2, 5]
    assert records.spec == SPEC
    columns = records.columns([1, 0])
    assert columns["token_ids"][0].tolist() == [2, 9, 3, 9, 3]
    assert columns["token_ids"][2].tolist() == [2, 3]
    assert columns["segment_start"].tolist() == [3, 3, 2]
    assert columns["scores"].tolist() == [[8.0, 1.0], [0.5, -1.0], [0.0, 0.25]]


def test_padded_cuts_and_fills():
    column = Sequences(np.array([1, 2, 3, 4, 5, 6]), np.array([0, 1, 4, 6]))
    padded = column.padded(np.array([1, 0]), 2, 9)
    assert padded.tolist() == [[2, 3], [1, 9]]
    assert column.lengths.tolist() == [1, 3, 2]


@pytest.mark.parametrize("name", ["shard-00001.tfrecord", "shard-00000.npy"])
@pytest.mark.parametrize("damage", ["cut", "longer", "bit", "gone"])
def test_damage_is_found(folder, name, damage):
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "longer":
        path.write_bytes(content + b"x")
    else:
        content[-1] ^= 4
        path.write_bytes(content)
    with pytest.raises(InputError, match=name) as error:
        Records(folder).check("1234567890abcdef")
    assert "\n" not in str(error.value)


def test_another_vocabulary(folder):
    with pytest.raises(InputError, match=r"1234567890ab.*ffff00001111"):
        Records(folder).check("ffff000011112222")


def test_no_manifest_and_a_cut_one(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"manifest\.json"):
        Records(tmp_path / "empty")
    manifest = folder / "manifest.json"
    json.loads(manifest.read_text())
    manifest.write_text(manifest.read_text()[:40])
    with pytest.raises(InputError, match=r"manifest\.json"):
        Records(folder)
