import tracemalloc

import numpy as np
import pytest

from pd_bert.data.epoch_order import EpochOrder
from pd_bert.data.records import ShardPart

SHARDS, EXAMPLES, LENGTH = 1000, 100_000, 128


class ManyExamples:
    """A hundred million examples of 4 * 128 bytes, in shards of two parts."""

    def __init__(self) -> None:
        self.met: list[ShardPart] = []
        self.parts = [
            [
                ShardPart(
                    shard=shard,
                    first=first,
                    count=EXAMPLES // 2,
                    offset=first * 300,
                    size=EXAMPLES * 150,
                    elements={"token_ids": LENGTH * EXAMPLES // 2},
                )
                for first in (0, EXAMPLES // 2)
            ]
            for shard in range(SHARDS)
        ]

    def memory_bytes(self, part: ShardPart) -> int:
        return 4 * LENGTH * part.count

    def part_lengths(self, part: ShardPart) -> np.ndarray:
        self.met.append(part)
        return np.full(part.count, LENGTH, np.uint16)


def order(records: ManyExamples, **options) -> EpochOrder:
    defaults = {"batch_size": 32, "buckets": (64, LENGTH), "shuffle": True, "seed": 1}
    defaults |= {"block_bytes": 1 << 29, "shards": None}
    return EpochOrder(records, **{**defaults, **options})


def test_the_plan_of_an_epoch_does_not_grow_with_the_examples() -> None:
    """One number per example would be a hundred million bytes or more."""
    records = ManyExamples()
    tracemalloc.start()
    try:
        made = order(records)
        assert made.steps_of(2) == made.steps(0) + made.steps(1)
        assert made.steps(0) >= SHARDS * EXAMPLES // 32
        assert not records.met  # lengths are read when a block is met
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 2_000_000
        tracemalloc.reset_peak()
        plan = made.plan(0, 7)
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 64 * plan.rows.size
    finally:
        tracemalloc.stop()
    assert sum(part.count for part in records.met) <= plan.rows.size


def test_blocks_leave_room_for_the_next_one() -> None:
    records = ManyExamples()
    made = order(records)
    blocks = made.blocks(3)
    parts = [part for block in blocks for part in block]
    assert sorted((p.shard, p.first) for p in parts) == [
        (s, f) for s in range(SHARDS) for f in (0, EXAMPLES // 2)
    ]
    sizes = [made.memory_bytes(block) for block in blocks]
    assert max(sizes) <= 1 << 28
    assert min(sizes[:-1]) > (1 << 28) - 4 * LENGTH * EXAMPLES
    assert order(records).blocks(3) == blocks
    assert order(records).blocks(4) != blocks
    assert order(records, seed=2).blocks(3) != blocks
    assert order(records, shuffle=False).blocks(3)[0][0].shard == 0
    assert len(order(records, block_bytes=1).blocks(0)) == 2 * SHARDS


@pytest.mark.parametrize("shuffle", [True, False])
def test_steps_are_those_of_the_plans(shuffle) -> None:
    made = order(ManyExamples(), shuffle=shuffle, shards=tuple(range(3, 15)))
    steps = made.block_steps(1)
    assert len(steps) > 1
    for number, count in enumerate(steps):
        plan = made.plan(1, number)
        assert plan.rows.shape == (count, 32)
        assert len(plan.real) == len(plan.lengths) == count
        assert plan.real.sum() == sum(part.count for part in plan.block)


def test_orders_of_blocks_and_epochs_differ() -> None:
    made = order(ManyExamples())
    plans = [made.plan(0, 0), made.plan(0, 1), made.plan(1, 0)]
    firsts = {tuple(plan.rows[0].tolist()) for plan in plans}
    assert len(firsts) == 3
    again = order(ManyExamples()).plan(1, 0)
    np.testing.assert_array_equal(again.rows, plans[2].rows)
