"""What makes stages one, and what makes them seeds of one model."""

import dataclasses
from typing import ClassVar

from pd_bert.stages.base import Context, Info, Stage
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Draw:
    rate: float = 0.1
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made(Stage):
    """A stage with seeds, and a value and a stage that have one too."""

    name: str = "made"
    steps: int = 1
    seed: int = 0
    order_seed: int | None = None
    draw: Draw = Draw()
    reads: Stage | None = None

    kind: ClassVar[str] = "made"
    trains: ClassVar[bool] = True

    def run(self, context: Context) -> Info:
        return {}


FLOAT = Runtime()
BASE = Made(reads=Made(steps=9))


def test_seeds_of_the_stage_its_values_and_its_inputs_are_left_out() -> None:
    alike = [
        dataclasses.replace(BASE, seed=1),
        dataclasses.replace(BASE, order_seed=1),
        dataclasses.replace(BASE, draw=Draw(seed=1)),
        dataclasses.replace(BASE, reads=Made(steps=9, seed=1)),
    ]
    all_of_them = (BASE, *alike)
    assert len({each.fingerprint(FLOAT) for each in all_of_them}) == len(all_of_them)
    assert len({each.fingerprint_without_seeds(FLOAT) for each in all_of_them}) == 1


def test_all_else_tells_models_apart() -> None:
    others = [
        dataclasses.replace(BASE, steps=2),
        dataclasses.replace(BASE, draw=Draw(rate=0.2)),
        dataclasses.replace(BASE, reads=Made(steps=8)),
        dataclasses.replace(BASE, reads=None),
    ]
    found = {each.fingerprint_without_seeds(FLOAT) for each in (BASE, *others)}
    assert len(found) == 1 + len(others)
    bfloat16 = Runtime(policy="mixed_bfloat16")
    assert BASE.fingerprint_without_seeds(bfloat16) not in found
