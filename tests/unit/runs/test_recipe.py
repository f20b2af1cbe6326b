"""Which values of a recipe's axes a stage is made for."""

import dataclasses
from typing import ClassVar

from pd_bert.runs.recipe import axis_values
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made(Stage):
    """A stage of a size and a seed that may read another one."""

    size: int = 0
    seed: int = 0
    reads: Stage | None = None

    kind: ClassVar[str] = "made"

    def run(self, context: Context) -> Info:
        return {}


RUNTIME = Runtime()


def values_of(points: list[tuple[dict[str, object], list[Stage]]], stage: Stage):
    return axis_values(points, RUNTIME)[stage.fingerprint(RUNTIME)]


def test_inputs_keep_the_axes_that_they_depend_on():
    data = Made(name="data")
    points = []
    for size in (1, 2):
        for seed in (0, 1):
            encoder = Made(name="encoder", size=size, reads=data)
            model = Made(name="model", size=size, seed=seed, reads=encoder)
            points.append(({"SIZE": size, "SEED": seed}, [model]))
    assert values_of(points, model) == {"SIZE": 2, "SEED": 1}
    assert values_of(points, encoder) == {"SIZE": 2}
    assert values_of(points, data) == {}
    assert len(axis_values(points, RUNTIME)) == 4 + 2 + 1


def test_an_axis_of_one_value_is_kept():
    """Nothing shows that the stage would be the same with another value."""
    stage = Made(name="model")
    assert values_of([({"SIZE": 1}, [stage])], stage) == {"SIZE": 1}


def test_a_stage_wanted_at_one_point_alone_has_all_of_that_points_values():
    teacher, pupil = Made(name="teacher"), Made(name="pupil", size=9)
    points = [
        ({"METHOD": "a", "SEED": 0}, [teacher]),
        ({"METHOD": "b", "SEED": 0}, [teacher, pupil]),
    ]
    assert values_of(points, pupil) == {"METHOD": "b", "SEED": 0}
    assert values_of(points, teacher) == {"SEED": 0}


def test_one_that_others_read_is_met_once_a_point():
    data = Made(name="data")
    both = [Made(name=f"m{n}", seed=n, reads=data) for n in (0, 1)]
    points = [({"SIZE": 1}, both), ({"SIZE": 2}, both)]
    assert values_of(points, data) == {} == values_of(points, both[0])


def test_equal_stages_of_other_names_are_one():
    points = [
        ({"SIZE": 1}, [Made(name="a", size=3)]),
        ({"SIZE": 2}, [Made(name="b", size=3)]),
    ]
    assert list(axis_values(points, RUNTIME).values()) == [{}]
