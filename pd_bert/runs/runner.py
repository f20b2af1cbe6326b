"""Running a recipe: each stage once, finished ones reused."""

import contextlib
import datetime
import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import psutil
import tensorflow as tf

import pd_bert
from pd_bert.artifact import Artifact
from pd_bert.errors import InputError
from pd_bert.runs.accounting import full_disk, timed
from pd_bert.runs.estimates import Estimates
from pd_bert.runs.results import plan_row, result_row, write_results
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline
from pd_bert.system import interrupt
from pd_bert.system.atomic import write_json
from pd_bert.system.lock import try_lock
from pd_bert.system.memory import peak_bytes, reset_peak
from pd_bert.training.loop import Action
from pd_bert.training.runtime import Runtime, is_chief, is_cluster
from pd_bert.values import trust_classes_of

_POLL_SECONDS = 0.5
_CHIEF_SECONDS = 60.0
_VERSIONS = ("tensorflow", "tensorflow-text", "keras", "keras-nlp", "numpy")


class Runner:
    """Runs stages in order in a working directory.

    Several processes may run the same recipe in one directory: a stage belongs to the
    process that holds its lock, the others help where the stage allows it and wait.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        workdir: Workdir,
        *,
        runtime: Runtime,
        operative: str | Mapping[str, str] = "",
        axis_values: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
        actions: Callable[[Stage], tuple[Action, ...]] = lambda stage: (),
    ) -> None:
        """`operative` is the gin text that the stages were made from, or that of each
        stage by fingerprint. `axis_values` are a recipe's; `actions` returns the
        actions of a stage's training on the chief."""
        self._stages = stages
        trust_classes_of(tuple(stages))  # its artifacts name them
        self._workdir = workdir
        self._runtime = runtime
        self._operative = operative
        self._axis_values = axis_values
        self._actions = actions
        self._by_fingerprint = {stage.fingerprint(runtime): stage for stage in stages}
        self._finished: dict[str, Outline] = {}
        self._made: set[str] = set()
        self._checked: frozenset[str] = frozenset()
        self._first_look = True

    def run(self, strategy: tf.distribute.Strategy) -> list[dict[str, Any]]:
        """Makes every artifact that is missing; returns the rows of results.json.

        Of the stages whose inputs are finished it takes the first that no other process
        holds; where there is none it helps the others, and takes over from those that
        die. The processes of a cluster keep to one order.
        """
        waiting = ""
        if is_chief(strategy):
            write_json(self._workdir.directory / "plan.json", self._plan_rows())
            for stage in self._stages:
                self._workdir.reuse(stage)
        pending = dict(enumerate(self._stages, 1))
        written = -1
        while True:
            interrupt.check()
            pending = self._unfinished(pending)
            if len(pending) != written:
                self._write_rows(is_chief(strategy))
                written = len(pending)
            if not pending:
                return self._rows()
            ready = {n: s for n, s in pending.items() if self._ready(s)}
            if is_cluster(strategy):
                ready = dict([next(iter(pending.items()))])
            if self._make_one(ready, strategy):
                waiting = ""
                continue
            others = ", ".join(self._where(number) for number in ready)
            if others != waiting:
                print(f"{others}: another process is at it", flush=True)
                waiting = others
            for number, stage in ready.items():
                self._help(stage, self._context(number, strategy, chief=False))
            time.sleep(_POLL_SECONDS)

    def _unfinished(self, pending: dict[int, Stage]) -> dict[int, Stage]:
        """Returns the pending stages that are not finished; prints the others."""
        left = {}
        for number, stage in pending.items():
            if (artifact := self._workdir.artifact(stage)) is None:
                left[number] = stage
            elif stage.fingerprint(self._runtime) not in self._made:
                by = "unchanged, reused" if self._first_look else "made by another"
                if other := self._workdir.reused_from(stage):
                    by = f"reused from {other}"
                print(f"{self._where(number)}: {by}", flush=True)
            else:
                print(
                    f"{self._where(number)}: done in {artifact['seconds']:.0f} s",
                    flush=True,
                )
        self._first_look = False
        return left

    def _where(self, number: int) -> str:
        return f"{self._number(number)} {self._stages[number - 1].where}"

    def _number(self, number: int) -> str:
        return f"[{number}/{len(self._stages)}]"

    def _outlines(self) -> dict[str, Outline]:
        """The outlines of all stages, finished or not, by fingerprint.

        Raises InputError if a stage to come would find that its inputs do not fit.
        """
        found: dict[str, Outline] = {}
        for number, stage in enumerate(self._stages, 1):
            fingerprint = stage.fingerprint(self._runtime)
            if (artifact := self._workdir.artifact(stage)) is not None:
                if fingerprint not in self._finished:  # artifacts do not change
                    self._finished[fingerprint] = Outline.of(artifact)
                found[fingerprint] = self._finished[fingerprint]
                continue
            inputs = {
                field: found[read.fingerprint(self._runtime)]
                for field, read in stage.inputs().items()
            }
            try:
                found[fingerprint] = stage.outline(inputs)
            except InputError as error:
                raise InputError(f"{self._number(number)} {error}") from error
        return found

    def _artifacts(self) -> dict[str, Artifact]:
        found = {
            stage.fingerprint(self._runtime): self._workdir.artifact(stage)
            for stage in self._stages
        }
        return {key: artifact for key, artifact in found.items() if artifact}

    def _ready(self, stage: Stage) -> bool:
        reads = stage.inputs().values()
        return all(self._workdir.artifact(self._same(read)) for read in reads)

    def _same(self, stage: Stage) -> Stage:
        """The stage of this run that is equal; it may have another name."""
        return self._by_fingerprint[stage.fingerprint(self._runtime)]

    def _make_one(
        self, ready: dict[int, Stage], strategy: tf.distribute.Strategy
    ) -> bool:
        """Runs the first stage that is free, with its companions; False if none is."""
        for number, stage in ready.items():
            together = stage.collective and is_cluster(strategy)
            self._check(stage)
            if together and not is_chief(strategy):
                self._follow(number, strategy)
                return True
            with contextlib.ExitStack() as held:
                if not self._take(stage, held):
                    continue
                group = {number: stage}
                if not is_cluster(strategy):
                    group |= self._companions(number, ready, held)
                self._run(
                    [self._context(n, strategy, chief=True) for n in group],
                    list(group.values()),
                )
            return True
        return False

    def _check(self, stage: Stage) -> None:
        """Raises InputError before a training if stages to come do not fit together.

        More is known after each artifact, so all outlines are made again then.
        """
        finished = frozenset(self._artifacts())
        if stage.trains and finished != self._checked:
            self._outlines()
            self._checked = finished

    def _take(self, stage: Stage, held: contextlib.ExitStack) -> bool:
        """Returns if this process now owns the stage, and it is still to be made."""
        with contextlib.ExitStack() as stack:
            mine = stack.enter_context(try_lock(self._workdir.lock(stage)))
            if not mine or self._workdir.listed(stage):
                return False
            held.push(stack.pop_all())
            return True

    def _companions(
        self, number: int, ready: dict[int, Stage], held: contextlib.ExitStack
    ) -> dict[int, Stage]:
        """Returns further stages that run with `number`'s, as many as fit."""
        taken: dict[int, Stage] = {}
        key = ready[number].companions(self._runtime)
        for other, stage in ready.items():
            if not key or other == number or key != stage.companions(self._runtime):
                continue
            if len(taken) + 1 >= self._runtime.together:
                break
            if not self._fit([ready[number], *taken.values(), stage]):
                break
            if self._take(stage, held):
                taken[other] = stage
        return taken

    def _fit(self, stages: Sequence[Stage]) -> bool:
        """Returns if the models of these stages leave half of the free memory."""
        outlines = self._outlines()
        networks = (outlines[s.fingerprint(self._runtime)].network for s in stages)
        weights = sum(each.parameters for each in networks if each)
        # Weights, gradients and the optimizer's two moments, in float32.
        return 16 * weights < psutil.virtual_memory().available / 2

    def _follow(self, number: int, strategy: tf.distribute.Strategy) -> None:
        """Runs a stage as a process of a cluster that is not its chief."""
        stage = self._stages[number - 1]
        if not self._workdir.described(stage):
            stage.run(self._context(number, strategy, chief=False))
        free = 0
        while self._workdir.artifact(stage) is None:
            interrupt.check()
            with try_lock(self._workdir.lock(stage)) as unheld:
                free = free + 1 if unheld else 0
            if free * _POLL_SECONDS > _CHIEF_SECONDS:
                raise RuntimeError(
                    f"{self._where(number)}: the chief of the cluster ended before it "
                    "wrote the artifact"
                )
            time.sleep(_POLL_SECONDS)

    def _run(self, contexts: Sequence[Context], stages: Sequence[Stage]) -> None:
        """Runs stages that this process owns to their ends, and finishes them."""
        todo = [
            (stage, context)
            for stage, context in zip(stages, contexts, strict=True)
            if not self._workdir.described(stage)  # else it was killed while finishing
        ]
        failed: list[InputError] = []
        for stage, context in todo:
            print(f"{context.where}: running", flush=True)
            self._workdir.note("run", stage)
        if todo:
            reset_peak()
            with timed([context for _, context in todo]), full_disk(todo[0][1]):
                try:
                    outcomes = type(todo[0][0]).run_together(todo)
                except Exception as error:
                    # Companions that were well end with it, and begin again.
                    self._failed(todo[0][0], error)
                    raise
            for (stage, context), outcome in zip(todo, outcomes, strict=True):
                if isinstance(outcome, InputError):
                    failed.append(outcome)
                    self._failed(stage, outcome)
                else:
                    self._describe(stage, context, outcome)
        for stage in stages:
            if not self._workdir.described(stage):
                continue
            self._made.add(stage.fingerprint(self._runtime))
            self._workdir.finish(stage)
            self._workdir.note("finished", stage)
        if failed:
            raise failed[0]

    def _failed(self, stage: Stage, error: Exception) -> None:
        """Notes in the journal, in a line, what ended a stage."""
        line = " ".join(str(error).split())
        if not isinstance(error, InputError):  # libraries may go on for pages
            line = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        # Where the disk is full, that is what the user must hear of.
        with contextlib.suppress(OSError):
            self._workdir.note("failed", stage, error=line)

    def _describe(self, stage: Stage, context: Context, info: Info) -> None:
        """Writes what the artifact says of itself; after this the stage has run."""
        described = {
            "kind": stage.kind,
            "name": stage.name,
            "method": stage.method,
            "fingerprint": stage.fingerprint(self._runtime),
            "settings": stage.settings(self._runtime),
            "lineage": {
                field: {
                    "kind": read.kind,
                    "fingerprint": read.fingerprint(self._runtime),
                    "artifact": self._workdir.label(self._same(read)),
                }
                for field, read in stage.inputs().items()
            },
            "numerics": self._runtime.numerics if stage.trains else None,
            "versions": {
                "pd_bert": pd_bert.__version__,
                **{name: importlib.metadata.version(name) for name in _VERSIONS},
            },
            "created": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
            "seconds": round(float((context.scratch / "seconds").read_text()), 2),
            "peak_memory_bytes": peak_bytes(),
            **info,
        }
        operative = self._operative
        if not isinstance(operative, str):
            operative = operative[stage.fingerprint(self._runtime)]
        (context.directory / "operative.gin").write_text(operative)
        write_json(context.directory / "artifact.json", described)

    def _plan_rows(self) -> list[dict[str, Any]]:
        """All stages of the recipe, for plan.json."""
        return [
            plan_row(
                stage,
                self._workdir.label(stage),
                fingerprint := stage.fingerprint(self._runtime),
                self._axis_values.get(fingerprint, {}),
            )
            for stage in self._stages
        ]

    def _rows(self) -> list[dict[str, Any]]:
        """The rows of the finished stages, in the stages' order."""
        rows = []
        estimated = Estimates.read(self._workdir)
        for stage in self._stages:
            if artifact := self._workdir.artifact(stage):
                fingerprint = stage.fingerprint(self._runtime)
                axes = self._axis_values.get(fingerprint, {})
                cost = estimated.of(fingerprint)
                rows.append(
                    result_row(
                        stage,
                        artifact,
                        axes,
                        self._runtime,
                        estimated_seconds=None if cost is None else cost.seconds,
                    )
                )
        return rows

    def _write_rows(self, chief: bool) -> None:
        if chief:
            for stage in self._stages:
                if self._workdir.artifact(stage):
                    self._workdir.link(stage)
            write_results(self._workdir.directory / "results.json", self._rows())

    def _help(self, stage: Stage, context: Context) -> None:
        """Does what may be done beside the stage's owner."""
        # The owner makes the stage's directory, and moves it away when it is finished.
        with contextlib.suppress(FileNotFoundError):
            stage.share_work(context)

    def _context(
        self, number: int, strategy: tf.distribute.Strategy, *, chief: bool
    ) -> Context:
        stage = self._stages[number - 1]
        if is_cluster(strategy) and not stage.collective:
            strategy = tf.distribute.get_strategy()  # this process's own devices
        working = self._workdir.working(stage)
        scratch = working / "scratch"
        if chief:  # a helper that came late would leave an empty directory behind
            scratch.mkdir(parents=True, exist_ok=True)
        return Context(
            directory=working,
            scratch=scratch,
            summaries=self._workdir.logs(stage),
            runtime=self._runtime,
            strategy=strategy,
            artifacts=self._artifacts(),
            chief=chief,
            where=self._where(number),
            actions=self._actions(stage) if chief else (),
        )
