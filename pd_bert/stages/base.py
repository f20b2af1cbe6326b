"""The interface of every stage."""

import abc
import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.costs.work import Unknown, Works
from pd_bert.data.records import Records
from pd_bert.data.shards import checksum
from pd_bert.data.source import Source
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.training.loop import Action
from pd_bert.training.runtime import Runtime
from pd_bert.values import class_path, digest, to_json

Info = dict[str, Any]
Outcome = Info | InputError
"""The description of a stage's artifact, or the reason why there is none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """The place, the devices and the finished inputs of a running stage.

    It writes into `directory`, which becomes the artifact when the stage is done, and
    what helps only while it runs into `scratch`. The process with
    `chief` writes the artifact. `actions` follow the steps and evaluations of a
    training.
    """

    directory: pathlib.Path
    scratch: pathlib.Path
    summaries: pathlib.Path
    runtime: Runtime
    strategy: tf.distribute.Strategy
    artifacts: dict[str, Artifact]
    chief: bool
    where: str
    actions: tuple[Action, ...] = ()

    def buckets(self, wanted: tuple[int, ...], records: Records) -> tuple[int, ...]:
        """The lengths to pad batches to: `wanted`, or one with `fixed_length`."""
        return self.runtime.buckets(wanted, records.manifest["sequence_length"])

    def batch_size(self, wanted: int) -> int:
        """`wanted`, rounded up to a multiple of the number of replicas."""
        replicas = self.strategy.num_replicas_in_sync
        return -(-wanted // replicas) * replicas

    def artifact(self, stage: "Stage") -> Artifact:
        """The artifact of a stage that this one has as input."""
        return self.artifacts[stage.fingerprint(self.runtime)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage(abc.ABC):
    """A frozen value: settings, and the stages whose artifacts it reads.

    Equal stages are one stage: the fingerprint follows from the class, the settings,
    the inputs' fingerprints and the contents of the sources, and names the artifact.
    `name` and `method` are for people and change nothing. Stages that measure or export
    a model take both from it by default.
    """

    name: str
    method: str | None = None

    kind: ClassVar[str]
    collective: ClassVar[bool] = False
    """True if all processes of a cluster run it together."""
    trains: ClassVar[bool] = False
    """True if numerical precision is part of what it makes."""
    prerequisites: ClassVar[tuple[str, ...]] = ()
    """Fields with stages that must have passed before it, and that decide nothing of
    what it makes."""

    named_after: ClassVar[str] = ""
    """Field of the stage whose name and method are the default; "" if there is none."""
    is_method: ClassVar[bool] = False
    """True if the default of `method` is `name`."""

    def __post_init__(self) -> None:
        if self.named_after:
            read: Stage = getattr(self, self.named_after)
            object.__setattr__(self, "name", self.name or read.name)
            object.__setattr__(self, "method", self.method or read.method)
        elif self.is_method:
            object.__setattr__(self, "method", self.method or self.name)
        for field in dataclasses.fields(self):
            # A list would make the value unhashable.
            if isinstance(value := getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(value))

    def check(self) -> None:
        """Raises InputError for what can be known to be wrong before anything runs."""
        for source in _sources(self):
            source.check()

    def share_work(self, context: Context) -> None:  # noqa: B027 (nothing is a good default)
        """Does the work that several processes may share; by default nothing."""

    @abc.abstractmethod
    def run(self, context: Context) -> Info:
        """Makes the artifact; returns what `artifact.json` says beyond the usual."""

    def companions(self, runtime: Runtime) -> str:
        """Key of stages that can be trained together; empty if none can."""
        return ""

    @classmethod
    def run_together(cls, runs: Sequence[tuple["Stage", Context]]) -> list[Outcome]:
        """Runs several companions in this process; what `run` would give of each."""
        return [stage.run(context) for stage, context in runs]

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        """Describes the artifact before it is made, as far as it is known.

        `inputs` are the outlines of the stages that it reads, by field name. By default
        all of them must share one vocabulary, which the outline contains. With
        `survey`, in a dry run, samples of sources may be read and encoded. Raises
        InputError for inputs that do not fit together; the runner asks for all outlines
        before the first training, so that nothing is trained in vain.
        """
        known = {f: each.vocabulary for f, each in inputs.items() if each.vocabulary}
        if len(set(known.values())) > 1:
            made_with = (
                f"{field} ({self.inputs()[field].title}) has {vocabulary[:12]}"
                for field, vocabulary in known.items()
            )
            raise InputError(
                f"{self.where}: all that a stage reads must share one vocabulary; "
                f"{', '.join(made_with)}"
            )
        names = ("vocabulary", "vocabulary_size", "vocabulary_file", "lowercase")
        shared = {
            name: value
            for name in names
            for each in inputs.values()
            if (value := getattr(each, name)) is not None
        }
        return Outline(**shared)

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        """Lists what the stage will compute, for an estimate of its cost.

        `outline` is the stage's own. Raises NotKnownError where too little is known.
        """
        return (Unknown(),)

    @property
    def where(self) -> str:
        """The stage's name at the beginning of messages."""
        return f"{self.kind} {self.name}"

    def field_of(self, stage: "Stage") -> str:
        """The name of the field with a stage that it reads."""
        return next(field for field, read in self.inputs().items() if read is stage)

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"{self.kind}-{self.name}"

    @property
    def dev_metric(self) -> str | None:
        """The metric on dev that a search may maximize; None if it measures none."""
        return None

    def result_columns(self) -> Info:
        """The stage's own columns of results.json."""
        return {"size": None, "task": None, "seed": getattr(self, "seed", None)}

    def inputs(self) -> dict[str, "Stage"]:
        """The stages it reads, by field name."""
        return dict(_stages("", self))

    def fingerprint(self, runtime: Runtime) -> str:
        """SHA-256 of all that decides the artifact."""
        return _fingerprint(self, json.dumps(runtime.numerics, sort_keys=True))

    def fingerprint_without_seeds(self, runtime: Runtime) -> str:
        """The same for stages that differ in seeds alone, theirs or their inputs'.

        The fingerprints of sources are taken whole, so the seed of a sample counts.
        """
        numerics = json.dumps(runtime.numerics, sort_keys=True)
        return _fingerprint(self, numerics, seeds=False)

    def input_files(self) -> dict[str, pathlib.Path]:
        """Fields that name a file or folder whose *contents* decide the artifact."""
        return {}

    def settings(self, runtime: Runtime) -> Info:
        """Its fields as JSON, stages by kind and fingerprint."""
        return {
            field.name: _described(getattr(self, field.name), runtime.numerics)
            for field in dataclasses.fields(self)
            if field.name not in ("name", "method")
        }


def require_same_labels(
    where: str, *, model: str, has: Sequence[str] | None, wanted: Sequence[str] | None
) -> None:
    """Raises InputError for other label names, or another order; None is not known."""
    if has is not None and wanted is not None and list(has) != list(wanted):
        raise InputError(
            f"{where}: model and task must have the same labels in the same order; "
            f"{model} has {list(has)}, the task {list(wanted)}"
        )


def read_anew() -> None:
    """Forgets fingerprints: files may have changed since they were read."""
    _known.clear()
    for cached in (_contents, _contents_fingerprint):
        cached.cache_clear()


_SEEDS = ("seed", "order_seed")


# By identity: the hash of a stage goes through all that it reads, each time. The stage
# is held with its fingerprint, so that no other can take its identity.
_known: dict[tuple[int, str, bool], tuple[Stage, str]] = {}


def _fingerprint(stage: Stage, numerics: str, *, seeds: bool = True) -> str:
    key = (id(stage), numerics, seeds)
    if key not in _known:
        _known[key] = stage, _computed_fingerprint(stage, numerics, seeds)
    return _known[key][1]


def _computed_fingerprint(stage: Stage, numerics: str, seeds: bool) -> str:
    left_out = {"name", "method", *stage.prerequisites, *(() if seeds else _SEEDS)}
    settings = {
        field.name: _identity(getattr(stage, field.name), numerics, seeds)
        for field in dataclasses.fields(stage)
        if field.name not in left_out
    }
    settings |= {name: _contents(path) for name, path in stage.input_files().items()}
    described = {"class": class_path(type(stage)), "settings": settings}
    if stage.trains:
        described["numerics"] = numerics
    return digest(described)


def _identity(value: Any, numerics: str, seeds: bool) -> Any:
    """A setting, with stages and sources replaced by their fingerprints.

    So is every value that has a method `fingerprint`: files decide what it is.
    """
    if isinstance(value, Stage):
        return _fingerprint(value, numerics, seeds=seeds)
    if callable(getattr(value, "fingerprint", None)):
        return _contents_fingerprint(value)
    if isinstance(value, list | tuple):
        return [_identity(item, numerics, seeds) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: _identity(getattr(value, field.name), numerics, seeds)
            for field in dataclasses.fields(value)
            if seeds or field.name not in _SEEDS
        }
        return {"class": class_path(type(value)), "settings": fields}
    return to_json(value)


@functools.lru_cache(maxsize=64)
def _contents(path: pathlib.Path) -> str:
    """SHA-256 of a file, or of all the files below a folder."""
    files = (
        [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    )
    return digest([(str(p.relative_to(path)), checksum(p)) for p in files])


@functools.lru_cache(maxsize=1024)
def _contents_fingerprint(value: Any) -> str:
    return value.fingerprint()


def _described(value: Any, numerics: Info) -> Any:
    if isinstance(value, Stage):
        identity = _fingerprint(value, json.dumps(numerics, sort_keys=True))
        return {"stage": value.title, "fingerprint": identity}
    if isinstance(value, list | tuple):
        return [_described(item, numerics) for item in value]
    if next(_stages("", value), None):
        return {
            "class": class_path(type(value)),
            "settings": {
                field.name: _described(getattr(value, field.name), numerics)
                for field in dataclasses.fields(value)
            },
        }
    return to_json(value)


def _stages(path: str, value: Any) -> Iterator[tuple[str, Stage]]:
    """Yields the stages inside a value and its values, not inside other stages.

    Each comes with the path of its field: `initial`, `teachers.0.model`.
    """
    if isinstance(value, Stage) and path:
        yield path, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _stages(f"{path}.{index}", item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            yield from _stages(f"{path}.{field.name}".lstrip("."), inner)


def _sources(value: Any) -> Iterator[Source]:
    """The sources inside a value, not going into other stages."""
    if isinstance(value, Source):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _sources(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            if not isinstance(inner, Stage):
                yield from _sources(inner)
