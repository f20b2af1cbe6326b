"""The expected costs of the stages of a recipe, and the file with them."""

import dataclasses
import datetime
import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from pd_bert.costs.cost import UNKNOWN, Cost, as_size, total
from pd_bert.costs.pricing import price
from pd_bert.costs.probe import Probe
from pd_bert.costs.work import TrainingSteps, Work
from pd_bert.errors import InputError
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Stage
from pd_bert.stages.outline import NotKnownError, Outline
from pd_bert.system import interrupt
from pd_bert.system.atomic import read_json, write_json

_FILE = "estimate.json"
_NAMED = 3
# What every artifact holds: artifact.json and operative.gin.
_ARTIFACT_BYTES = 1 << 14
_ARTIFACT_SECONDS = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """A stage, its cost and the outline of its artifact.

    `label` is the name of its folder. `parameters` of a model and `steps` of a training
    are None for other stages.
    """

    stage: Stage
    fingerprint: str
    label: str
    reused: bool
    outline: Outline
    cost: Cost
    parameters: int | None
    steps: int | None
    work: tuple[Work, ...] = ()

    @property
    def line(self) -> dict[str, Any]:
        """The stage's line of the plan, as JSON."""
        counts = {"steps": self.steps, "parameters": self.parameters}
        return {
            "stage": self.label,
            "reused": self.reused,
            **{name: count for name, count in counts.items() if count is not None},
            **dataclasses.asdict(self.cost),
        }


def estimate(
    stages: Sequence[Stage], workdir: Workdir, probe: Probe, *, free: int | None = None
) -> list[Estimate]:
    """Returns the cost of each stage; finished ones cost nothing.

    `free` is the room on the disk, in bytes; None asks the system. Raises InputError,
    before anything is measured, if the artifacts cannot fit.
    """
    found: dict[str, Estimate] = {}
    sized = probe.sized()
    for stage in stages:
        fingerprint = stage.fingerprint(probe.runtime)
        artifact = workdir.artifact(stage)
        if artifact is None:
            each = _unfinished(stage, workdir, found, sized)
        else:
            each = Estimate(
                stage=stage,
                fingerprint=fingerprint,
                label=workdir.label(stage),
                reused=True,
                outline=Outline.of(artifact),
                cost=Cost(),
                parameters=artifact.info.get("parameters"),
                steps=artifact.info.get("steps"),
            )
        found[fingerprint] = each
    require_disk(list(found.values()), workdir.directory, free=free)
    for fingerprint, each in found.items():
        if probe.measures and each.cost.seconds is None:
            cost = _price(each.work, probe)
            found[fingerprint] = dataclasses.replace(each, cost=cost)
    return list(found.values())


def _unfinished(
    stage: Stage, workdir: Workdir, found: Mapping[str, Estimate], probe: Probe
) -> Estimate:
    inputs = {
        field: found[read.fingerprint(probe.runtime)].outline
        for field, read in stage.inputs().items()
    }
    outline = stage.outline(inputs, probe.surveyor)
    try:
        work = stage.work(inputs, outline, probe.runtime)
        cost = _price(work, probe)
    except NotKnownError:
        work, cost = (), UNKNOWN
    steps = [each.steps for each in work if isinstance(each, TrainingSteps)]
    return Estimate(
        stage=stage,
        fingerprint=stage.fingerprint(probe.runtime),
        label=workdir.label(stage),
        reused=False,
        outline=outline,
        cost=cost,
        parameters=outline.network.parameters if outline.network else None,
        steps=sum(steps) if steps else None,
        work=work,
    )


def _price(work: Sequence[Work], probe: Probe) -> Cost:
    """The cost of a stage's work and of describing its artifact."""
    interrupt.check()
    described = Cost(seconds=_ARTIFACT_SECONDS, disk_bytes=_ARTIFACT_BYTES)
    return total(price(each, probe) for each in work) + described


def require_disk(
    estimates: Sequence[Estimate], directory: pathlib.Path, *, free: int | None = None
) -> None:
    """Raises InputError unless what the stages write fits on the disk, in bytes.

    Artifacts stay; checkpoints are there for one stage at a time.
    """
    if free is None:
        existing = directory.absolute()
        while not existing.exists():
            existing = existing.parent
        free = shutil.disk_usage(existing).free
    needed = total(each.cost for each in estimates).most_disk_bytes
    if needed <= free:
        return
    largest = sorted(estimates, key=lambda e: -e.cost.most_disk_bytes)[:_NAMED]
    named = ", ".join(
        f"{each.stage.title} {as_size(each.cost.most_disk_bytes)}" for each in largest
    )
    raise InputError(
        f"the disk of {directory} must hold what the run writes, about "
        f"{as_size(needed)}; {as_size(free)} are free (the largest: {named})"
    )


class Estimates:
    """The costs in a working directory's estimate.json, by fingerprint."""

    def __init__(self, stages: dict[str, dict[str, Any]]) -> None:
        self._stages = stages

    @classmethod
    def read(cls, workdir: Workdir) -> "Estimates":
        """Reads the costs of the last dry runs; none if there was no dry run."""
        path = workdir.directory / _FILE
        return cls(read_json(path)["stages"] if path.is_file() else {})

    def of(self, fingerprint: str) -> Cost | None:
        """Returns the cost that was estimated before the stage ran."""
        cost = self._stages.get(fingerprint, {}).get("cost", {})
        # Another version may have written other figures: then none is known.
        known = {field.name for field in dataclasses.fields(Cost)}
        return Cost(**cost) if cost.keys() == known else None

    @staticmethod
    def write(workdir: Workdir, estimates: Sequence[Estimate]) -> None:
        """Writes the costs of what is to run; finished stages keep theirs."""
        workdir.directory.mkdir(parents=True, exist_ok=True)
        kept = Estimates.read(workdir)._stages
        created = datetime.datetime.now(datetime.UTC).isoformat("T", "seconds")
        gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
        for each in estimates:
            if each.reused:
                continue
            kept[each.fingerprint] = {
                "stage": each.stage.title,
                "created": created,
                "machine": {"cores": os.cpu_count(), "devices": gpus or ["CPU"]},
                "cost": dataclasses.asdict(each.cost),
            }
        write_json(workdir.directory / _FILE, {"stages": kept})
