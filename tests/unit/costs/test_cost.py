"""Costs add up, read well, and an estimate of operations is what TensorFlow counts."""

import math

import pytest
import tensorflow as tf

from pd_bert.costs.cost import UNKNOWN, Cost, as_duration, as_operations, as_size
from pd_bert.costs.cost import total as total_of
from pd_bert.costs.timing import Timing, chosen_lengths
from pd_bert.models.bert import Bert
from pd_bert.models.heads import MaskedLMHead, PooledHead
from pd_bert.models.model import Model
from pd_bert.models.network import Network

_VOCABULARY_SIZE = 500
_HEADS = {
    "masked_lm": MaskedLMHead(),
    "label": PooledHead(num_outputs=3),
}


def test_costs_of_stages_in_a_row() -> None:
    first = Cost(
        seconds=2.0, memory_bytes=7, disk_bytes=10, scratch_bytes=30, flops=5.0
    )
    second = Cost(
        seconds=1.0, memory_bytes=9, disk_bytes=1, scratch_bytes=4, exact=False
    )
    assert total_of([first, second]) == Cost(
        seconds=3.0,
        memory_bytes=9,
        disk_bytes=11,
        scratch_bytes=30,
        flops=5.0,
        exact=False,
    )
    assert (first + second).most_disk_bytes == 41


def test_what_was_not_measured_makes_the_sum_unknown() -> None:
    both = Cost(seconds=1.0, memory_bytes=1, disk_bytes=5) + UNKNOWN
    assert both.seconds is None
    assert both.memory_bytes is None
    assert both.disk_bytes == 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.31, "0.3 s"), (59, "59 s"), (90, "1.5 min"), (7200, "2.0 h")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert as_duration(seconds) == text


def test_sizes() -> None:
    assert as_size(999) == "999 B"
    assert as_size(2_500_000) == "2.5 MB"
    assert as_size(None) == "–"
    assert as_operations(3e12) == "3 TFLOP"
    assert as_operations(0) == "–"


def test_the_shortest_a_middle_and_the_longest_are_measured() -> None:
    assert chosen_lengths({8: 1, 16: 5, 32: 2, 64: 1}) == (8, 16, 64)
    assert chosen_lengths({32: 9}) == (32,)
    assert chosen_lengths({}) == ()


def test_times_between_measured_lengths_are_interpolated() -> None:
    timing = Timing(batch={10: 1.0, 20: 3.0})
    assert timing.seconds({10: 1, 15: 2, 20: 1}) == pytest.approx(1 + 2 * 2 + 3)
    assert timing.seconds({}) == 0.0


@pytest.mark.parametrize("heads", [{}, _HEADS], ids=["encoder", "heads"])
def test_weights_are_those_of_the_built_model(heads: dict) -> None:
    network = _network(heads)
    assert network.parameters == Model.of(network).parameters


@pytest.mark.parametrize("length", [16, 128])
def test_operations_are_those_that_tensorflow_counts(length: int) -> None:
    masked, network = 8, _network(_HEADS)
    model = Model.of(network, dropout=0.0)
    shape = tf.TensorSpec([1, length], tf.int32)
    names = ("token_ids", "segment_ids", "padding_mask")
    inputs = dict.fromkeys(names, shape)
    inputs["masked_positions"] = tf.TensorSpec([1, masked], tf.int32)
    function = tf.function(lambda batch: model(batch).logits)
    graph = function.get_concrete_function(inputs).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(graph, options=options)
    # The profiler counts no Einsum, which attention is.
    counted = counted.total_float_ops + sum(
        _einsum_operations(op) for op in graph.get_operations() if op.type == "Einsum"
    )
    # It also counts what is not a matrix product: softmax, gelu, sums.
    ours = network.flops(length, masked)
    assert ours <= counted < 1.1 * ours


def _einsum_operations(op: tf.Operation) -> int:
    """A product and a sum for every combination of all indices."""
    names = op.get_attr("equation").decode().split("->")[0].split(",")
    sizes = {
        label: size
        for labels, tensor in zip(names, op.inputs, strict=True)
        for label, size in zip(labels, tensor.shape, strict=True)
    }
    return 2 * math.prod(sizes.values())


def _network(heads: dict) -> Network:
    architecture = Bert(name="small", num_layers=2, hidden_dim=128)
    return Network(
        architecture=architecture,
        heads=tuple(heads.items()),
        vocabulary_size=_VOCABULARY_SIZE,
    )
