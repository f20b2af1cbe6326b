"""A search: which macros, over which values, judged by which stage."""

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pd_bert.errors import InputError
from pd_bert.runs.recipe import Recipe
from pd_bert.search.points import Point, Points, text
from pd_bert.search.pruners import Pruner
from pd_bert.search.samplers import GridSearch, Sampler
from pd_bert.stages.base import Stage
from pd_bert.training.runtime import Runtime
from pd_bert.values import digest, to_json

_LARGE = 1000
"""A space of more points is tried as a whole by exhaustive samplers alone."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """Looks for the best values of some macros of a recipe.

    `space` maps macros to the values that they may take: numbers, strings, tuples; a
    factory is written as in Recipe.axes. `genes` maps
    macros whose value is a tuple to the choices at each of its positions.

    A trial is the recipe at one point, over all of its own axes. Its value is the mean
    of the primary metric on dev over the stages whose title is `stage`, one per seed:
    `Evaluate`, or any other with a `dev_metric`. Without `stage` the recipe must
    evaluate one method besides the teacher. Test is for the point that the search
    chose, so `split` is always dev.

    `first` has points to try before those of the sampler. `trials` bounds the number
    of points (None: all of them) and may be raised later; each is judged once. One
    process judges `together` trials at the same time: their trainings can share
    batches and teacher (Runtime.together).
    """

    space: Mapping[str, tuple[object, ...]] = dataclasses.field(default_factory=dict)
    genes: Mapping[str, tuple[tuple[object, ...], ...]] = dataclasses.field(
        default_factory=dict
    )
    first: tuple[Point, ...] = ()
    stage: str | None = None
    split: str = "dev"
    trials: int | None = None
    together: int = 1
    sampler: Sampler = dataclasses.field(default_factory=GridSearch)
    seed: int = 0
    pruner: Pruner | None = None

    @functools.cached_property
    def points(self) -> Points:
        """All combinations of the values; the last macro varies fastest."""
        return Points(self.space, self.genes)

    def probes(self) -> list[Point]:
        """Returns points that use each reference; the last is the first of all."""
        first = self.points.point(self.points.params(0))
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
        """Returns the facts that are equal for all trials of one study.

        `stages` are the recipe's at the first point: their fingerprint stands for
        everything else that decides a trial.
        """
        scored = self.scored(stages)
        return {
            "recipe": recipe,
            "stage": scored[0].title,
            "metric": scored[0].dev_metric,
            "space": to_json(self.space),
            "genes": to_json(self.genes),
            "pruner": to_json(self.pruner),
            "fingerprint": digest([stage.fingerprint(runtime) for stage in scored]),
        }

    def scored(self, stages: Iterable[Stage]) -> list[Stage]:
        """Returns the stages whose metric is the value of a trial, one per seed.

        Raises InputError unless `stage`, or its absence, means the stages of one title.
        """
        metered = [stage for stage in stages if stage.dev_metric is not None]
        if not metered:
            raise InputError(
                "a search needs a recipe with an Evaluate stage, or another that has "
                "a dev metric, to score"
            )
        titles = list(dict.fromkeys(stage.title for stage in metered))
        if self.stage is not None:
            found = [stage for stage in metered if stage.title == self.stage]
            if not found:
                raise InputError(
                    "Search.stage must be the title of a stage of the recipe that has "
                    f"a dev metric, {' or '.join(titles)}; received {self.stage!r}"
                )
            return found
        students = [stage for stage in metered if stage.method != "teacher"]
        found = students or metered
        if len({stage.title for stage in found}) > 1:
            raise InputError(
                "Search.stage must name the stage to score where a recipe evaluates "
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
        if not _at_least_one(self.together) or (self.pruner and self.together > 1):
            raise InputError(
                "Search.together must be at least 1, and 1 with a pruner, which "
                f"compares trainings that run alone; received {self.together!r}"
            )
        if isinstance(self.sampler, type) or not hasattr(self.sampler, "build"):
            raise InputError(
                "Search.sampler must be a value such as GridSearch(); received "
                f"{self.sampler!r}"
            )
        for field, macros_of in (("space", self.space), ("genes", self.genes)):
            if not isinstance(macros_of, Mapping):
                raise InputError(
                    f"Search.{field} must map macros to tuples; received {macros_of!r}"
                )
        if not self.space and not self.genes:
            raise InputError(
                "Search.space must map at least one macro to a tuple of values; "
                f"received {self.space!r}"
            )
        bound = set(re.findall(r"^\s*([\w./]+)\s*=", "\n".join(bindings), re.MULTILINE))
        for name in (*self.space, *self.genes):
            field = "space" if name in self.space else "genes"
            if name not in macros:
                raise InputError(
                    f"Search.{field}: {name} must be a macro that the recipe uses; it "
                    f"uses {', '.join(sorted(macros))}"
                )
            if name in recipe.axes:
                raise InputError(
                    f"Search.{field}: {name} is an axis of the recipe, over which each "
                    f"trial is taken; take it out of Search.{field} or of Recipe.axes"
                )
            if name in bound:
                raise InputError(
                    f"Search.{field}: {name} is also bound on the command line; take "
                    f"it out of Search.{field} or leave out the binding"
                )
        for name, values in self.space.items():
            if name in self.genes:
                raise InputError(f"Search.genes: {name} is in Search.space as well")
            _check_values(f"Search.space: {name}", values, macros[name])
        for name, choices in self.genes.items():
            _check_gene(f"Search.genes: {name}", choices, macros[name])
        self._check_points()

    def _check_points(self) -> None:
        """Raises InputError for points outside of the search, or far too many."""
        for point in self.first:
            try:
                self.points.params_of(point)
            except (AttributeError, TypeError, ValueError) as error:
                raise InputError(
                    "Search.first must have points of the search, with a value for "
                    f"each of its macros; received {point!r}"
                ) from error
        count = self.points.count
        if self.trials is None and count > _LARGE and not self.sampler.exhaustive:
            raise InputError(
                f"Search.trials must be given for more than {_LARGE:,} points unless "
                f"the sampler is exhaustive; the search has {count:,}"
            )


def _check_gene(where: str, choices: object, own: object) -> None:
    """Raises InputError unless the choices of each position suit the recipe's `own`."""
    if not isinstance(choices, tuple | list) or not choices:
        raise InputError(
            f"{where} must have a tuple of choices for each position; received "
            f"{choices!r}"
        )
    if isinstance(own, tuple | list) and len(own) != len(choices):
        raise InputError(
            f"{where} must have choices for {len(own)} positions, as the recipe's own "
            f"{own!r}; received {len(choices)}"
        )
    for position, values in enumerate(choices):
        at = own[position] if isinstance(own, tuple | list) else None
        _check_values(f"{where}, position {position + 1},", values, at)


def _check_values(where: str, values: object, own: object) -> None:
    """Raises InputError unless each value may replace the recipe's `own`."""
    if not isinstance(values, tuple | list) or not values:
        raise InputError(
            f"{where} must have a tuple of at least one value; received {values!r}"
        )
    seen: set[str] = set()
    for value in values:
        if not _is_plain(value):
            raise InputError(
                f"{where} may take numbers, booleans, strings, None, tuples of these "
                f"and factories such as @mini/pd.Bert; received {value!r}"
            )
        if text(value) in seen:
            raise InputError(f"{where} has the value {value!r} twice")
        seen.add(text(value))
        if not _fits(value, own):
            raise InputError(
                f"{where} must have values like the recipe's own, {own!r}; received "
                f"{value!r}"
            )


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _fits(value: object, own: object) -> bool:
    """Returns True if a value is of the kind of the recipe's own.

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
