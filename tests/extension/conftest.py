"""Extensions as their authors write them: modules beside the tests, and gin files.

Each of them adds to the small recipe of tests/integration.
"""

import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pd_bert import config
from pd_bert.artifact import Artifact
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Stage
from pd_bert.training.loop import Metrics

_HERE = pathlib.Path(__file__).parent
# Its modules are imported by name, as those of a user are.
sys.path.insert(0, str(_HERE))
_SMALL = _HERE.parent / "integration" / "small.gin"
# Few steps: what an extension computes shows in the first of them.
_FEW = (
    "PRETRAIN_STEPS = 8",
    "FINETUNE_EPOCHS = 1",
    "pd.Finetune.steps = 6",
    "pd.Finetune.evaluate_every = 6",
    "pd.Distill.steps = 6",
    "pd.Distill.evaluate_every = 6",
    "pd.Runtime.deterministic = True",
    "pd.Runtime.processes = 1",
)


class Losses:
    """An action that keeps the losses of each step."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def steps(self, step: int, losses: np.ndarray) -> None:
        self.values += losses.tolist()

    def evaluated(self, step: int, metrics: Metrics) -> None:
        pass


class Run:
    """A finished run: the artifacts and the losses of its stages, by their titles."""

    def __init__(self, workdir: Workdir, stages: list[Stage], losses: dict) -> None:
        self.stages = {stage.title: stage for stage in stages}
        self.losses = {title: each.values for title, each in losses.items()}
        self._workdir = workdir

    def artifact(self, title: str) -> Artifact:
        found = self._workdir.artifact(self.stages[title])
        assert found is not None
        return found


@pytest.fixture
def run(
    small_data: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Run]]:
    """Runs the small recipe with a gin file of this folder and bindings."""
    monkeypatch.setenv("SMALL_DATA", str(small_data))

    def start(name: str, *bindings: str) -> Run:
        files = [str(_SMALL), str(_HERE / f"{name}.gin")]
        recipe, stages, runtime = config.load(files, [*_FEW, *bindings])
        workdir = Workdir(tmp_path / "run", runtime)
        workdir.claim(recipe.name)
        losses: dict[str, Losses] = {}

        def actions(stage: Stage) -> tuple[Any, ...]:
            return (losses.setdefault(stage.title, Losses()),)

        for stage in stages:
            stage.check()
        Runner(stages, workdir, runtime=runtime, actions=actions).run(runtime.start())
        return Run(workdir, stages, losses)

    yield start
