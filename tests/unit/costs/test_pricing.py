"""Every kind of work has a price, and a new kind gets one without an edit."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.costs.cost import UNKNOWN, Cost
from pd_bert.costs.pricing import price
from pd_bert.costs.probe import Probe
from pd_bert.costs.work import (
    CopyModel,
    Fixed,
    ModelPasses,
    Unknown,
    Work,
    WriteRecords,
    logits_load,
)
from pd_bert.data.example_spec import TOKENS
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.models.bert import Bert
from pd_bert.models.network import Network
from pd_bert.training.runtime import Runtime

RUNTIME = Runtime()
NETWORK = Network.of(Bert(name="small", num_layers=2, hidden_dim=128), {}, 500)


@pytest.fixture
def probe(tmp_path: pathlib.Path) -> Probe:
    strategy = tf.distribute.get_strategy()
    return Probe(runtime=RUNTIME, strategy=strategy, measures=False, directory=tmp_path)


def records(count: int, *, exact: bool = True) -> ExpectedRecords:
    return ExpectedRecords(
        count=count,
        read_lengths=lambda: np.full(count, 16),
        bytes=100 * count,
        exact=exact,
        spec=TOKENS,
        sequence_length=32,
        shards=2,
    )


def test_what_is_known_is_not_measured(probe) -> None:
    assert price(Fixed(seconds=2.0, disk_bytes=7), probe) == Cost(
        seconds=2.0, disk_bytes=7
    )
    assert price(Unknown(), probe) == UNKNOWN


def test_passes_have_operations_without_measuring(probe) -> None:
    load = logits_load(NETWORK, records(10), 4, (16, 32), RUNTIME)
    work = ModelPasses(load=load, records=((records(10), 2.0),))
    cost = price(work, probe)
    # 10 examples of 16 pieces are 3 batches of 4, twice.
    assert cost.flops == 2 * 3 * 4 * NETWORK.flops(16)
    assert cost.seconds is None and cost.exact
    about = ModelPasses(load=load, records=((records(10, exact=False), 1.0),))
    assert not price(about, probe).exact


def test_records_take_room_for_lengths_and_shards(probe) -> None:
    cost = price(WriteRecords(records=records(10), scratch_bytes=5), probe)
    assert cost.disk_bytes == 10 * 100 + 10 * 2 + 2 * 600
    assert cost.scratch_bytes == 5
    more = price(WriteRecords(records=records(10), parsed=100_000), probe)
    assert more.seconds > cost.seconds > 0


def test_a_copy_of_a_model_has_its_weights(probe) -> None:
    work = CopyModel(network=NETWORK, passes=3, seconds=3.0, added_bytes=10)
    cost = price(work, probe)
    assert cost.disk_bytes == 4 * NETWORK.parameters + (1 << 17) + 10
    assert cost.seconds > 3.0


def test_a_kind_of_ones_own_registers_its_price(probe) -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
    class Waiting(Work):
        minutes: int

    with pytest.raises(TypeError, match="the kind Waiting has no price"):
        price(Waiting(minutes=2), probe)

    @price.register
    def _(work: Waiting, probe: Probe) -> Cost:
        return Cost(seconds=60.0 * work.minutes)

    assert price(Waiting(minutes=2), probe).seconds == 120
