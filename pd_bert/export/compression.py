"""Stage: the size and the speed of a student's SavedModel against its teacher's."""

import dataclasses
import os
from typing import ClassVar

import numpy as np
import tensorflow as tf

from pd_bert.costs.work import Fixed, Load, ModelPasses, Work, Works
from pd_bert.data.example_spec import TOKENS
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.export.interleaved import interleaved
from pd_bert.export.paper_compression import PaperCompression
from pd_bert.export.saved_model import SavedModel
from pd_bert.export.timed_model import IDS, TEXT, TimedModel, speed
from pd_bert.models.network import Network
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.training.runtime import Runtime
from pd_bert.values import to_json

_SIDES = ("student", "teacher")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compression(Stage):
    """Measures what a student saves, from the SavedModels of student and teacher.

    Both are loaded, and run in turns on this machine with the threads that TensorFlow
    takes by default. An input is `length` word pieces, special ones included, without
    padding: `runs` times for each of `batch_sizes`. They are ids where both models have
    that signature, else, and with `from_text`, raw text. With the evaluations of both
    models their metrics stand beside; `paper` has a paper's numbers for the same.

    artifact.json holds `student` and `teacher`, each with `parameters`, those
    `without_embeddings` (of tokens, positions and segments), `size_bytes` of the
    SavedModel, and `speeds` by batch size: `median_ms` and `p95_ms` of a batch (its
    95th percentile) and `examples_per_second` by the median. `ratios` are the teacher's
    over the student's, `speed_up` that of the medians. The row of results.json has
    the student's figures: `latency_ms` of the smallest batch, `examples_per_second` in
    the largest.
    """

    name: str = ""
    student: SavedModel
    teacher: SavedModel
    student_evaluation: Evaluate | None = None
    teacher_evaluation: Evaluate | None = None
    length: int = 32
    batch_sizes: tuple[int, ...] = (1, 32, 128)
    runs: int = 100
    from_text: bool = False
    paper: PaperCompression | None = None

    kind: ClassVar[str] = "compression"
    named_after: ClassVar[str] = "student"
    trains: ClassVar[bool] = True

    def inputs(self) -> dict[str, Stage]:
        """Returns also the models that were exported, of which it reads networks."""
        models = {f"{side}.model": self._exported(side).model for side in _SIDES}
        return {**super().inputs(), **models}

    def result_columns(self) -> Info:
        return self.student.result_columns()

    def check(self) -> None:
        super().check()
        sizes = self.batch_sizes
        if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
            raise InputError(
                f"{self.where}: batch_sizes are different numbers from 1; received "
                f"{sizes}"
            )
        for name in ("length", "runs"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"{self.where}: {name} must be at least 1; received "
                    f"{getattr(self, name)}"
                )
        runtime = Runtime()
        for side in _SIDES:
            model, evaluation = self._exported(side).model, self._evaluation(side)
            if evaluation is None:
                continue
            measured = evaluation.model
            if measured.fingerprint(runtime) != model.fingerprint(runtime):
                raise InputError(
                    f"{self.where}: {side}_evaluation is of the model that {side} "
                    f"exports, {model.title}; received one of {measured.title}"
                )

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        for side in _SIDES:
            longest = inputs[f"{side}.model"].sequence_length
            if longest is not None and self.length > longest:
                raise InputError(
                    f"{self.where}: the {side}, {self._exported(side).model.title}, "
                    f"reads {longest} word pieces at most; received length = "
                    f"{self.length}"
                )
        # The two may have different vocabularies.
        return Outline(network=inputs["student.model"].network)

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        works: list[Work] = []
        for side in _SIDES:
            network = inputs[f"{side}.model"].require_network()
            layers = getattr(network.architecture, "num_layers", 12)
            works.append(Fixed(seconds=2.0 + 0.5 * layers))  # loading its graph
            works += [self._passes(network, size) for size in self.batch_sizes]
        return tuple(works)

    def run(self, context: Context) -> Info:
        models = {
            side: TimedModel(
                context.artifact(self._exported(side)),
                context.artifact(self._exported(side).model),
            )
            for side in _SIDES
        }
        by_ids = not self.from_text and all(
            IDS in m.signatures for m in models.values()
        )
        signature = IDS if by_ids else TEXT
        # By batch size, which is text in JSON.
        speeds: dict[str, dict[str, Info]] = {side: {} for side in _SIDES}
        for size in self.batch_sizes:
            functions = {
                side: model.function(signature, batch_size=size, length=self.length)
                for side, model in models.items()
            }
            for side, seconds in interleaved(functions, runs=self.runs).items():
                speeds[side][str(size)] = speed(seconds, batch_size=size)
        sides = {
            side: {
                **self._described(side, context),
                **model.size(),
                "speeds": speeds[side],
            }
            for side, model in models.items()
        }
        own, sizes = sides["student"], self.batch_sizes
        smallest, largest = str(min(sizes)), str(max(sizes))
        found = ratios(**sides)
        times = ", ".join(
            f"{each:.1f}× at batch {size}" for size, each in found["speed_up"].items()
        )
        print(
            f"{context.where}: parameters {found['parameters']:.1f}×, "
            f"speed {times} (teacher over student)",
            flush=True,
        )
        return {
            "parameters": own["parameters"],
            "size_bytes": own["size_bytes"],
            "latency_ms": own["speeds"][smallest]["median_ms"],
            "latency_batch_size": int(smallest),
            "examples_per_second": own["speeds"][largest]["examples_per_second"],
            **sides,
            "ratios": found,
            "signature": signature,
            "length": self.length,
            "runs": self.runs,
            "machine": _machine(),
            "paper": to_json(self.paper),
        }

    def _exported(self, side: str) -> SavedModel:
        return self.student if side == "student" else self.teacher

    def _evaluation(self, side: str) -> Evaluate | None:
        if side == "student":
            return self.student_evaluation
        return self.teacher_evaluation

    def _described(self, side: str, context: Context) -> Info:
        """The names of a model and, where it was evaluated, its metrics."""
        exported, evaluation = self._exported(side), self._evaluation(side)
        columns = exported.result_columns()
        described: Info = {
            "method": exported.method or exported.name,
            "size": columns["size"],
            "task": columns["task"],
            "fingerprint": exported.fingerprint(context.runtime),
        }
        if evaluation is not None:
            artifact = context.artifact(evaluation)
            for key in ("metrics", "primary_metric"):
                described[key] = artifact[key]
        return described

    def _passes(self, network: Network, batch_size: int) -> ModelPasses:
        count = batch_size * self.runs
        records = ExpectedRecords(
            count=count,
            read_lengths=lambda: np.full(count, self.length, np.uint16),
            bytes=0,
            exact=True,
            spec=TOKENS,
            sequence_length=self.length,
        )
        load = Load(
            network=network,
            spec=tuple(TOKENS.items()),
            sequence_length=self.length,
            batch_size=batch_size,
            buckets=(self.length,),
        )
        return ModelPasses(load=load, records=((records, 1.0),))


def ratios(student: Info, teacher: Info) -> Info:
    """Returns the sizes and the median times of a teacher over those of a student."""
    names = ("parameters", "without_embeddings", "size_bytes")
    return {
        **{name: teacher[name] / student[name] for name in names},
        "speed_up": {
            size: teacher["speeds"][size]["median_ms"] / own["median_ms"]
            for size, own in student["speeds"].items()
        },
    }


def _machine() -> Info:
    """Cores, TensorFlow's threads (0: as many as cores), and its devices."""
    devices = [device.name for device in tf.config.list_logical_devices()]
    return {
        "cores": os.cpu_count(),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "devices": devices,
    }
