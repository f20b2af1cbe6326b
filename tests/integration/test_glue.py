"""From GLUE's files to predictions, a score over tasks and a submission."""

import dataclasses
import pathlib
import shutil
import zipfile
from collections.abc import Iterator

import pytest
import tensorflow as tf

from pd_bert.contrib.check_submission import check_submission
from pd_bert.contrib.glue_files import GLUE_FILES
from pd_bert.contrib.glue_submission import GlueSubmission
from pd_bert.errors import InputError
from pd_bert.export.predictor import load_predictor
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.table import Table
from pd_bert.stages.base import Stage
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.meta_score import MetaScore
from pd_bert.stages.predict import Predict
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.system.atomic import read_json
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.tasks.regression import Regression

PAIR = {"text": "sentence1", "text_b": "sentence2"}


def run(stages: list[Stage], runtime, workdir: pathlib.Path) -> list[dict]:
    ordered = in_order(stages, runtime)
    for stage in ordered:
        stage.check()
    place = Workdir(workdir, runtime)
    return Runner(ordered, place, runtime=runtime, operative="").run(
        tf.distribute.get_strategy()
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Glue:
    """Stages over MNLI and STS-B, and where they have run."""

    mnli: Predict
    stsb: Predict
    evaluations: tuple[Evaluate, Evaluate]
    runtime: object
    workdir: pathlib.Path
    rows: list[dict]

    def artifact(self, stage: Stage) -> pathlib.Path:
        return Workdir(self.workdir, self.runtime).artifact(stage).directory


@pytest.fixture(scope="module")
def glue(tiny_run, glue_folder, tmp_path_factory) -> Iterator[Glue]:
    workdir = tmp_path_factory.mktemp("glue_run") / "run"
    shutil.copytree(tiny_run.workdir, workdir, symlinks=True)
    pattern = next(s for s in tiny_run.stages if isinstance(s, Finetune))

    def pairs(name: str, label: str | None = None) -> Table:
        return Table(files=f"{name}.tsv", folder=str(glue_folder), label=label, **PAIR)

    def chain(task: LabeledTask) -> tuple[Evaluate, Predict]:
        task_data = PrepareTask(
            name=task.name,
            task=task,
            vocabulary=pattern.task_data.vocabulary,
            sequence_length=32,
        )
        model = dataclasses.replace(
            pattern, name=task.name, task_data=task_data, steps=3, evaluate_every=None
        )
        read = {"name": task.name, "method": "pf", "model": model}
        read |= {"task_data": task_data}
        return Evaluate(**read, batch_size=8), Predict(**read, batch_size=4)

    mnli = chain(
        Classification(
            name="mnli",
            labels=("entailment", "neutral", "contradiction"),
            train=pairs("MNLI/train", "gold_label"),
            dev=pairs("MNLI/dev_matched", "gold_label"),
            extra=(("dev_mismatched", pairs("MNLI/dev_mismatched", "gold_label")),),
            unlabeled=(
                ("test", pairs("MNLI/test_matched")),
                ("test_mismatched", pairs("MNLI/test_mismatched")),
                ("ax", pairs("diagnostic/diagnostic")),
            ),
        )
    )
    stsb = chain(
        Regression(
            name="stsb",
            train=pairs("STS-B/train", "score"),
            dev=pairs("STS-B/dev", "score"),
            unlabeled=(("test", pairs("STS-B/test")),),
        )
    )
    evaluations = (mnli[0], stsb[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_DATA", str(tiny_run.data))
        rows = run(
            [
                MetaScore(name="glue", method="pf", evaluations=evaluations),
                mnli[1],
                stsb[1],
            ],
            tiny_run.runtime,
            workdir,
        )
        yield Glue(
            mnli=mnli[1],
            stsb=stsb[1],
            evaluations=evaluations,
            runtime=tiny_run.runtime,
            workdir=workdir,
            rows=rows,
        )


def columns(path: pathlib.Path) -> list[list[str]]:
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    return [list(column) for column in zip(*lines, strict=True)]


@pytest.mark.parametrize("split", ["test", "test_mismatched", "ax"])
def test_predictions_of_a_classifier(glue, split):
    source = glue.mnli.task_data.task.unlabeled_splits[split]
    folder = glue.artifact(glue.mnli)
    index, predicted = columns(folder / f"{split}.tsv")
    assert index == ["index", *map(str, range(10 if split == "ax" else 9))]
    served = load_predictor(glue.artifact(glue.mnli.model))
    wanted = list(served.predict(source.rows()))
    assert predicted == ["prediction", *(each["label"] for each in wanted)]
    _, *probabilities = columns(folder / f"{split}.probabilities.tsv")
    for label, *found in probabilities:
        of_label = [each["probabilities"][label] for each in wanted]
        assert [float(each) for each in found] == pytest.approx(of_label, abs=1e-4)


def test_predictions_of_a_regression(glue):
    folder = glue.artifact(glue.stsb)
    source = glue.stsb.task_data.task.unlabeled_splits["test"]
    served = load_predictor(glue.artifact(glue.stsb.model))
    wanted = [each["score"] for each in served.predict(source.rows())]
    name, *scores = columns(folder / "test.tsv")[1]
    assert name == "prediction"
    assert [float(each) for each in scores] == pytest.approx(wanted, abs=1e-3)
    assert not (folder / "test.probabilities.tsv").exists()


def test_unlabeled_splits_are_not_measured(glue):
    rows = {row["stage"]: row for row in glue.rows}
    for stage in ("evaluate-mnli", "finetune-mnli"):
        assert list(rows[stage]["metrics"]) == ["dev", "dev_mismatched"]
    assert rows["predict-mnli"]["metrics"] is None
    info = read_json(pathlib.Path(rows["prepare-mnli"]["artifact"]) / "artifact.json")
    assert {split: each["count"] for split, each in info["unlabeled"].items()} == {
        "test": 9,
        "test_mismatched": 9,
        "ax": 10,
    }


def test_score_over_tasks(glue):
    rows = {row["stage"]: row for row in glue.rows}
    mnli = rows["evaluate-mnli"]["metrics"]
    stsb = rows["evaluate-stsb"]["metrics"]["dev"]
    of_mnli = (mnli["dev"]["accuracy"] + mnli["dev_mismatched"]["accuracy"]) / 2
    of_stsb = (stsb["pearson"] + stsb["spearman"]) / 2
    row = rows["score-glue"]
    assert row["metrics"]["dev"]["score"] == pytest.approx((of_mnli + of_stsb) / 2)
    assert (row["task"], row["size"], row["method"]) == ("mean of 2", "small", "pf")


def submission(glue: Glue, **settings) -> GlueSubmission:
    given = {"predictions": (glue.mnli, glue.stsb), "fill_missing": True}
    given |= {"official_counts": False, **settings}
    return GlueSubmission(name="glue", **given)


def test_submission(glue, tmp_path, capsys):
    run([submission(glue)], glue.runtime, glue.workdir)
    missing = "CoLA.tsv, SST-2.tsv, MRPC.tsv, QQP.tsv, QNLI.tsv, RTE.tsv, WNLI.tsv"
    assert f"a placeholder in every row of {missing}, " in capsys.readouterr().out
    folder = glue.artifact(submission(glue))
    info = read_json(folder / "artifact.json")
    assert ", ".join(info["placeholders"]) == missing
    assert info["files"]["QQP.tsv"] == 390_965 and info["files"]["AX.tsv"] == 10
    path = folder / "submission.zip"
    check_submission(path, official_counts=False)
    with pytest.raises(InputError, match="must have"):
        check_submission(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [file.file for file in GLUE_FILES]
        for name, split in [
            ("MNLI-m", "test"),
            ("MNLI-mm", "test_mismatched"),
            ("AX", "ax"),
        ]:
            predicted = (glue.artifact(glue.mnli) / f"{split}.tsv").read_bytes()
            assert archive.read(f"{name}.tsv") == predicted
        scores = archive.read("STS-B.tsv").decode().split()[3::2]
        assert len(scores) == 9 and all(0 <= float(score) <= 5 for score in scores)
    # Other bytes would mean that something but the predictions is in them.
    again = tmp_path / "again"
    shutil.copytree(glue.workdir, again, symlinks=True)
    (made,) = again.glob("stages/submission-*")
    before = (made / "submission.zip").read_bytes()
    shutil.rmtree(made)
    run([submission(glue)], glue.runtime, again)
    assert (made / "submission.zip").read_bytes() == before


# ---- bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"fill_missing": False},
            r"nothing predicts CoLA\.tsv, SST-2\.tsv, MRPC.*True",
        ),
        ({"predictions": ()}, "at least one task, received none"),
    ],
)
def test_bad_submission(glue, settings, message):
    with pytest.raises(InputError, match=message) as error:
        submission(glue, **settings).check()
    assert "\n" not in str(error.value)


def test_a_task_twice_or_unknown(glue):
    with pytest.raises(InputError, match="submitted once; received mnli twice"):
        submission(glue, predictions=(glue.mnli, glue.mnli)).check()
    with pytest.raises(InputError, match="counts once; received mnli, mnli"):
        MetaScore(name="glue", evaluations=glue.evaluations[:1] * 2).check()
    task = dataclasses.replace(glue.mnli.task_data.task, name="nli")
    data = dataclasses.replace(glue.mnli.task_data, task=task)
    other = dataclasses.replace(glue.mnli, task_data=data)
    with pytest.raises(InputError, match="rte, wnli; received 'nli'"):
        submission(glue, predictions=(other,)).check()
    of_another = dataclasses.replace(glue.evaluations[1], method="pd")
    with pytest.raises(InputError, match="models of one method; received pd, pf"):
        MetaScore(name="glue", evaluations=(glue.evaluations[0], of_another)).check()


def test_rows_that_are_missing(glue):
    of_mnli = submission(glue, predictions=(glue.mnli,), official_counts=True)
    message = r"MNLI-m\.tsv must have 9,796 rows; .* split test of mnli has 9$"
    with pytest.raises(InputError, match=message):
        run([of_mnli], glue.runtime, glue.workdir)
    # Of a model that is not trained yet it is known before that.
    model = dataclasses.replace(glue.mnli.model, seed=7)
    prediction = dataclasses.replace(glue.mnli, model=model)
    again = dataclasses.replace(of_mnli, predictions=(prediction,))
    with pytest.raises(InputError, match=message):
        run([again], glue.runtime, glue.workdir)
    assert not list(glue.workdir.glob("working/finetune-*/*"))


def test_labels_of_another_task(glue):
    task = dataclasses.replace(glue.mnli.task_data.task, name="rte")
    data = dataclasses.replace(glue.mnli.task_data, name="rte", task=task)
    model = dataclasses.replace(glue.mnli.model, name="rte", task_data=data)
    prediction = dataclasses.replace(glue.mnli, model=model, task_data=data)
    with pytest.raises(
        InputError, match=r"labels of rte are .* received contradiction, neutral"
    ):
        run([submission(glue, predictions=(prediction,))], glue.runtime, glue.workdir)


def test_nothing_to_predict(glue):
    task = dataclasses.replace(glue.stsb.task_data.task, unlabeled=())
    data = dataclasses.replace(glue.stsb.task_data, task=task)
    with pytest.raises(
        InputError, match=r"predict stsb: .*stsb has none, only train, dev"
    ):
        dataclasses.replace(glue.stsb, task_data=data).check()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tneutral\n",
            "no column 'gold_label' in the header index, sentence1, sentence2, label: ",
        ),
        (
            "sentence1\tsentence2\tgold_label\na\tb\tneutral\na\tb\n",
            r"a row needs 3 columns, received 2: .*train\.tsv:3",
        ),
        (
            "sentence1\tsentence2\tgold_label\na\tb\tmaybe\n",
            r"train\.tsv:2: a label must be .*\['entailment', .* received 'maybe'",
        ),
    ],
    ids=["column", "short", "label"],
)
def test_bad_files(glue, tmp_path, text, message):
    file = tmp_path / "train.tsv"
    file.write_text(text)
    task = dataclasses.replace(
        glue.mnli.task_data.task,
        train=Table(files=str(file), label="gold_label", **PAIR),
    )
    data = dataclasses.replace(glue.mnli.task_data, task=task)
    with pytest.raises(InputError, match=message) as error:
        run([data], glue.runtime, glue.workdir)
    assert "\n" not in str(error.value) and str(file) in str(error.value)
