"""Running a search: trial after trial, until every point is tried."""

import contextlib
import dataclasses
import gc
import math
import pathlib
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import optuna
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.runs.recipe import in_order
from pd_bert.runs.result_group import ResultRow
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.search.points import Point
from pd_bert.search.pruning import Pruning
from pd_bert.search.report import SearchReport
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

# A trial with one of these is over; the search goes on.
_FAILURES = (optuna.TrialPruned, InputError, tf.errors.ResourceExhaustedError)

Axes = Mapping[str, Mapping[str, object]]
Load = Callable[[Point], tuple[list[Stage], Axes, str]]
"""Makes a recipe's stages at a point; returns also its `axis_values` and its text."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Candidate:
    """The stages that are scored at a point, and the trial that they are scored for."""

    scored: list[Stage]
    axes: Axes
    operative: str
    trial: optuna.Trial | None = None

    @property
    def trainings(self) -> list[tuple[Stage, str]]:
        """The trainings of the models that are evaluated, with the metrics on dev."""
        return [
            (stage.model, stage.dev_metric)
            for scored in self.scored
            for stage in (scored, *scored.inputs().values())
            if isinstance(stage, Evaluate)
        ]


class Searcher:
    """Tries the points of a search in a working directory.

    A trial runs the stages that are scored and what they read, nothing else of the
    recipe; stages that trials have in common run once. A stop or a kill loses no more
    than a training loses: the trial is taken again, and its training continues.
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
            with self._study.take() as trials:
                self._try(trials, strategy)
            # Optimizers and graphs are full of cycles, and as large as the models.
            gc.collect()
            if not trials:
                if not self._study.unfinished():
                    return
                time.sleep(_POLL_SECONDS)

    def show(
        self,
        report: SearchReport,
        as_bindings: Callable[[Point], list[str]],
        strategy: tf.distribute.Strategy,
    ) -> pathlib.Path:
        """Writes search.json and best.gin; returns the path of best.gin.

        results.json, operative.gin and `latest` become those of the best trial. Raises
        InputError, after search.json is written, if no trial ran to its end.
        """
        folder = self._workdir.directory
        write_json(folder / "search.json", report.json())
        if report.best is None:
            raise InputError(
                f"no trial ran to its end; {folder / 'search.json'} says why"
            )
        best = self._candidate(report.best_point)
        self._runner([best]).run(strategy)
        self._workdir.write_text("operative.gin", best.operative)
        bindings = as_bindings(report.best_point)
        text = report.best_gin(bindings, self._study.journal.name)
        self._workdir.write_text("best.gin", text)
        return folder / "best.gin"

    def _try(
        self, trials: Sequence[optuna.Trial], strategy: tf.distribute.Strategy
    ) -> None:
        """Judges trials: their stages run together, then each trial ends by itself."""
        candidates = []
        for trial in trials:
            point = self._study.point(trial)
            shown = ", ".join(f"{name} = {value}" for name, value in point.items())
            print(f"\nTrial {trial.number}: {shown}", flush=True)
            candidates.append(self._candidate(point, trial))
        begin = time.monotonic()
        if len(candidates) > 1:
            # A failure ends the run of all. It is met again by the trial whose it is;
            # what the others have finished or begun is kept.
            with contextlib.suppress(*_FAILURES):
                self._run(candidates, strategy)
        share = (time.monotonic() - begin) / max(len(candidates), 1)
        for candidate in candidates:
            self._judge(candidate, strategy, share)

    def _judge(
        self, candidate: _Candidate, strategy: tf.distribute.Strategy, share: float
    ) -> None:
        """Ends a trial with its value or failure; `share` are seconds spent before."""
        trial, begin = candidate.trial, time.monotonic() - share
        assert trial is not None
        failure, values = None, []
        try:
            rows = self._run([candidate], strategy)
            wanted = {stage.fingerprint(self._runtime) for stage in candidate.scored}
            values = [_value(row) for row in rows if row["fingerprint"] in wanted]
            if not all(map(math.isfinite, values)):
                failure = f"diverged: the metric must be finite; it was {values}"
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
            mean = statistics.mean(values)
            self._study.complete(trial, mean, values=values, seconds=seconds)
            print(f"Trial {trial.number}: {mean:.4f} in {seconds:.0f} s")
            return
        for model, _ in candidate.trainings:
            self._discard(model)
        self._study.prune(trial, failure=failure, seconds=seconds)
        print(f"Trial {trial.number}: {failure} after {seconds:.0f} s")

    def _candidate(self, point: Point, trial: optuna.Trial | None = None) -> _Candidate:
        stages, axes, operative = self._load(point)
        scored = self._search.scored(stages)
        return _Candidate(scored=scored, axes=axes, operative=operative, trial=trial)

    def _run(
        self, candidates: Sequence[_Candidate], strategy: tf.distribute.Strategy
    ) -> list[ResultRow]:
        for candidate in candidates:
            for stage in in_order(candidate.scored, self._runtime):
                stage.check()
        return self._runner(candidates).run(strategy)

    def _runner(self, candidates: Sequence[_Candidate]) -> Runner:
        axes: dict[str, Mapping[str, object]] = {}
        operative: dict[str, str] = {}
        pruned: dict[str, Pruning] = {}
        for candidate in candidates:
            axes = {**candidate.axes, **axes}
            for stage in in_order(candidate.scored, self._runtime):
                fingerprint = stage.fingerprint(self._runtime)
                operative.setdefault(fingerprint, candidate.operative)
            if candidate.trial is not None:
                for index, (model, metric) in enumerate(candidate.trainings):
                    pruned[model.fingerprint(self._runtime)] = Pruning(
                        candidate.trial, training=index, metric=metric
                    )

        def actions(stage: Stage) -> tuple[Pruning, ...]:
            action = pruned.get(stage.fingerprint(self._runtime))
            return () if action is None else (action,)

        runtime = self._runtime
        if self._search.pruner is not None:
            # Seeds that train side by side would report in another order.
            runtime = dataclasses.replace(runtime, together=1)
        scored = [stage for candidate in candidates for stage in candidate.scored]
        return Runner(
            in_order(scored, runtime),
            self._workdir,
            runtime=runtime,
            operative=operative,
            axis_values=axes,
            actions=actions,
        )

    def _discard(self, stage: Stage) -> None:
        """Removes the files of a training that was given up, unless another runs it."""
        with try_lock(self._workdir.lock(stage)) as mine:
            if mine:
                shutil.rmtree(self._workdir.working(stage), ignore_errors=True)


def _value(row: ResultRow) -> float:
    return row["metrics"]["dev"][row["primary_metric"]]
