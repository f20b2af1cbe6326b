"""The trials of a search, shared by all processes that work on it."""

import contextlib
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from pd_bert.errors import InputError
from pd_bert.search.journal import open_journal
from pd_bert.search.points import Params, Point
from pd_bert.search.samplers import draw
from pd_bert.search.search import Search
from pd_bert.system import interrupt
from pd_bert.system.lock import try_lock

_POLL_SECONDS = 0.05
_REPEATS = 10
"""Suggestions in a row of points that are taken, before one is drawn at random."""
_TAKEN = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED)
_REPEATED = "repeats"
"""The attribute of a trial that took its result from another: that one's number."""


class Study:
    """Optuna's study in WORKDIR/study.journal.

    A process takes a trial under one lock, so that no point is judged twice, and then
    holds the lock of that trial to its end. If a trial is recorded as running and its
    lock is free, its process died: the point is taken again. `identity` says which
    search it is.
    """

    def __init__(
        self, workdir: pathlib.Path, search: Search, identity: Mapping[str, Any]
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.journal = workdir / "study.journal"
        self.name = str(identity["recipe"])
        self._workdir = workdir
        self._search = search
        self._points = search.points
        self._distributions: dict[str, BaseDistribution] = {
            **self._points.distributions
        }
        self._budget = min(search.trials or self._points.count, self._points.count)
        with self.lock():
            self._study = optuna.create_study(
                storage=open_journal(self.journal),
                study_name=self.name,
                direction="maximize",
                pruner=search.pruner.build()
                if search.pruner
                else optuna.pruners.NopPruner(),
                load_if_exists=True,
            )
            self._claim(identity)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Waits until no other process is in such a block."""
        path = self._workdir / "study.lock"
        while True:
            with try_lock(path) as mine:
                if mine:
                    yield
                    return
            interrupt.check()
            time.sleep(_POLL_SECONDS)

    @contextlib.contextmanager
    def take(self) -> Iterator[list[optuna.Trial]]:
        """Yields up to Search.together trials, which are this process's in the block.

        There are none if all points of the budget are taken.
        """
        trials: list[optuna.Trial] = []
        with contextlib.ExitStack() as held:
            with self.lock():
                self._bury()
                while len(trials) < self._search.together:
                    if len(self._distinct(*_TAKEN)) >= self._budget:
                        break
                    trials.append(self._next())
                    path = self._lock_of(trials[-1].number)
                    assert held.enter_context(try_lock(path)), path
            yield trials

    def point(self, trial: optuna.Trial) -> Point:
        """Returns the values of the macros in a trial."""
        return self._points.point(trial.params)

    def unfinished(self) -> bool:
        """Returns True if a point of the budget is not judged yet."""
        taken = list(self._distinct(*_TAKEN).values())[: self._budget]
        running = any(trial.state == TrialState.RUNNING for trial in taken)
        return running or len(taken) < self._budget

    def complete(self, trial: optuna.Trial, value: float, **facts: Any) -> None:
        """Ends a trial with its value. `facts` are kept with it."""
        self._end(trial, TrialState.COMPLETE, facts, value)

    def prune(self, trial: optuna.Trial, **facts: Any) -> None:
        """Ends a trial that has no value."""
        self._end(trial, TrialState.PRUNED, facts)

    def finished(self) -> list[FrozenTrial]:
        """Returns the trials that ended, one per point."""
        ended = self._distinct(TrialState.COMPLETE, TrialState.PRUNED)
        return list(ended.values())

    def _claim(self, identity: Mapping[str, Any]) -> None:
        for key, value in identity.items():
            held = self._study.user_attrs.get(key, value)
            if held != value:
                raise InputError(
                    f"a study holds one search; {self.journal} was begun with {key} "
                    f"{_short(held)}, received {_short(value)}: give another --workdir"
                )
            if key not in self._study.user_attrs:
                self._study.set_user_attr(key, value)

    def _bury(self) -> None:
        """Marks the trials as failed whose process died; this process has none."""
        for trial in self._trials(TrialState.RUNNING):
            with try_lock(self._lock_of(trial.number)) as dead:
                if dead:
                    # Its owner may just have ended it.
                    self._study.tell(
                        trial.number, state=TrialState.FAIL, skip_if_finished=True
                    )

    def _next(self) -> optuna.Trial:
        """Asks until a point comes that no trial has."""
        for _ in range(_REPEATS):
            trial = self._ask(self._queued())
            if not self._repeats(trial):
                return trial
        number = draw(self._points, self._distinct(*_TAKEN).keys(), self._seed())
        # The sampler is still asked: the point belongs to its generation.
        return self._ask(self._points.params(number))

    def _queued(self) -> Params | None:
        """The first point that a dead process had or that Search.first names."""
        taken = self._distinct(*_TAKEN)
        dead = (t.params for t in self._distinct(TrialState.FAIL).values())
        first = map(self._points.params_of, self._search.first)
        wanted = (p for p in (*dead, *first) if self._points.number(p) not in taken)
        return next(wanted, None)

    def _ask(self, params: Params | None) -> optuna.Trial:
        self._study.sampler = self._search.sampler.build(
            self._points, self._distinct(*_TAKEN).keys(), self._seed()
        )
        # A process may have died between `enqueue_trial` and `ask`.
        if params and not self._trials(TrialState.WAITING):
            self._study.enqueue_trial(params)
        trial = self._study.ask(self._distributions)
        # Optuna does not ask the sampler where all parameters are given, and a genetic
        # one would then leave the trial out of its generations.
        _ = trial.relative_params
        for dead in self._trials(TrialState.FAIL):
            if dead.params == trial.params and _REPEATED not in dead.user_attrs:
                self._inherit(trial, dead)
        return trial

    def _seed(self) -> int:
        """The next trial's seed: the trials of dead processes do not count."""
        asked = len(self._trials(*_TAKEN)) + sum(
            _REPEATED in trial.user_attrs for trial in self._trials(TrialState.FAIL)
        )
        seed = np.random.SeedSequence((self._search.seed, asked))
        return int(seed.generate_state(1)[0])

    def _repeats(self, trial: optuna.Trial) -> bool:
        """Ends a trial whose point another trial has, with the result of that one."""
        other = self._distinct(*_TAKEN)[self._number(trial)]
        if other.number == trial.number:
            return False
        trial.set_user_attr(_REPEATED, other.number)
        if other.state == TrialState.PRUNED:  # samplers compare how far trials came
            for step, value in other.intermediate_values.items():
                trial.report(value, step)
        ended = other.state != TrialState.RUNNING
        self._study.tell(
            trial,
            other.value if other.state == TrialState.COMPLETE else None,
            state=other.state if ended else TrialState.FAIL,
        )
        return True

    @staticmethod
    def _inherit(trial: optuna.Trial, old: FrozenTrial) -> None:
        """Copies what a trial reported: its training goes on where it was."""
        reported = trial.study.trials[trial.number].intermediate_values
        for step, value in old.intermediate_values.items():
            if step not in reported:
                trial.report(value, step)
        for key, value in old.user_attrs.items():
            trial.set_user_attr(key, value)

    def _end(
        self,
        trial: optuna.Trial,
        state: TrialState,
        facts: Mapping[str, Any],
        value: float | None = None,
    ) -> None:
        for key, fact in facts.items():
            trial.set_user_attr(key, fact)
        self._study.tell(trial, value, state=state)

    def _distinct(self, *states: TrialState) -> dict[int, FrozenTrial]:
        """The trials by the numbers of their points, without those that repeat."""
        found: dict[int, FrozenTrial] = {}
        for trial in self._trials(*states):
            # A process may have died while Optuna wrote the parameters.
            whole = trial.params.keys() == self._distributions.keys()
            if whole and _REPEATED not in trial.user_attrs:
                found.setdefault(self._number(trial), trial)
        return found

    def _number(self, trial: optuna.Trial | FrozenTrial) -> int:
        return self._points.number(trial.params)

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states)

    def _lock_of(self, number: int) -> pathlib.Path:
        return self._workdir / "working" / f"trial-{number}.lock"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 200 else f"{text[:200]}…"
