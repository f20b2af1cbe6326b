"""The figures of the shipped recipes draw columns that results have."""

import json
import pathlib

import pytest

from pd_bert import config
from pd_bert.analysis.runs import column
from pd_bert.data.tfds_source import Tfds
from pd_bert.models.bert import Bert
from pd_bert.stages.artifact import Artifact
from pd_bert.stages.figure import Figure
from pd_bert.stages.group_results import group_results
from pd_bert.stages.results import result_row
from pd_bert.training.runtime import Runtime
from pd_bert.values import digest

FOLDER = config.gin_folder()
# Those of the same name at the scale of two cores have the same figures.
RECIPES = [name for name in config.recipe_names() if name[:6] == "paper/"]


def test_no_other_file_makes_figures() -> None:
    found = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*.gin")
        if "figure.Figure.name" in path.read_text()
    }
    assert found == {f"analyses/{name.removeprefix('paper/')}.gin" for name in RECIPES}


@pytest.mark.parametrize("recipe", RECIPES)
def test_columns_are_known(
    recipe: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of a row, axes of the recipe, or facts that some stage tells."""
    monkeypatch.setattr(Tfds, "fingerprint", lambda self: digest(repr(self)))
    (tmp_path / "bert").mkdir()
    loaded, stages, _ = config.load([recipe], [f"TEACHER_FOLDER = '{tmp_path}/bert'"])
    tiny = Bert(name="tiny", num_layers=2, hidden_dim=128)
    info = {
        "seconds": 1.0,
        "fingerprint": "0",
        "lineage": {},
        "metrics": {"dev": {"accuracy": 0.5}},
        "primary_metric": "accuracy",
        "parameters": 4,
        "size_bytes": 16,
        "examples_per_second": 2.0,
        "latency_ms": 3.0,
        "facts": {"transfer_size": 9, "similarity": 0.5, **tiny.facts},
    }
    (tmp_path / "artifact.json").write_text(json.dumps(info))
    teacher = next(
        each for each in stages if each.kind == "evaluate" and each.method == "teacher"
    )
    axes = {axis: values[0] for axis, values in loaded.axes.items()}
    row = result_row(teacher, Artifact(tmp_path), axes, Runtime())
    (group,) = group_results([{**row, "size": "base"}])
    assert loaded.figures
    for figure in loaded.figures:
        for name in columns(figure):
            assert column(group.rows[0], name) is not None, f"{figure.name}: {name}"


def columns(figure: Figure) -> list[str]:
    named = (figure.x, figure.lines, figure.panels, figure.y)
    return [name for name in named if name is not None]
