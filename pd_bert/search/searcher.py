"""Running a search: trial after trial, until every point is tried."""

import dataclasses
import gc
import math
import pathlib
import shutil
import statistics
import time
from collections.abc import Callable, Mapping

import optuna
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.runs.recipe import in_order
from pd_bert.runs.result_group import ResultRow
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.search.pruning import Pruning
from pd_bert.search.report import SearchReport
from pd_bert.search.samplers import Point
from pd_bert.search.search import Search
from pd_bert.search.study import Study
from pd_bert.stages.base import Stage
from pd_bert.stages.evaluate import Evaluate
from pd_bert.system import interrupt
from pd_bert.system.atomic import write_json
from pd_bert.system.lock import try_lock
from pd_bert.training.loop import NotFiniteError
from pd_bert.training.runtime import Runtime

_POLL_SECONDS = 1.0

Axes = Mapping[str, Mapping[str, object]]
Load = Callable[[Point], tuple[list[Stage], Axes, str]]
"""A recipe's stages at a point of the space, its `axis_values` and its text."""


class Searcher:
    """Tries the points of a search in a working directory.

    A trial runs the stages that are scored and what they read, nothing else of the
    recipe; stages that trials have in common run once. A stop or a kill loses no more
    than a training loses: the trial is taken again, and goes on.
    """

    def __init__(
        self,
        search: Search,
        study: Study,
        load: Load,
        workdir: Workdir,
        *,
        runtime: Runtime,
    ) -> None:
        self._search = search
        self._study = study
        self._load = load
        self._workdir = workdir
        self._runtime = runtime

    def run(self, strategy: tf.distribute.Strategy) -> None:
        """Returns when all points are tried, here or by other processes."""
        while True:
            interrupt.check()
            with self._study.take() as trial:
                if trial is not None:
                    self._try(trial, strategy)
            # Optimisers and graphs are full of cycles, and as large as the models.
            gc.collect()
            if trial is None:
                if not self._study.unfinished():
                    return
                time.sleep(_POLL_SECONDS)

    def show(
        self,
        report: SearchReport,
        as_bindings: Callable[[Point], list[str]],
        strategy: tf.distribute.Strategy,
    ) -> pathlib.Path:
        """Writes search.json and best.gin, whose path it returns.

        results.json, operative.gin and `latest` become those of the best trial. Raises
        InputError, after search.json is written, if no trial ran to its end.
        """
        folder = self._workdir.directory
        write_json(folder / "search.json", report.json())
        if report.best is None:
            raise InputError(
                f"no trial ran to its end; {folder / 'search.json'} says why"
            )
        point = report.best["params"]
        scored, axes, operative = self._scored(point)
        self._runner(scored, axes, operative).run(strategy)
        self._workdir.write_text("operative.gin", operative)
        text = report.best_gin(as_bindings(point), self._study.journal.name)
        self._workdir.write_text("best.gin", text)
        return folder / "best.gin"

    def _try(self, trial: optuna.Trial, strategy: tf.distribute.Strategy) -> None:
        shown = ", ".join(f"{name} = {value}" for name, value in trial.params.items())
        print(f"\nTrial {trial.number}: {shown}", flush=True)
        begin = time.monotonic()
        scored, axes, operative = self._scored(trial.params)
        failure = None
        try:
            runner = self._runner(scored, axes, operative, trial)
            for stage in in_order(scored, self._runtime):
                stage.check()
            rows = runner.run(strategy)
        except optuna.TrialPruned:
            failure = "pruned"
        except NotFiniteError as error:
            failure = f"diverged: {error}"
        except InputError as error:
            failure = f"refused: {error}"
        except tf.errors.ResourceExhaustedError as error:
            failure = f"out of memory: {error.message.splitlines()[0]}"
        seconds = round(time.monotonic() - begin, 2)
        if failure is None:
            titles = {stage.title for stage in scored}
            values = [_value(row) for row in rows if row["stage"] in titles]
            if all(map(math.isfinite, values)):
                mean = statistics.mean(values)
                self._study.complete(trial, mean, values=values, seconds=seconds)
                print(f"Trial {trial.number}: {mean:.4f} in {seconds:.0f} s")
                return
            failure = f"diverged: the metric must be finite; it was {values}"
        for stage in scored:
            self._discard(stage.model)
        self._study.prune(trial, failure=failure, seconds=seconds)
        print(f"Trial {trial.number}: {failure} after {seconds:.0f} s")

    def _scored(self, point: Point) -> tuple[list[Evaluate], Axes, str]:
        stages, axes, operative = self._load(point)
        return self._search.scored(stages), axes, operative

    def _runner(
        self,
        scored: list[Evaluate],
        axes: Axes,
        operative: str,
        trial: optuna.Trial | None = None,
    ) -> Runner:
        seeds = {
            stage.model.fingerprint(self._runtime): (seed, stage)
            for seed, stage in enumerate(scored)
        }

        def actions(stage: Stage) -> tuple[Pruning, ...]:
            fingerprint = stage.fingerprint(self._runtime)
            if trial is None or fingerprint not in seeds:
                return ()
            seed, evaluate = seeds[fingerprint]
            metric = evaluate.task_data.task.primary_metric
            return (Pruning(trial, seed=seed, metric=metric),)

        runtime = self._runtime
        if trial is not None and self._search.pruner is not None:
            # Seeds that train side by side would report in another order.
            runtime = dataclasses.replace(runtime, together=1)
        return Runner(
            in_order(scored, runtime),
            self._workdir,
            runtime=runtime,
            operative=operative,
            axis_values=axes,
            actions=actions,
        )

    def _discard(self, stage: Stage) -> None:
        """Removes what a training that was given up left, unless somebody is at it."""
        with try_lock(self._workdir.lock(stage)) as mine:
            if mine:
                shutil.rmtree(self._workdir.working(stage), ignore_errors=True)


def _value(row: ResultRow) -> float:
    return row["metrics"]["dev"][row["primary_metric"]]
