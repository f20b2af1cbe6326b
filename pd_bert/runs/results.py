"""results.json: what the finished stages of a run measured."""

import functools
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from pd_bert.artifact import Artifact, ancestors
from pd_bert.runs.result_group import ResultRow
from pd_bert.stages.base import Stage
from pd_bert.system.atomic import write_json
from pd_bert.training.runtime import Runtime


def result_row(
    stage: Stage,
    artifact: Artifact,
    axes: Mapping[str, object],
    runtime: Runtime,
    *,
    estimated_seconds: float | None = None,
) -> ResultRow:
    """A finished stage's object in results.json; null where a key does not apply.

    `axes` are the values of the recipe's axes that the stage depends on. Rows with one
    `fingerprint_without_seeds` are one model with several seeds.
    """
    info = artifact.info
    return {
        "stage": f"{stage.kind}-{stage.name}",
        "kind": stage.kind,
        "method": stage.method,
        **stage.result_columns(),
        "axes": dict(axes),
        "metrics": info.get("metrics"),
        "primary_metric": info.get("primary_metric"),
        "parameters": info.get("parameters"),
        "seconds": info["seconds"],
        "estimated_seconds": estimated_seconds,
        "size_bytes": info.get("size_bytes"),
        "examples_per_second": info.get("examples_per_second"),
        "latency_ms": info.get("latency_ms"),
        "facts": facts(artifact),
        "artifact": str(artifact.directory),
        "fingerprint": info["fingerprint"],
        "fingerprint_without_seeds": stage.fingerprint_without_seeds(runtime),
    }


def facts(artifact: Artifact) -> dict[str, Any]:
    """Returns the `facts` of an artifact and of all that it was made from.

    A fact is for example the size of the transfer set. Of facts with the same name the
    one nearest in the lineage is taken.
    """
    # A reused artifact lies in another working directory, with what it was made of.
    return dict(_facts(artifact.directory.resolve()))


@functools.lru_cache(maxsize=4096)
def _facts(folder: pathlib.Path) -> dict[str, Any]:
    """Finished artifacts do not change, and all rows are made again with each."""
    found: dict[str, Any] = {}
    for each in (Artifact(folder), *ancestors(folder).values()):
        found = {**each.info.get("facts", {}), **found}
    return found


def plan_row(
    stage: Stage, label: str, fingerprint: str, axes: Mapping[str, object]
) -> ResultRow:
    """A stage's object in plan.json, finished or not; `label` is its folder's name."""
    return {
        "stage": stage.title,
        "kind": stage.kind,
        "method": stage.method,
        **stage.result_columns(),
        "axes": dict(axes),
        "artifact": label,
        "fingerprint": fingerprint,
    }


def write_results(path: pathlib.Path, rows: Iterable[ResultRow]) -> None:
    """Writes results.json, whole or not at all."""
    write_json(path, list(rows))
