"""A BiLSTM student through every program, as a user runs them."""

import json
import pathlib

import numpy as np
import programs
import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.export.predictor import load_predictor
from pd_bert.models.model import Model
from pd_bert.sources.any_file import open_file

_HERE = pathlib.Path(__file__).parent
_RECIPE = [f"--gin_file={_HERE / name}" for name in ("small.gin", "bilstm.gin")]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("bilstm") / "run"


@pytest.fixture(scope="module")
def call(small_data: pathlib.Path):
    """Runs a program; fails unless it ends with the status `code`."""

    def run(program: str, *arguments: object, code: int = 0) -> str:
        done = programs.run(
            program,
            *map(str, arguments),
            environment={"SMALL_DATA": str(small_data)},
        )
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    return run


@pytest.fixture(scope="module")
def planned(workdir: pathlib.Path, call) -> str:
    """The output of a dry run."""
    return call("run", *_RECIPE, f"--workdir={workdir}", "--dry_run")


@pytest.fixture(scope="module")
def model(workdir: pathlib.Path, call, planned: str) -> pathlib.Path:
    call("run", *_RECIPE, f"--workdir={workdir}")
    return workdir / "latest" / "distill-d"


def test_a_dry_run_counts_the_parameters(model, planned, workdir) -> None:
    encoder = Artifact(workdir / "latest" / "encoder-student")
    rows = encoder["rows"]
    assert 20 < rows < encoder["vocabulary_size"] == 80
    of_encoder = rows * 8 + 2 * 40 * (8 + 10 + 1) + 21 * 12
    assert encoder["parameters"] == of_encoder
    parameters = Artifact(model)["parameters"]
    assert parameters == of_encoder + 13 * 2
    lines = {line.split()[0]: line.split() for line in planned.split("\n") if line}
    assert lines["encoder-student"][1] == f"{of_encoder:,}"
    assert lines["distill-d"][1] == f"{parameters:,}"


def test_it_learns_and_is_served(model, workdir, call, small_data, tmp_path) -> None:
    assert Artifact(model)["metrics"]["dev"]["accuracy"] > 0.8
    exported = tmp_path / "exported"
    call("export", f"--model={model}", f"--output={exported}")
    stored = tf.train.load_checkpoint(str(exported / "variables" / "variables"))
    shapes = stored.get_variable_to_shape_map()
    del shapes["_CHECKPOINTABLE_OBJECT_GRAPH"]
    numbers = sum(int(np.prod(shape)) for shape in shapes.values())
    assert numbers == Artifact(model)["parameters"] + 80  # the map
    file = small_data / "dev.tsv"
    columns = ["--text_column=sentence", f"--input={file}"]
    of_artifact = call("predict", f"--model={model}", *columns).split("\n")[:-1]
    rows = list(open_file(str(file), text="sentence").rows())
    of_saved = list(load_predictor(exported).predict(rows))
    assert len(of_artifact) == len(of_saved) == 24
    for line, other in zip(map(json.loads, of_artifact), of_saved, strict=True):
        assert line["label"] == other["label"]
        assert line["probability"] == pytest.approx(other["probability"], abs=1e-5)
    found = json.loads(call("evaluate", f"--model={exported}", *columns))
    assert found["metrics"] == Artifact(model)["metrics"]["dev"]
    page = call("report", f"--workdir={workdir}", f"--output={tmp_path / 'report'}")
    assert "bilstm" in page


def test_an_artifact_is_its_only_format(model, call, tmp_path) -> None:
    copy = tmp_path / "copy"
    call("convert", f"--input={model}", f"--output={copy}", "--to=artifact")
    batch = {
        "token_ids": tf.constant([[2, 9, 40, 17, 3, 0]]),
        "segment_ids": tf.zeros([1, 6], tf.int32),
        "padding_mask": tf.constant([[1, 1, 1, 1, 1, 0]]),
    }
    one, other = (Model.load(folder)(batch).logits["label"] for folder in (model, copy))
    np.testing.assert_array_equal(one, other)
    for kind in ("huggingface", "keras"):
        output = tmp_path / kind
        arguments = (f"--input={model}", f"--output={output}", f"--to={kind}")
        last = call("convert", *arguments, code=1).strip().split("\n")[-1]
        assert "holds BERT; the model is BiLstm" in last
        assert not output.exists()
