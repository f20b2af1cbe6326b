import itertools

import numpy as np
import pytest

from pd_bert.data.example_spec import TOKENS, Feature, parse
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.data.to_dataset import to_dataset

SPEC = {**TOKENS, "label": Feature(dtype="int64")}
# Three shards of 7, 5 and 1 examples, of lengths 3 to 12.
COUNTS, BUCKETS, BATCH = (7, 5, 1), (4, 8), 4
# The shards take 256, 200 and 28 bytes of memory: the last two fit in half of this.
TWO_BLOCKS = 480


def encode(shard):
    for row in range(COUNTS[shard]):
        number = sum(COUNTS[:shard]) + row
        length = 3 + (number * 5) % 10
        ids = [2, *([10 + number] * (length - 2)), 3]
        yield {"token_ids": ids, "segment_start": length - 1, "label": number}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_shards(lambda: range(3), encode, spec=SPEC, directory=folder)
    write_manifest(folder, spec=SPEC, description={"vocabulary": "v"})
    return Records(folder)


def batches(records, **options):
    return Batches(records, **{"batch_size": BATCH, "buckets": BUCKETS, **options})


def real(batch):
    return batch["label"][batch["example_weight"] > 0].tolist()


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], name)


@pytest.mark.parametrize("block_bytes", [1, TWO_BLOCKS, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_example_once_an_epoch(records, block_bytes, shuffle):
    made = batches(records, block_bytes=block_bytes, shuffle=shuffle)
    for epoch in range(3):
        labels = [label for batch in made.epoch(epoch) for label in real(batch)]
        assert sorted(labels) == list(range(13))
        assert len(list(made.epoch(epoch))) == made.steps(epoch)
    assert made.steps_of(3) == sum(made.steps(epoch) for epoch in range(3))


@pytest.mark.parametrize("block_bytes", [1, TWO_BLOCKS, 1000])
def test_starting_later_is_the_tail(records, block_bytes):
    options = {"block_bytes": block_bytes, "seed": 5}
    made = batches(records, **options)
    steps = made.steps_of(3)
    whole = list(itertools.islice(made.iterate(), steps))
    for start in range(steps):
        later = batches(records, **options).iterate(start)
        for one, other in zip(whole[start : start + 3], later, strict=False):
            assert_equal(one, other)


def test_a_batch(records):
    """Lengths 3, 8, 3 and 8 of the first bucketed rows, in the records' order."""
    first, *_ = batches(records, shuffle=False).epoch()
    assert first["label"].tolist() == [0, 2, 4, 6]  # the examples of length 3
    assert first["token_ids"].tolist() == [
        [2, 10, 3, 0],
        [2, 12, 3, 0],
        [2, 14, 3, 0],
        [2, 16, 3, 0],
    ]
    assert first["padding_mask"].tolist() == [[1, 1, 1, 0]] * 4
    assert first["segment_ids"].tolist() == [[0, 0, 1, 0]] * 4
    assert first["example_id"].tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("shuffle", [True, False])
def test_buckets_and_fillers(records, shuffle):
    for batch in batches(records, block_bytes=TWO_BLOCKS, shuffle=shuffle).epoch():
        rows, length = batch["token_ids"].shape
        assert rows == BATCH and length in BUCKETS
        weights = batch["example_weight"]
        for row in range(rows):
            label = batch["label"][row]
            true_length = 3 + (label * 5) % 10
            # The smallest bucket that holds it, or with `shuffle` a longer one; what is
            # longer than all is cut.
            smallest = 4 if true_length <= 4 else 8
            assert length == smallest or (shuffle and length > smallest)
            kept = min(true_length, length)
            assert batch["padding_mask"][row].sum() == kept
            pieces = batch["token_ids"][row, 1 : min(true_length - 1, length)]
            assert set(pieces.tolist()) == {10 + label}
        # Fillers come last, weigh 0 and repeat the first row.
        assert sorted(weights.tolist(), reverse=True) == weights.tolist()
        assert set(weights.tolist()) <= {0.0, 1.0} and weights[0] == 1
        for row in np.flatnonzero(weights == 0):
            assert batch["label"][row] == batch["label"][0]


def test_shuffled_a_block_has_one_short_batch(records):
    """13 examples in batches of 4: three full ones and one, whatever their lengths."""
    for epoch in range(4):
        sizes = [len(real(batch)) for batch in batches(records).epoch(epoch)]
        assert sorted(sizes) == [1, 4, 4, 4]


def test_pad_id_and_transform(records):
    made = batches(
        records,
        pad_id=9,
        transform=lambda batch, epoch: {**batch, "epoch": np.full(BATCH, epoch)},
    )
    batch = next(made.epoch(4))
    assert batch["epoch"].tolist() == [4] * BATCH
    assert (batch["token_ids"][batch["padding_mask"] == 0] == 9).all()


def test_seeds_and_epochs_differ_and_repeat(records):
    def order(seed, epoch):
        made = batches(records, seed=seed, block_bytes=TWO_BLOCKS)
        return [label for batch in made.epoch(epoch) for label in real(batch)]

    orders = [order(0, 0), order(0, 1), order(1, 0), order(1, 1)]
    assert len({tuple(each) for each in orders}) == 4
    assert order(1, 1) == orders[3]
    assert order(0, 0) != sorted(order(0, 0))


@pytest.mark.parametrize("block_bytes", [1, TWO_BLOCKS, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
def test_rows_of_workers_are_slices_of_the_global_batch(records, block_bytes, shuffle):
    """Also where a worker has only fillers: the last batch has one real row."""
    options = {"block_bytes": block_bytes, "shuffle": shuffle, "seed": 2}
    made = batches(records, **options)
    whole = list(itertools.islice(made.iterate(3), 3 * made.steps(0)))
    for worker in range(2):
        rows = range(2 * worker, 2 * worker + 2)
        own = batches(records, **options).iterate(3, rows=rows)
        for one, part in zip(whole, own, strict=False):
            cut = {name: value[rows.start : rows.stop] for name, value in one.items()}
            assert_equal(cut, part)


@pytest.mark.parametrize(("block_bytes", "parsed"), [(1, 16), (1000, 13)])
def test_a_worker_parses_its_own_rows(records, monkeypatch, block_bytes, parsed):
    """Of blocks of 7, 5 and 1 examples 4, 3 and 1 per epoch; of one block all, once.

    A filler counts as the row that it repeats.
    """
    counts = []

    def counting(serialized, spec):
        counts.append(len(serialized))
        return parse(serialized, spec)

    monkeypatch.setattr("pd_bert.data.records.parse", counting)
    for worker in range(2):
        made = batches(records, block_bytes=block_bytes, batch_size=2)
        for epoch in range(2):
            list(made.epoch(epoch, rows=range(worker, worker + 1)))
        assert sum(counts) == parsed
        counts.clear()


def test_lengths_are_open_in_whatever_depends_on_them(records):
    """Also in what a transform adds; nowhere where there is one bucket."""

    def transform(batch, epoch):
        rows, length = batch["token_ids"].shape
        return {
            **batch,
            "positions": np.zeros((rows, 5), np.int32),
            "pairs": np.zeros((rows, length, length), np.float32),
        }

    spec = to_dataset(batches(records, transform=transform)).element_spec
    shapes = {name: tuple(tensor.shape) for name, tensor in spec.items()}
    assert shapes == {
        "token_ids": (BATCH, None),
        "padding_mask": (BATCH, None),
        "segment_ids": (BATCH, None),
        "example_weight": (BATCH,),
        "example_id": (BATCH,),
        "label": (BATCH,),
        "positions": (BATCH, 5),
        "pairs": (BATCH, None, None),
    }
    one = batches(records, transform=transform, buckets=(8,))
    assert to_dataset(one).element_spec["pairs"].shape == (BATCH, 8, 8)


def test_one_block_is_read_once(records, monkeypatch):
    reads = []
    read = Records.read

    def counting(self, *arguments, **options):
        reads.append(self)
        return read(self, *arguments, **options)

    monkeypatch.setattr(Records, "read", counting)
    made = batches(records)
    for _ in range(3):
        list(itertools.islice(made.iterate(2), 3 * made.steps(0)))
    assert len(reads) == 1
    made.close()
    next(made.epoch())
    assert len(reads) == 2


def test_some_shards(records):
    made = batches(records, shards=(1,), shuffle=False)
    labels = [label for batch in made.epoch() for label in real(batch)]
    assert sorted(labels) == [7, 8, 9, 10, 11]
    ids = np.concatenate(
        [b["example_id"][b["example_weight"] > 0] for b in made.epoch()]
    )
    assert sorted(ids.tolist()) == [7, 8, 9, 10, 11]


@pytest.mark.parametrize("workers", [1, 2])
def test_parts_make_the_global_batch(records, workers):
    """Two replicas, in one process or one in each of two."""
    made = batches(records)
    share = 2 // workers
    parts = [
        list(
            to_dataset(
                made, replicas=2, local=range(w * share, (w + 1) * share)
            ).as_numpy_iterator()
        )
        for w in range(workers)
    ]
    if workers == 1:
        parts = [parts[0][::2], parts[0][1::2]]
    for whole, one, other in zip(made.epoch(), *parts, strict=True):
        assert len(one["label"]) == BATCH // 2
        joined = {name: np.concatenate([one[name], other[name]]) for name in one}
        assert_equal(whole, joined)
