"""A search: which macros, over which values, judged by what."""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pd_bert.errors import InputError
from pd_bert.runs.recipe import Recipe
from pd_bert.search.pruners import Pruner
from pd_bert.search.samplers import Point, Sampler, grid
from pd_bert.stages.base import Stage
from pd_bert.stages.evaluate import Evaluate
from pd_bert.training.runtime import Runtime
from pd_bert.values import digest, to_json

_PLAIN = (bool, int, float, str, type(None))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """Looks for the best values of some macros of a recipe.

    `space` maps macros to the values that they may take, as Recipe.axes does. A trial
    is the recipe at one point of the space, over all of its own axes. Its value is the
    mean of the primary metric on dev over the `Evaluate` stages whose title is `stage`,
    one per seed. Without `stage` the recipe must evaluate one method besides the
    teacher, which is then the one.

    Test is for what the search chose: `split` can be nothing but dev. `trials` bounds
    the number of points (None: all of the space) and may be raised later.
    """

    space: Mapping[str, tuple[object, ...]]
    stage: str | None = None
    split: str = "dev"
    trials: int | None = None
    sampler: Sampler = grid
    seed: int = 0
    pruner: Pruner | None = None

    def points(self) -> list[Point]:
        """All combinations of the space's values; the last macro varies fastest."""
        values = itertools.product(*self.space.values())
        return [dict(zip(self.space, point, strict=True)) for point in values]

    def order(self) -> list[Point]:
        """The points to try, in the order in which to try them."""
        return self.sampler(self.points(), self.seed)[: self.trials]

    def probes(self) -> list[Point]:
        """Points that show whether all references of the space resolve.

        The last is the first of the space.
        """
        first = self.points()[0]
        references = [
            {**first, name: value}
            for name, values in self.space.items()
            for value in values
            if _is_reference(value)
        ]
        return [*references, first]

    def identity(
        self, recipe: str, stages: Iterable[Stage], runtime: Runtime
    ) -> dict[str, Any]:
        """What must be the same for trials to be of one study.

        `stages` are the recipe's at the first point of the space: their fingerprint
        stands for all else that decides a trial.
        """
        scored = self.scored(stages)
        return {
            "recipe": recipe,
            "stage": scored[0].title,
            "metric": scored[0].task_data.task.primary_metric,
            "space": to_json(self.space),
            "pruner": to_json(self.pruner),
            "fingerprint": digest([stage.fingerprint(runtime) for stage in scored]),
        }

    def scored(self, stages: Iterable[Stage]) -> list[Evaluate]:
        """The stages whose metric is the value of a trial: one a seed.

        Raises InputError unless `stage`, or its absence, means the stages of one title.
        """
        evaluates = [stage for stage in stages if isinstance(stage, Evaluate)]
        if not evaluates:
            raise InputError("a search needs a recipe with an Evaluate stage to score")
        titles = list(dict.fromkeys(stage.title for stage in evaluates))
        if self.stage is not None:
            found = [stage for stage in evaluates if stage.title == self.stage]
            if not found:
                raise InputError(
                    "Search.stage must be the title of an Evaluate stage of the "
                    f"recipe, {' or '.join(titles)}; received {self.stage!r}"
                )
            return found
        students = [stage for stage in evaluates if stage.method != "teacher"]
        found = students or evaluates
        if len({stage.title for stage in found}) > 1:
            raise InputError(
                "Search.stage must say which stage to score where a recipe evaluates "
                f"several methods: {' or '.join(titles)}"
            )
        return found

    def check(
        self, recipe: Recipe, macros: Mapping[str, Any], bindings: Sequence[str]
    ) -> None:
        """Raises InputError for a search that this recipe cannot be run with.

        `macros` are those that the configuration uses, with their values; `bindings`
        those that were given beside the files.
        """
        if self.split != "dev":
            raise InputError(
                "Search.split must be 'dev', as a choice made on test makes test "
                f"results worthless; received {self.split!r}"
            )
        if self.trials is not None and not _at_least_one(self.trials):
            raise InputError(
                f"Search.trials must be None or at least 1; received {self.trials!r}"
            )
        if not isinstance(self.space, Mapping) or not self.space:
            raise InputError(
                "Search.space must map at least one macro to a tuple of values; "
                f"received {self.space!r}"
            )
        bound = set(re.findall(r"^\s*([\w./]+)\s*=", "\n".join(bindings), re.MULTILINE))
        for name, values in self.space.items():
            if name not in macros:
                raise InputError(
                    f"Search.space: {name} must be a macro that the recipe uses; it "
                    f"uses {', '.join(sorted(macros))}"
                )
            if name in recipe.axes:
                raise InputError(
                    f"Search.space: {name} is an axis of the recipe, over which every "
                    "trial is taken; take it out of the space or out of Recipe.axes"
                )
            if name in bound:
                raise InputError(
                    f"Search.space: {name} is also bound on the command line; take it "
                    "out of the space or leave out the binding"
                )
            _check_values(name, values, macros[name])


def _check_values(name: str, values: object, own: object) -> None:
    """Raises InputError unless each value may stand where the recipe's `own` does."""
    if not isinstance(values, tuple | list) or not values:
        raise InputError(
            f"Search.space: {name} must have a tuple of at least one value; received "
            f"{values!r}"
        )
    for index, value in enumerate(values):
        if not isinstance(value, _PLAIN):
            raise InputError(
                f"Search.space: {name} may take numbers, booleans, strings, None and "
                f"factories such as @mini/pd.Bert; received {value!r}"
            )
        if value in values[:index]:
            raise InputError(f"Search.space: {name} has the value {value!r} twice")
        if not _fits(value, own):
            raise InputError(
                f"Search.space: {name} must have values like the recipe's own, "
                f"{own!r}; received {value!r}"
            )


def _fits(value: object, own: object) -> bool:
    """Whether a value is of the kind of the recipe's own.

    >>> _fits(1, 3e-4), _fits(8.5, 32), _fits("a", 32), _fits("%OTHER", 32)
    (True, False, False, True)
    """
    if _is_reference(value) or not isinstance(own, bool | int | float | str):
        return True
    if isinstance(own, bool) or isinstance(value, bool):
        return isinstance(own, bool) and isinstance(value, bool)
    return isinstance(value, int | float if isinstance(own, float) else type(own))


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("@", "%"))


def _at_least_one(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
