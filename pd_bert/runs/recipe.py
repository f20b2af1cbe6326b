"""A recipe: the stages of a run."""

import dataclasses
from collections.abc import Iterable, Mapping

from pd_bert.errors import InputError
from pd_bert.runs.figure import Figure
from pd_bert.stages.base import Stage, read_anew
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """The stages that are wanted; those that they read come with them.

    `axes` maps macros of the configuration to the values that they take one after
    another: the recipe's stages are the union over all combinations, and stages that
    come out equal are one. A string that begins with @ names a factory, such as
    '@mini/pd.Bert': the macro is then what the factory makes. `axis_values` is known
    once all combinations are made, as the function of that name gives it. `figures`
    are what a report draws of the results.
    """

    name: str
    stages: tuple[Stage, ...]
    axes: Mapping[str, tuple[object, ...]] = dataclasses.field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    axis_values: Mapping[str, Mapping[str, object]] = dataclasses.field(
        default_factory=dict
    )


def axis_values(
    points: Iterable[tuple[Mapping[str, object], Iterable[Stage]]], runtime: Runtime
) -> dict[str, dict[str, object]]:
    """Returns, by fingerprint of the stage, the value of each axis that it is made for.

    `points` are the axes' values and the stages wanted with them. An axis over whose
    values a stage is the same is left out.
    """
    met: dict[str, list[Mapping[str, object]]] = {}
    for values, stages in points:
        at_point: dict[str, Mapping[str, object]] = {}
        todo = list(stages)
        while todo:
            stage = todo.pop()
            fingerprint = stage.fingerprint(runtime)
            if fingerprint not in at_point:
                at_point[fingerprint] = values
                todo += stage.inputs().values()
        for fingerprint in at_point:
            met.setdefault(fingerprint, []).append(values)
    return {
        fingerprint: {
            axis: value
            for axis, value in found[0].items()
            if all(other[axis] == value for other in found)
        }
        for fingerprint, found in met.items()
    }


def in_order(stages: Iterable[Stage], runtime: Runtime) -> list[Stage]:
    """Returns all stages that are needed, each once, inputs before what reads them.

    First come those that neither train nor read what is trained: they are cheap, and
    bad data must show before compute is spent.
    """
    read_anew()
    ordered: dict[str, Stage] = {}
    costly: dict[str, bool] = {}

    def visit(stage: Stage) -> None:
        fingerprint = stage.fingerprint(runtime)
        if fingerprint not in ordered:
            for read in stage.inputs().values():
                visit(read)
            ordered[fingerprint] = stage
            costly[fingerprint] = stage.trains or any(
                costly[read.fingerprint(runtime)] for read in stage.inputs().values()
            )

    for stage in stages:
        if not isinstance(stage, Stage):
            raise InputError(f"Recipe.stages holds stages; received {stage!r}")
        visit(stage)
    # The sort is stable: within each half the order stays.
    return [
        ordered[fingerprint] for fingerprint in sorted(ordered, key=costly.__getitem__)
    ]
