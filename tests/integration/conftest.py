"""A small recipe with its texts, and a way to run it as a user does."""

import dataclasses
import json
import pathlib
import random
import subprocess
from collections.abc import Callable, Iterator

import h5py
import numpy as np
import programs
import pytest
import tensorflow as tf

from pd_bert import config
from pd_bert.objectives.labels import Labels
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.table import Table
from pd_bert.stages.base import Stage
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.tasks.regression import Regression
from pd_bert.training.runtime import Runtime

Started = programs.Program | subprocess.Popen[str]
Start = Callable[..., Started]

_RECIPE = pathlib.Path(__file__).with_name("small.gin")


@pytest.fixture(scope="session")
def start_small(small_data: pathlib.Path) -> Iterator[Start]:
    """Starts a recipe in a session of its own; its output goes to a file.

    With `apart` in a Python of its own, see programs.start_apart.
    """

    started: list[Started] = []

    def run(
        workdir: pathlib.Path,
        *,
        program: str = "run",
        recipe: str | None = str(_RECIPE),
        files: tuple[str, ...] = (),
        bindings: tuple[str, ...] = (),
        arguments: tuple[str, ...] = (),
        log: pathlib.Path,
        variables: dict[str, str] | None = None,
        apart: bool = False,
    ) -> Started:
        flags = [f"--workdir={workdir}"]
        flags += [f"--gin_file={name}" for name in (recipe, *files) if name]
        flags += [f"--gin_bindings={binding}" for binding in bindings]
        environment = {"SMALL_DATA": str(small_data), **(variables or {})}
        begin = programs.start_apart if apart else programs.start
        with log.open("a") as output:
            process = begin(
                program,
                *flags,
                *arguments,
                environment=environment,
                stdout=output,
                stderr=output,
            )
        started.append(process)
        return process

    yield run
    for process in started:  # of tests that failed
        process.kill()
        process.wait()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiny:
    """A finished run: its directory, and the artifacts that tests ask for."""

    stages: tuple[Stage, ...]
    runtime: Runtime
    workdir: pathlib.Path
    data: pathlib.Path
    corpus: pathlib.Path
    encoder: pathlib.Path
    model: pathlib.Path
    pairs: pathlib.Path


@pytest.fixture(scope="session")
def tiny_run(
    small_data: pathlib.Path,
    sentence: Callable[[random.Random, str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Tiny]:
    """A classifier of single texts that has learnt its task, and a regression on pairs.

    They run in this process, once for all tests, which leave the files as they are.
    """
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_DATA", str(small_data))
        recipe, stages, runtime = config.load(
            [str(_RECIPE), str(_RECIPE.with_name("tiny.gin"))]
        )
        scores = Table(
            files=_write_pairs(small_data / "pairs.csv", sentence),
            text="first",
            text_b="second",
            label="score",
        )
        (finetuned,) = (stage for stage in stages if isinstance(stage, Finetune))
        task_data = PrepareTask(
            name="pairs",
            task=Regression(name="likeness", train=scores, dev=scores),
            vocabulary=finetuned.task_data.vocabulary,
            sequence_length=32,
        )
        on_pairs = dataclasses.replace(
            finetuned,
            name="pairs",
            task_data=task_data,
            epochs=6,
            objectives=(Labels(),),
        )
        stages = in_order([*stages, on_pairs], runtime)
        workdir = Workdir(folder, runtime)
        workdir.claim(recipe.name)
        Runner(stages, workdir, runtime=runtime, operative="").run(runtime.start())
    latest = folder / "latest"
    yield Tiny(
        stages=tuple(stages),
        runtime=runtime,
        workdir=folder,
        data=small_data,
        corpus=latest / "prepare-corpus",
        encoder=latest / "pretrain-student",
        model=latest / "finetune-pf",
        pairs=latest / "finetune-pairs",
    )


def _write_pairs(
    path: pathlib.Path, sentence: Callable[[random.Random, str], str]
) -> str:
    draw = random.Random(1)
    lines = ["first,second,score"]
    for _ in range(80):
        first, second = draw.choice(("good", "bad")), draw.choice(("good", "bad"))
        score = 2 * (first == "good") + (second == "good")
        lines.append(f"{sentence(draw, first)},{sentence(draw, second)},{score}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="session")
def assert_same_runs() -> Callable[[pathlib.Path, pathlib.Path], None]:
    """Fails unless two working directories hold the same, times aside."""
    return _assert_same


def _assert_same(expected: pathlib.Path, found: pathlib.Path) -> None:
    """All artifacts hold the same, weights to the bit; so do the results."""
    assert not [path for path in (found / "working").iterdir() if path.is_dir()]
    names = sorted(p.relative_to(expected) for p in expected.glob("stages/**/*"))
    assert names == sorted(p.relative_to(found) for p in found.glob("stages/**/*"))
    for name in names:
        if (expected / name).is_dir() or name.name == "operative.gin":
            continue
        one, other = _content(expected / name), _content(found / name)
        assert one.keys() == other.keys(), name
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], f"{name} {key}")
    one, other = _results(expected), _results(found)
    assert one == other


def _content(path: pathlib.Path) -> dict[str, object]:
    if path.suffix == ".npz":
        return dict(np.load(path))
    if path.suffix == ".h5":
        arrays: dict[str, object] = {}

        def visit(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                arrays[name] = item[()]

        with h5py.File(path) as file:
            file.visititems(visit)
        assert arrays
        return arrays
    if path.name in ("artifact.json", "metadata.json"):
        info = json.loads(path.read_text())
        times = ("created", "date_saved", "seconds", "examples_per_second")
        for key in (*times, "latency_ms", "size_bytes", "peak_memory_bytes"):
            info.pop(key, None)
        return info
    if "saved_model" in path.parts:
        # Protos of graphs have no fixed byte order; the weights are one variable file.
        if path.suffix != ".index":
            return {}
        reader = tf.train.load_checkpoint(str(path.with_suffix("")))
        return {
            name: reader.get_tensor(name)
            for name in reader.get_variable_to_shape_map()
            if "OBJECT_GRAPH" not in name
        }
    return {"bytes": path.read_bytes()}


def _results(workdir: pathlib.Path) -> list[dict[str, object]]:
    rows = json.loads((workdir / "results.json").read_text())
    for row in rows:
        for key in ("seconds", "examples_per_second", "latency_ms"):
            row.pop(key)
        if row["kind"] == "export":  # of a graph, in which names are not fixed
            row.pop("size_bytes")
        row["artifact"] = pathlib.Path(row["artifact"]).name
    return rows
