"""Students measured against their teachers, as Compression stages found them."""

import collections
import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.runs import folder, unique_names

Speeds = Mapping[int, Mapping[str, float]]
"""`median_ms`, `p95_ms` and `examples_per_second` by batch size."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeasuredModel:
    """A model's sizes and speeds, and its primary metric in percent where it is known.

    `id` is the fingerprint of its SavedModel.
    """

    id: str
    name: str
    method: str
    parameters: int
    without_embeddings: int
    size_bytes: int
    speeds: Speeds
    metric: float | None = None
    metric_name: str = ""

    @property
    def size_mb(self) -> float:
        """Megabytes (10⁶ bytes) of the SavedModel."""
        return self.size_bytes / 1e6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compressed:
    """A student and its teacher, run in turns.

    `ratios` are the teacher's `parameters`, `without_embeddings` and `size_bytes` over
    the student's, `speed_up` its median time over the student's by batch size. `paper`
    is a paper's numbers for the same, as `PaperCompression` has them.
    """

    task: str
    split: str
    student: MeasuredModel
    teacher: MeasuredModel
    ratios: Mapping[str, float]
    speed_up: Mapping[int, float]
    length: int
    runs: int
    signature: str
    paper: Mapping[str, Any] | None = None


def compressions(evidence: Evidence) -> tuple[Compressed, ...]:
    """Returns what the runs' Compression stages measured, one per student."""
    rows = [row for row in evidence.runs.rows if row["kind"] == "compression"]
    infos = {folder(row).name: evidence.runs.info(row) for row in rows}
    infos = {key: info for key, info in infos.items() if info}
    names = unique_names({key: _name(info["student"]) for key, info in infos.items()})
    return tuple(_compressed(info, names[key], evidence) for key, info in infos.items())


def teachers(found: Sequence[Compressed]) -> tuple[MeasuredModel, ...]:
    """Returns each teacher once; its speeds are medians over its students' turns."""
    met: dict[str, list[MeasuredModel]] = collections.defaultdict(list)
    for each in found:
        met[each.teacher.id].append(each.teacher)
    return tuple(
        dataclasses.replace(several[0], speeds=_medians([m.speeds for m in several]))
        for several in met.values()
    )


def _compressed(info: Mapping[str, Any], name: str, evidence: Evidence) -> Compressed:
    student, teacher = info["student"], info["teacher"]
    metrics = student.get("metrics") or teacher.get("metrics") or {}
    split = next(iter(s for s in (evidence.split, *metrics) if s in metrics), "")
    ratios = {key: value for key, value in info["ratios"].items() if key != "speed_up"}
    return Compressed(
        task=str(student["task"] or "–"),
        split=split,
        student=_model(student, name, split),
        teacher=_model(teacher, _name(teacher), split),
        ratios=ratios,
        speed_up={int(key): v for key, v in info["ratios"]["speed_up"].items()},
        length=info["length"],
        runs=info["runs"],
        signature=info["signature"],
        paper=(info["paper"] or {}).get("settings"),
    )


def _name(side: Mapping[str, Any]) -> str:
    """The method and the size, as other models of a report are named."""
    return " ".join(dict.fromkeys(str(side[key] or "–") for key in ("method", "size")))


def _model(side: Mapping[str, Any], name: str, split: str) -> MeasuredModel:
    metric = str(side.get("primary_metric") or "")
    value = (side.get("metrics") or {}).get(split, {}).get(metric)
    return MeasuredModel(
        id=side["fingerprint"],
        name=name,
        method=str(side["method"] or "–"),
        parameters=side["parameters"],
        without_embeddings=side["without_embeddings"],
        size_bytes=side["size_bytes"],
        speeds={int(size): each for size, each in side["speeds"].items()},
        metric=None if value is None else 100 * value,
        metric_name=metric,
    )


def _medians(several: Sequence[Speeds]) -> Speeds:
    sizes = dict.fromkeys(size for each in several for size in each)
    return {
        size: {
            name: statistics.median(each[size][name] for each in held)
            for name in held[0][size]
        }
        for size in sizes
        if (held := [each for each in several if size in each])
    }
