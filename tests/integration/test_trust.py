"""A model or data set of somebody else runs none of their code."""

import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import programs
import pytest

from pd_bert.artifact import Artifact
from pd_bert.errors import InputError
from pd_bert.export.measure import measure
from pd_bert.export.predictor import load_predictor
from pd_bert.export.saved_model import DESCRIPTION, export
from pd_bert.formats.known import FORMATS, recognize
from pd_bert.sources.any_file import open_file, rows_of
from pd_bert.stages.outline import Outline

_FOLDER = pathlib.Path(__file__).resolve().parent
_REPOSITORY = _FOLDER.parents[1]
_TEXT = "--text=the film was great."
_NOT_TRUSTED = "subprocess.getoutput is not trusted"


class Attack:
    """A model's folder to change, and a file that exists once its code has run."""

    def __init__(self, folder: pathlib.Path, model: pathlib.Path) -> None:
        self.sentinel = folder / "ran"
        self.model = folder / "model"
        self.folder = folder
        shutil.copytree(model, self.model)
        (folder / "their_code.py").write_text(
            "import dataclasses, pathlib\n"
            "from pd_bert.models.bert import Bert\n"
            f"pathlib.Path({str(self.sentinel)!r}).touch()\n"
            "def metric(predicted, gold): return 1.0\n"
            "@dataclasses.dataclass(frozen=True, kw_only=True)\n"
            "class Theirs(Bert):\n"
            "    width: float = 1.0\n"
        )

    def command(self) -> dict[str, Any]:
        """What runs a command where classes are built without a check."""
        settings = {"cmd": f"touch '{self.sentinel}'"}
        return {"class": "subprocess.getoutput", "settings": settings}

    def change(self, name: str, change: Callable[[Any], Any]) -> None:
        path = self.model / name
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = [str(self.folder), os.environ.get("PYTHONPATH", "")]
        return programs.run(
            program,
            *arguments,
            environment={"PYTHONPATH": os.pathsep.join(filter(None, places))},
        )

    def refused(self, words: str, program: str, *arguments: str) -> None:
        """Fails unless the program ends in one line, and nothing of theirs has run."""
        done = self.run(program, *arguments)
        assert done.returncode == 1, done.stdout
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("error: ") and words in line
        assert not self.sentinel.exists()


@pytest.fixture
def attack(tiny_run, tmp_path) -> Attack:
    return Attack(tmp_path, tiny_run.model)


@pytest.fixture
def exported(attack) -> pathlib.Path:
    """The description in the SavedModel of the classifier, which becomes the model."""
    folder = attack.folder / "exported"
    export(Artifact(attack.model), folder)
    shutil.rmtree(attack.model)
    folder.rename(attack.model)
    return attack.model / DESCRIPTION


def test_predict_runs_no_architecture(attack):
    attack.change("model.json", lambda d: d.update(architecture=attack.command()))
    attack.refused(_NOT_TRUSTED, "predict", f"--model={attack.model}", _TEXT)


def test_export_runs_no_head(attack):
    attack.change("model.json", lambda d: d["heads"].update(label=attack.command()))
    output = attack.folder / "output"
    arguments = (f"--model={attack.model}", f"--output={output}")
    attack.refused(_NOT_TRUSTED, "export", *arguments)
    assert not output.exists()


def test_convert_runs_no_setting(attack):
    def nest(described: Any) -> None:
        described["architecture"]["settings"]["num_layers"] = attack.command()

    attack.change("model.json", nest)
    output = attack.folder / "output"
    arguments = (f"--input={attack.model}", f"--output={output}", "--to=huggingface")
    attack.refused("expected int; received", "convert", *arguments)
    assert not output.exists()


def test_evaluate_runs_no_task_of_a_saved_model(attack, exported, tiny_run):
    described = json.loads(exported.read_text())
    arguments = (
        f"--model={attack.model}",
        f"--input={tiny_run.data}/dev.tsv",
        "--text_column=sentence",
    )
    exported.write_text(json.dumps({**described, "task": attack.command()}))
    attack.refused(_NOT_TRUSTED, "evaluate", *arguments)

    source = open_file(f"{tiny_run.data}/dev.tsv", text="sentence", label="label")
    settings = described["task"]["settings"]
    for changed, words in [
        ({"labels": attack.command()}, "expected tuple"),
        ({"labels": [attack.command()]}, "expected str"),
        ({"measures": [attack.command()]}, "expected a function"),
        ({"measures": [{"function": "their_code.metric"}]}, "their_code"),
        ({"measures": [{"function": "os.abort"}]}, "os.abort is not trusted"),
        ({"extra": [["x", attack.command()]]}, _NOT_TRUSTED),
        ({"train": attack.command()}, "has no setting train"),
    ]:
        task = {**described["task"], "settings": {**settings, **changed}}
        exported.write_text(json.dumps({**described, "task": task}))
        with pytest.raises(InputError, match=words):
            measure(load_predictor(attack.model), source)
        assert not attack.sentinel.exists()
    exported.write_text(json.dumps(described))
    found = measure(load_predictor(attack.model), source)
    assert found["metrics"] == Artifact(tiny_run.model)["metrics"]["dev"]


def test_functions_and_classes_of_pd_bert_are_not_called(attack, monkeypatch):
    """`config.load` imports what a gin file names; it is no architecture."""
    monkeypatch.syspath_prepend(str(attack.folder))
    gin_file = attack.folder / "theirs.gin"
    gin_file.write_text("from __gin__ import dynamic_registration\nimport their_code\n")
    original = json.loads((attack.model / "model.json").read_text())
    for architecture in [
        {"class": "pd_bert.config.load", "settings": {"files": [str(gin_file)]}},
        {"class": "pd_bert.system.interrupt.install", "settings": {}},
        {"class": "pd_bert.sources.table.Table", "settings": {"files": "x"}},
        {"class": "pd_bert.models.model.keras.Sequential", "settings": {}},
        {"function": "pd_bert.system.interrupt.install"},
    ]:
        changed = {**original, "architecture": architecture}
        (attack.model / "model.json").write_text(json.dumps(changed))
        for read in (
            load_predictor,
            lambda folder: recognize(folder).read(folder),
            lambda folder: Outline.of(Artifact(folder)),
            lambda folder: export(Artifact(folder), attack.folder / "output"),
        ):
            with pytest.raises(
                InputError, match=r"model\.json: .*(Architecture|imported)"
            ):
                read(attack.model)
    assert not attack.sentinel.exists()


def test_settings_and_lineage_of_an_artifact_are_data(attack, tiny_run):
    def change(info: Any) -> None:
        command = attack.command()
        info.update(settings=command, architecture=command, versions=command)
        info["lineage"] = {"initial": {**command, "artifact": "x", "fingerprint": "0"}}

    attack.change("artifact.json", change)
    (row,) = rows_of(["the film was great."], [])
    (changed,) = load_predictor(attack.model).predict([row])
    (original,) = load_predictor(tiny_run.model).predict([row])
    assert changed == original
    recognize(attack.model).read(attack.model)
    outlines = [Outline.of(Artifact(model)) for model in (attack.model, tiny_run.model)]
    assert outlines[0].network == outlines[1].network
    assert not attack.sentinel.exists()


def test_a_run_builds_nothing_that_a_reused_run_names(attack, tiny_run):
    """The encoder was made elsewhere; the plan of what is trained from it reads it."""
    theirs = attack.folder / "theirs"
    shutil.copytree(tiny_run.workdir, theirs, symlinks=True)
    name = tiny_run.encoder.resolve().name
    for file in ("artifact.json", "model.json"):
        path = theirs / "stages" / name / file
        described = {**json.loads(path.read_text()), "architecture": attack.command()}
        path.write_text(json.dumps(described))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_DATA", str(tiny_run.data))
        attack.refused(
            _NOT_TRUSTED,
            "run",
            f"--gin_file={_FOLDER}/small.gin",
            f"--gin_file={_FOLDER}/tiny.gin",
            "--gin_bindings=FINETUNE_EPOCHS = 9",
            f"--workdir={attack.folder}/mine",
            f"--reuse={theirs}",
        )


def test_a_module_of_the_user_needs_trust(attack):
    attack.change(
        "model.json", lambda d: d["architecture"].update({"class": "their_code.Theirs"})
    )
    arguments = (f"--model={attack.model}", _TEXT)
    attack.refused("add --trust=their_code", "predict", *arguments)
    attack.refused("their_code", "predict", *arguments, "--trust=their")
    attack.refused("named as in an import", "predict", *arguments, "--trust=a-b")
    done = attack.run("predict", *arguments, "--trust=other", "--trust=their_code")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] == "good"
    assert attack.sentinel.exists()


def test_a_preset_builds_nothing_but_layers(attack):
    """keras-nlp's folders name classes too; Keras refuses those of other packages."""
    preset = attack.folder / "preset"
    preset.mkdir()
    FORMATS["keras"].write(recognize(attack.model).read(attack.model), preset)
    shutil.rmtree(attack.model)
    preset.rename(attack.model)
    original = (attack.model / "task.json").read_text()

    def name_theirs(task: Any) -> None:
        task["config"]["preprocessor"] = {
            "module": "their_code",
            "class_name": "Theirs",
            "config": {"name": "x", "num_layers": 1, "hidden_dim": 64},
            "registered_name": "their_code>Theirs",
        }

    attack.change("task.json", name_theirs)
    with pytest.raises(InputError, match="not a readable preset"):
        recognize(attack.model).read(attack.model)
    assert not attack.sentinel.exists()
    (attack.model / "task.json").write_text(original)
    recognize(attack.model).read(attack.model)
