import gc
import threading
import time
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.background import Background, Piece
from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.data.to_dataset import to_dataset
from pd_bert.errors import InputError

SECONDS = 20.0


def pieces(count: int, *, items: int = 3) -> Iterator[Piece]:
    for number in range(count):
        yield Piece(
            load=lambda stop, number=number: number,
            make=lambda loaded, index: (loaded, index),
            indices=range(items),
        )


def threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("batches")}


@pytest.fixture(autouse=True)
def before():
    """The threads of other tests; no thread is left of this one."""
    before = threads()
    yield before
    end = time.monotonic() + SECONDS
    while threads() - before and time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    assert not threads() - before


@pytest.mark.parametrize("together", [1, 2, 8])
def test_items_come_in_order_whatever_takes_long(together: int) -> None:
    background = Background()

    def make(loaded: int, index: int) -> tuple[int, int]:
        time.sleep(0.02 * (index % 3 == 0))
        return loaded, index

    made = background.stream(
        Piece(load=lambda stop, n=n: n, make=make, indices=range(5), together=together)
        for n in range(4)
    )
    assert list(made) == [(n, i) for n in range(4) for i in range(5)]
    background.close()


def test_the_next_piece_is_loaded_while_one_is_used() -> None:
    background, loaded = Background(), [threading.Event() for _ in range(3)]

    def load(stop, number: int) -> int:
        loaded[number].set()
        return number

    made = background.stream(
        Piece(
            load=lambda stop, n=n: load(stop, n),
            make=lambda value, index: value,
            indices=range(50),
        )
        for n in range(3)
    )
    assert next(made) == 0
    assert loaded[1].wait(SECONDS)
    time.sleep(0.05)
    assert not loaded[2].is_set()  # two at a time
    background.close()


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("where", ["load", "make"])
def test_an_error_is_raised_in_place_of_its_item(where, together) -> None:
    def load(stop) -> int:
        if where == "load":
            raise OSError("the disk is gone")
        return 1

    def make(loaded: int, index: int) -> int:
        if index == 1:
            raise OSError("the disk is gone")
        return index

    background = Background()

    def failing() -> Iterator[Piece]:
        yield from pieces(1)
        yield Piece(load=load, make=make, indices=range(3), together=together)

    made = background.stream(failing())
    assert [next(made) for _ in range(3)] == [(0, 0), (0, 1), (0, 2)]
    if where == "make":
        assert next(made) == 0
    with pytest.raises(OSError, match="the disk is gone"):
        next(made)
    background.close()


def test_close_ends_a_load_and_frees_what_is_held(before) -> None:
    background, begun = Background(), threading.Event()
    first = np.zeros(10)
    held = weakref.ref(first)
    values = [first]
    del first

    def long(stop) -> None:
        begun.set()
        while True:
            stop()
            time.sleep(0.001)

    def several() -> Iterator[Piece]:
        yield Piece(
            load=lambda stop: values.pop(),
            make=lambda loaded, index: loaded[index],
            indices=range(10),
        )
        yield Piece(load=long, make=lambda loaded, index: None, indices=range(1))

    made = background.stream(several())
    next(made)
    assert begun.wait(SECONDS)
    background.close()
    assert held() is None and not threads() - before
    with pytest.raises(Exception):  # noqa: B017  # it must not seem to be at its end
        next(made)


def test_an_iterator_given_up_ends_its_load() -> None:
    background, begun, ended = Background(), threading.Event(), threading.Event()

    def long(stop) -> None:
        begun.set()
        try:
            while True:
                stop()
                time.sleep(0.001)
        finally:
            ended.set()

    def several() -> Iterator[Piece]:
        yield from pieces(1)
        yield Piece(load=long, make=lambda loaded, index: None, indices=range(1))

    made = background.stream(several())
    next(made)
    assert begun.wait(SECONDS)
    del made
    assert ended.wait(SECONDS)
    assert next(background.stream(pieces(1))) == (0, 0)
    background.close()


@pytest.fixture
def records(tmp_path) -> Records:
    """Three shards of 100 examples with 64 KB each."""
    spec = {**TOKENS, "hidden": Feature(dtype="float16", shape=(None, 8192))}

    def encode(shard):
        for row in range(100):
            hidden = np.full((4, 8192), row, np.float16)
            yield {"token_ids": [1, 2, 3, 4], "segment_start": shard, "hidden": hidden}

    write_shards(lambda: range(3), encode, spec=spec, directory=tmp_path)
    description = {"vocabulary": "v", "sequence_length": 4}
    write_manifest(tmp_path, spec=spec, description=description)
    return Records(tmp_path)


def test_large_blocks_give_the_same_batches_from_any_step(records) -> None:
    """Their first batches are read alone, before the rest."""
    options = {"batch_size": 2, "buckets": (4,), "seed": 3}
    small = Batches(records, block_bytes=1, **options)
    assert small.steps(0) == 150
    for block_bytes in (50 << 20, 13 << 20, 1 << 20):
        made = Batches(records, block_bytes=block_bytes, **options)
        whole = list(made.epoch(1))
        assert len(whole) == made.steps(1) == 150
        ids = np.concatenate([batch["example_id"] for batch in whole])
        assert sorted(ids.tolist()) == list(range(300))
        for batch in whole:
            rows = batch["example_id"] % 100
            assert (batch["hidden"][:, 3, 8191] == rows).all()
        for start in (0, 3, 32, 33, 74, 149):
            again = Batches(records, block_bytes=block_bytes, **options)
            later = again.iterate(150 + start)
            for one, other in zip(whole[start : start + 20], later, strict=False):
                assert one["example_id"].tolist() == other["example_id"].tolist()
            again.close()
        made.close()


def test_a_damaged_shard_is_an_error_of_the_consumer(records) -> None:
    """Also of a dataset, whose generator runs in a thread of TensorFlow."""
    batches = Batches(records, batch_size=2, buckets=(4,), block_bytes=1)
    dataset = to_dataset(batches)
    path = records.directory / "shard-00001.tfrecord"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="shard-00001"):
        list(batches.epoch())
    with pytest.raises(tf.errors.OpError, match="shard-00001"):
        list(dataset)
    batches.close()


def test_datasets_given_up_leave_no_thread(records, before) -> None:
    batches = Batches(records, batch_size=2, buckets=(4,), block_bytes=1)
    iterators = [iter(to_dataset(batches, start=0)) for _ in range(3)]
    for iterator in iterators:
        assert next(iterator)["hidden"].shape == (2, 4, 8192)
    assert threads() - before
    batches.close()
    assert not threads() - before
    # It may be used again.
    assert len(list(batches.epoch())) == 150
    batches.close()


def test_batches_that_nobody_closes_leave_no_thread(records) -> None:
    next(Batches(records, batch_size=2, buckets=(4,)).epoch())
