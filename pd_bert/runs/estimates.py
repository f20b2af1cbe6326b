"""What the stages of a recipe will cost, and the file that keeps it."""

import dataclasses
import datetime
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.costs.cost import UNKNOWN, Cost, UnknownCostError, as_size, total
from pd_bert.costs.probe import Probe
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.models.model import saved_architecture, saved_heads
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Info, Stage
from pd_bert.system import interrupt
from pd_bert.system.atomic import read_json, write_json

_FILE = "estimate.json"
_NAMED = 3
# What every artifact holds: artifact.json and operative.gin.
_ARTIFACT_BYTES = 1 << 14
_ARTIFACT_SECONDS = 0.05
_TOLD = ("parameters", "steps")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """A stage, its cost, and what its readers' estimates need."""

    stage: Stage
    fingerprint: str
    reused: bool
    cost: Cost
    info: Info

    @property
    def figures(self) -> dict[str, Any]:
        """For a line of the plan."""
        told = {key: self.info[key] for key in _TOLD if key in self.info}
        return told | dataclasses.asdict(self.cost)


def estimate(
    stages: Sequence[Stage], workdir: Workdir, probe: Probe, *, free: int | None = None
) -> list[Estimate]:
    """The cost of each stage; finished ones cost nothing.

    `free` is the room on the disk, in bytes; None asks the system. Raises InputError,
    before anything is measured, if the artifacts cannot fit.
    """
    found: dict[str, Estimate] = {}
    for stage in stages:
        fingerprint = stage.fingerprint(probe.runtime)
        artifact = workdir.artifact(stage)
        if artifact is None:
            cost, info = _estimate(stage, found, probe.sized())
        else:
            cost, info = Cost(), finished(artifact)
        found[fingerprint] = Estimate(
            stage=stage,
            fingerprint=fingerprint,
            reused=artifact is not None,
            cost=cost,
            info=info,
        )
    require_disk(list(found.values()), workdir.directory, free=free)
    for fingerprint, each in found.items():
        if probe.measures and each.cost.seconds is None:
            cost, _ = _estimate(each.stage, found, probe)
            found[fingerprint] = dataclasses.replace(each, cost=cost)
    return list(found.values())


def _estimate(
    stage: Stage, found: dict[str, Estimate], probe: Probe
) -> tuple[Cost, Info]:
    interrupt.check()
    inputs = {
        field: found[read.fingerprint(probe.runtime)].info
        for field, read in stage.inputs().items()
    }
    try:
        cost, info = stage.estimate(inputs, probe)
    except UnknownCostError:
        return UNKNOWN, {}
    described = Cost(seconds=_ARTIFACT_SECONDS, disk_bytes=_ARTIFACT_BYTES)
    return cost + described, info


def finished(artifact: Artifact) -> Info:
    """What a stage's estimate would tell, read from its artifact."""
    info = dict(artifact.info)
    directory = artifact.directory
    if (directory / "vocab.txt").is_file():
        info["vocabulary_file"] = directory / "vocab.txt"
    if (directory / "model.json").is_file():
        info["architecture"] = saved_architecture(directory)
        info["heads"] = saved_heads(directory)
    folders = [path.parent for path in directory.rglob("manifest.json")]
    info["splits"] = {
        "" if folder == directory else folder.name: ExpectedRecords.of(Records(folder))
        for folder in folders
    }
    return info


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
        """Those of the last dry runs; none if there was no dry run."""
        path = workdir.directory / _FILE
        return cls(read_json(path)["stages"] if path.is_file() else {})

    def of(self, fingerprint: str) -> Cost | None:
        """The cost that was told before the stage ran."""
        told = self._stages.get(fingerprint, {}).get("cost", {})
        # Another version may have written other figures: then none is known.
        known = {field.name for field in dataclasses.fields(Cost)}
        return Cost(**told) if told.keys() == known else None

    @staticmethod
    def write(workdir: Workdir, estimates: Sequence[Estimate]) -> None:
        """Writes the costs of what is to run; finished stages keep what was told."""
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
