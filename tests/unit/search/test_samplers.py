"""Samplers in a study: what they find, and that no point is judged twice."""

import multiprocessing
import pathlib
from typing import Any

import pytest
from optuna.trial import TrialState

from pd_bert.search.samplers import GeneticSearch, RandomSearch, Sampler, TreeParzen
from pd_bert.search.search import Search
from pd_bert.search.study import Study

TARGET = (0, 0, 5, 10)
LAYERS = tuple(range(13))
IDENTITY = {"recipe": "r"}
SMALL: dict[str, Any] = {"genes": {"G": (tuple(range(4)),) * 2}}
ADAPTIVE = [
    GeneticSearch(population=4),
    TreeParzen(startup_trials=3),
    RandomSearch(),
]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return make(tmp_path / "study")


def make(folder: pathlib.Path) -> pathlib.Path:
    (folder / "working").mkdir(parents=True)
    return folder


def fitness(gene: tuple[int, ...]) -> float:
    """0 at the target, and less the farther the gene is, up to 4 per position."""
    return -float(sum(min(abs(a - b), 4) for a, b in zip(gene, TARGET, strict=False)))


class KilledError(Exception):
    """Leaves a trial as it is, as the end of the process would."""


def work(folder: pathlib.Path, search: Search, dies_at: int | None = None) -> None:
    """Judges genes; raises KilledError in the trial number `dies_at` of this call."""
    mine = Study(folder, search, IDENTITY)
    done = 0
    while True:
        with mine.take() as trials:
            if not trials:
                return
            for trial in trials:
                if done == dies_at:
                    raise KilledError
                gene = mine.point(trial)["G"]
                mine.complete(trial, fitness(gene), values=[0.0], seconds=0.0)
                done += 1


def start(*arguments: Any) -> multiprocessing.Process:
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    return process


def judged(folder: pathlib.Path, search: Search) -> list[tuple[int, ...]]:
    """The genes in the order in which they were taken, each once."""
    mine = Study(folder, search, IDENTITY)
    assert not mine.unfinished()
    return [mine.point(trial)["G"] for trial in mine.finished()]


def evaluations(folder: pathlib.Path, sampler: Sampler, seed: int) -> int:
    """How many genes of 13⁴ are judged until the best one is, at most 400."""
    search = Search(genes={"G": (LAYERS,) * 4}, sampler=sampler, seed=seed, trials=400)
    mine = Study(folder, search, IDENTITY)
    for count in range(1, 401):
        with mine.take() as (trial,):
            value = fitness(mine.point(trial)["G"])
            mine.complete(trial, value, seconds=0.0)
        if value == 0:
            return count
    return 401


@pytest.mark.parametrize(
    "sampler", [GeneticSearch(population=10), TreeParzen()], ids=["genetic", "tpe"]
)
def test_the_best_gene_is_found_sooner_than_by_chance(sampler, folder):
    """By chance 400 of 28,561 genes hold the best one in 1.4 % of the searches."""
    assert evaluations(folder, sampler, seed=0) <= 400


@pytest.mark.parametrize("sampler", ADAPTIVE, ids=["genetic", "tpe", "random"])
def test_a_whole_space_each_gene_once(sampler, folder):
    """Near the end nearly all that a sampler suggests is taken."""
    search = Search(**SMALL, sampler=sampler)
    work(folder, search)
    genes = judged(folder, search)
    assert sorted(genes) == [(a, b) for a in range(4) for b in range(4)]


@pytest.mark.parametrize("sampler", ADAPTIVE, ids=["genetic", "tpe", "random"])
def test_killed_it_goes_on_as_if_it_had_not_been(sampler, folder, tmp_path):
    search = Search(**SMALL, sampler=sampler, trials=11, seed=5)
    work(folder, search)
    killed = make(tmp_path / "killed")
    for done in (3, 4):
        with pytest.raises(KilledError):
            work(killed, search, done)
    work(killed, search)
    assert judged(killed, search) == judged(folder, search)
    assert len(set(judged(killed, search))) == 11


def test_two_processes_judge_no_gene_twice(folder):
    search = Search(**SMALL, sampler=GeneticSearch(population=4), trials=12)
    started = [start(folder, search) for _ in range(2)]
    for process in started:
        process.join()
        assert process.exitcode == 0
    assert len(set(judged(folder, search))) == len(judged(folder, search)) == 12


def test_first_points_and_several_at_once(folder):
    first = ({"G": (2, 1)}, {"G": (3, 3)})
    search = Search(
        **SMALL, first=first, sampler=GeneticSearch(population=3), trials=5, together=4
    )
    mine = Study(folder, search, IDENTITY)
    with mine.take() as trials:
        points = [mine.point(trial) for trial in trials]
        assert points[:2] == [*first] and len(trials) == 4
        assert len({point["G"] for point in points}) == 4
        assert mine.unfinished()
        for trial in trials:
            mine.complete(trial, 0.0, seconds=0.0)
    with mine.take() as trials:
        assert len(trials) == 1  # of 5
        mine.prune(trials[0], seconds=0.0, failure="pruned")
    with mine.take() as trials:
        assert not trials and not mine.unfinished()
    generations = {
        trial.system_attrs["NSGAIISampler:generation"] for trial in mine.finished()[:4]
    }
    assert generations == {0}


def test_a_repeated_suggestion_takes_the_finished_result(folder):
    """The sampler sees it as a trial; the search does not."""
    search = Search(
        genes={"G": ((0, 1), (0, 1))}, sampler=GeneticSearch(population=2), trials=4
    )
    mine = Study(folder, search, IDENTITY)
    for value in (0.5, None, 0.25, 0.125):
        with mine.take() as (trial,):
            if value is None:
                trial.report(0.1, 0)
                mine.prune(trial, failure="pruned", seconds=1.0)
            else:
                mine.complete(trial, value, seconds=1.0)
    trials = trial.study.get_trials()
    numbers = {each.number for each in mine.finished()}
    assert len(numbers) == 4
    repeated = [each for each in trials if each.number not in numbers]
    assert repeated, "the seed has some"
    for each in repeated:
        other = trials[each.user_attrs["repeats"]]
        assert other.number in numbers and other.params == each.params
        assert (each.state, each.value) == (other.state, other.value)
        assert each.intermediate_values == other.intermediate_values
    states = [each.state for each in mine.finished()]
    assert states.count(TrialState.PRUNED) == 1
