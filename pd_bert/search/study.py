"""The trials of a search, shared by all processes that work on it."""

import contextlib
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from pd_bert.errors import InputError
from pd_bert.search.journal import open_journal
from pd_bert.search.search import Search
from pd_bert.system import interrupt
from pd_bert.system.lock import try_lock

_POLL_SECONDS = 0.05
_TAKEN = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED)


class Study:
    """Optuna's study in WORKDIR/study.journal.

    Whoever takes a trial does so under one lock, so no point is tried twice, and then
    holds the lock of that trial to its end. A trial that is said to run and whose lock
    is free belonged to a process that died: its point is taken again. `identity` says
    which search it is.
    """

    def __init__(
        self, workdir: pathlib.Path, search: Search, identity: Mapping[str, Any]
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.journal = workdir / "study.journal"
        self.name = str(identity["recipe"])
        self._workdir = workdir
        self._order = search.order()
        self._distributions = {
            name: CategoricalDistribution(tuple(values))  # type: ignore[arg-type]
            for name, values in search.space.items()
        }
        with self.lock():
            self._study = optuna.create_study(
                storage=open_journal(self.journal),
                study_name=self.name,
                direction="maximize",
                # Every point is given to Optuna, which draws none.
                sampler=optuna.samplers.RandomSampler(),
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
    def take(self) -> Iterator[optuna.Trial | None]:
        """The next point as a trial that runs while the block does; None: all taken."""
        with contextlib.ExitStack() as held:
            with self.lock():
                self._bury()
                trial = self._next()
                if trial is not None:
                    path = self._lock_of(trial.number)
                    assert held.enter_context(try_lock(path)), path
            yield trial

    def unfinished(self) -> bool:
        """Whether a point is still to be tried, here or by another process."""
        ended = [trial.params for trial in self.finished()]
        return any(point not in ended for point in self._order)

    def complete(self, trial: optuna.Trial, value: float, **facts: Any) -> None:
        """Ends a trial with its value. `facts` are kept with it."""
        self._end(trial, TrialState.COMPLETE, facts, value)

    def prune(self, trial: optuna.Trial, **facts: Any) -> None:
        """Ends a trial that has no value."""
        self._end(trial, TrialState.PRUNED, facts)

    def finished(self) -> list[FrozenTrial]:
        """The trials that ended, at most one a point."""
        return self._trials(TrialState.COMPLETE, TrialState.PRUNED)

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
        """Marks the trials as failed whose process died; this one has none."""
        for trial in self._trials(TrialState.RUNNING):
            with try_lock(self._lock_of(trial.number)) as dead:
                if dead:
                    # Its owner may just have ended it.
                    self._study.tell(
                        trial.number, state=TrialState.FAIL, skip_if_finished=True
                    )

    def _next(self) -> optuna.Trial | None:
        # A process may have died between `enqueue_trial` and `ask`.
        if not self._trials(TrialState.WAITING):
            taken = [trial.params for trial in self._trials(*_TAKEN)]
            left = (point for point in self._order if point not in taken)
            if (point := next(left, None)) is None:
                return None
            self._study.enqueue_trial(point)
        trial = self._study.ask(self._distributions)  # type: ignore[arg-type]
        for old in self._trials(TrialState.FAIL):
            if old.params == trial.params:
                self._inherit(trial, old)
        return trial

    @staticmethod
    def _inherit(trial: optuna.Trial, old: FrozenTrial) -> None:
        """Training goes on where it was, so what it reported holds."""
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

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states)

    def _lock_of(self, number: int) -> pathlib.Path:
        return self._workdir / "working" / f"trial-{number}.lock"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 200 else f"{text[:200]}…"
