"""The ways in which a search chooses its next point."""

import dataclasses
import itertools
import random
from collections.abc import Set
from typing import Any, ClassVar, Protocol

import optuna

from pd_bert.search.points import Params, Points


class Sampler(Protocol):
    """A frozen value that builds the sampler of Optuna that suggests one trial.

    `taken` has the numbers of the points that trials have, and `seed` differs from
    trial to trial. It follows from the search's seed and the trials before, so that a
    search that was stopped goes on as if it had not been. A sampler may suggest a
    point that is taken: the search answers that from the finished trial.
    """

    exhaustive: ClassVar[bool]
    """True if a large space is tried as a whole where no budget is given."""

    def build(
        self, points: Points, taken: Set[int], seed: int
    ) -> optuna.samplers.BaseSampler: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridSearch:
    """Takes the points in their order: the last macro varies fastest."""

    exhaustive: ClassVar[bool] = True

    def build(self, points: Points, taken: Set[int], seed: int) -> "_OnePoint":
        return _OnePoint(points, next(n for n in itertools.count() if n not in taken))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomSearch:
    """Draws each point with equal probability from those that are not taken."""

    exhaustive: ClassVar[bool] = False

    def build(self, points: Points, taken: Set[int], seed: int) -> "_OnePoint":
        return _OnePoint(points, draw(points, taken, seed))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TreeParzen:
    """A tree-structured Parzen estimator (TPE; Bergstra et al. 2011).

    The first `startup_trials` are random. Each further trial is the most promising of
    `candidates` draws from a model of the good trials.
    """

    startup_trials: int = 10
    candidates: int = 24

    exhaustive: ClassVar[bool] = False

    def build(
        self, points: Points, taken: Set[int], seed: int
    ) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(
            n_startup_trials=self.startup_trials,
            n_ei_candidates=self.candidates,
            seed=seed,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneticSearch:
    """A genetic algorithm with elitism: NSGA-II (Deb et al. 2002) with one objective.

    The parents of a generation are the best `population` of the last generation and of
    its own parents. The first generation is random, after the points of Search.first.
    A child has two parents with probability `crossover`, and takes each parameter from
    the second of them with probability `swap`. It draws each parameter at random with
    probability `mutation` (None: 1 / number of parameters). Pruned trials are no
    parents. The number of generations follows from Search.trials.
    """

    population: int = 20
    crossover: float = 0.9
    swap: float = 0.5
    mutation: float | None = None

    exhaustive: ClassVar[bool] = False

    def build(
        self, points: Points, taken: Set[int], seed: int
    ) -> optuna.samplers.BaseSampler:
        return optuna.samplers.NSGAIISampler(
            population_size=self.population,
            crossover_prob=self.crossover,
            swapping_prob=self.swap,
            mutation_prob=self.mutation,
            seed=seed,
        )


def draw(points: Points, taken: Set[int], seed: int) -> int:
    """Returns the number of a random point that is not taken; there must be one."""
    numbers = random.Random(seed)
    while (number := numbers.randrange(points.count)) in taken:
        pass
    return number


class _OnePoint(optuna.samplers.RandomSampler):
    """Suggests the point with a number."""

    def __init__(self, points: Points, number: int) -> None:
        super().__init__()
        self._points = points
        self._number = number

    def infer_relative_search_space(self, *unused: Any) -> dict[str, Any]:
        return dict(self._points.distributions)

    def sample_relative(self, *unused: Any) -> Params:
        return self._points.params(self._number)
