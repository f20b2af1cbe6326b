"""A student measured against its teacher, both with random weights."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import pytest
import tensorflow as tf

from pd_bert.costs.probe import Probe
from pd_bert.data.encode_rows import Encoded
from pd_bert.data.example_spec import TOKENS, ExampleSpec, Feature
from pd_bert.errors import InputError
from pd_bert.export.compression import Compression, ratios
from pd_bert.export.paper_compression import PaperCompression
from pd_bert.export.predictor import load_predictor
from pd_bert.export.saved_model import SavedModel
from pd_bert.models.bert import Bert
from pd_bert.models.model import Model
from pd_bert.runs.estimates import estimate
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.table import Table
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.outline import Outline
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.random_model import RandomModel
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.tasks.classification import Classification
from pd_bert.text.tokenizer import Tokenizer
from pd_bert.text.vocabulary import SPECIAL_TOKENS
from pd_bert.training.runtime import Runtime

RUNTIME = Runtime(processes=1)
WORDS = ("a", "film", "plot", "was", "dull", "fine")
STUDENT = Bert(name="narrow", num_layers=1, hidden_dim=8, max_sequence_length=16)
TEACHER = Bert(name="wide", num_layers=2, hidden_dim=32, max_sequence_length=16)
PAPER = PaperCompression(name="E", label="P", compression=35.1, speed_up=((1, 16.0),))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Weighted(Classification):
    """A task that decodes more than ids: its models are served from text alone."""

    @property
    def encoded_spec(self) -> ExampleSpec:
        return {**TOKENS, "label_weight": Feature(dtype="float32", shape=(None,))}

    def encode(self, texts: Mapping[str, tf.Tensor], tokenizer: Tokenizer) -> Encoded:
        packed = super().encode(texts, tokenizer)
        weight = tf.ones_like(packed["token_ids"], tf.float32)
        return {**packed, "label_weight": weight}


@pytest.fixture(scope="module")
def compression(tmp_path_factory: pytest.TempPathFactory) -> Compression:
    """On ids; only the student was evaluated."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL_TOKENS, *WORDS]))
    rows = ["sentence\tlabel", "a film was fine\tgood", "a plot was dull\tbad"]
    (folder / "table.tsv").write_text("\n".join(rows))
    table = Table(files=str(folder / "table.tsv"), label="label")
    task = Classification(name="mood", train=table, dev=table)
    vocabulary = ReadVocabulary(file=str(folder / "vocab.txt"))
    student, teacher = (
        RandomModel(
            name=name,
            architecture=architecture,
            task=task,
            vocabulary=vocabulary,
            sequence_length=16,
        )
        for name, architecture in (("student", STUDENT), ("teacher", TEACHER))
    )
    task_data = PrepareTask(task=task, vocabulary=vocabulary, sequence_length=16)
    return Compression(
        student=SavedModel(model=student),
        teacher=SavedModel(model=teacher),
        student_evaluation=Evaluate(model=student, task_data=task_data),
        length=12,
        batch_sizes=(1, 4),
        runs=6,
        paper=PAPER,
    )


@pytest.fixture(scope="module")
def workdir(
    compression: Compression, tmp_path_factory: pytest.TempPathFactory
) -> Workdir:
    """A finished run, from ids and from text."""
    workdir = Workdir(tmp_path_factory.mktemp("run"), RUNTIME)
    workdir.claim("compression")
    every = [compression, from_text(compression), without_ids(compression)]
    stages = in_order(every, RUNTIME)
    Runner(stages, workdir, runtime=RUNTIME).run(tf.distribute.get_strategy())
    return workdir


def from_text(compression: Compression) -> Compression:
    return dataclasses.replace(
        compression, from_text=True, batch_sizes=(2,), student_evaluation=None
    )


def without_ids(compression: Compression) -> Compression:
    """The student's task has no signature for ids."""
    model = compression.student.model
    task = Weighted(
        name="weighted",
        labels=("bad", "good"),
        train=model.task.train,
        dev=model.task.dev,
    )
    return dataclasses.replace(
        from_text(compression),
        student=SavedModel(model=dataclasses.replace(model, task=task)),
        from_text=False,
    )


def described(workdir: Workdir, stage: Compression) -> dict[str, Any]:
    artifact = workdir.artifact(stage)
    assert artifact is not None
    return artifact.info


def test_sizes_are_those_of_the_models(
    compression: Compression, workdir: Workdir
) -> None:
    info = described(workdir, compression)
    for side, architecture in (("student", STUDENT), ("teacher", TEACHER)):
        exported = getattr(compression, side)
        trained = workdir.artifact(exported.model)
        assert trained is not None
        model = Model.load(trained.directory)
        parts = model.parts()
        tables = [*parts["token_embedding"], *parts["embeddings"]]
        assert tuple(tables[0].shape) == (
            len(SPECIAL_TOKENS) + 6,
            model.encoder.hidden_dim,
        )
        inside = sum(tf.size(tf.convert_to_tensor(w)).numpy() for w in tables)
        assert info[side]["parameters"] == model.parameters
        assert info[side]["without_embeddings"] == model.parameters - inside
        folder = workdir.finished(exported) / "saved_model"
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert info[side]["size_bytes"] == sum(path.stat().st_size for path in files)
        assert info[side]["size"] == architecture.name
    assert info["ratios"]["parameters"] == pytest.approx(
        info["teacher"]["parameters"] / info["student"]["parameters"]
    )


def test_both_are_timed_at_every_batch_size(
    compression: Compression, workdir: Workdir
) -> None:
    info = described(workdir, compression)
    assert (info["signature"], info["length"], info["runs"]) == ("token_ids", 12, 6)
    for side in ("student", "teacher"):
        assert list(info[side]["speeds"]) == ["1", "4"]
        for size, found in info[side]["speeds"].items():
            assert 0 < found["median_ms"] <= found["p95_ms"]
            seconds = int(size) / found["examples_per_second"]
            assert 1000 * seconds == pytest.approx(found["median_ms"])
    for size in ("1", "4"):
        of_teacher, of_student = (
            info[side]["speeds"][size]["median_ms"] for side in ("teacher", "student")
        )
        assert info["ratios"]["speed_up"][size] == pytest.approx(
            of_teacher / of_student
        )
    assert info["machine"]["cores"] and info["machine"]["devices"]


def test_metrics_stand_beside_where_a_model_was_evaluated(
    compression: Compression, workdir: Workdir
) -> None:
    info = described(workdir, compression)
    evaluated = workdir.artifact(compression.student_evaluation)
    assert evaluated is not None
    assert info["student"]["metrics"] == evaluated["metrics"]
    assert info["student"]["primary_metric"] == "accuracy"
    assert "metrics" not in info["teacher"]


@pytest.mark.parametrize("stage_of", [from_text, without_ids])
def test_text_is_measured_on_demand_and_where_a_model_takes_no_ids(
    compression: Compression, workdir: Workdir, stage_of
) -> None:
    info = described(workdir, stage_of(compression))
    assert info["signature"] == "serving_default"
    for side in ("student", "teacher"):
        assert info[side]["speeds"]["2"]["median_ms"] > 0


def test_results_have_a_row(compression: Compression, workdir: Workdir) -> None:
    rows = json.loads((workdir.directory / "results.json").read_text())
    row = next(row for row in rows if row["kind"] == "compression")
    own = described(workdir, compression)["student"]
    assert row["stage"] == "compression-student"
    assert (row["method"], row["size"], row["task"]) == ("student", "narrow", "mood")
    assert row["parameters"] == own["parameters"]
    assert row["size_bytes"] == own["size_bytes"]
    assert row["latency_ms"] == own["speeds"]["1"]["median_ms"]
    assert row["examples_per_second"] == own["speeds"]["4"]["examples_per_second"]
    assert row["metrics"] is None


def test_a_random_model_is_served_and_drawn_by_its_seed(
    compression: Compression, workdir: Workdir, tmp_path: pathlib.Path
) -> None:
    predictor = load_predictor(workdir.finished(compression.student))
    assert (predictor.labels, predictor.inputs) == (("bad", "good"), ("text",))
    weights = {}
    for seed, name in ((0, "one"), (0, "other"), (1, "third")):
        model = dataclasses.replace(compression.student.model, seed=seed)
        again = Workdir(tmp_path / name, RUNTIME)
        again.claim("random")
        stages = in_order([model], RUNTIME)
        Runner(stages, again, runtime=RUNTIME).run(tf.distribute.get_strategy())
        weights[name] = Model.load(again.finished(model)).weights[0].numpy()
    assert (weights["one"] == weights["other"]).all()
    assert (weights["one"] != weights["third"]).any()


@pytest.mark.parametrize("measures", [False, True])
def test_a_dry_run_prices_it(
    compression: Compression, tmp_path: pathlib.Path, measures: bool
) -> None:
    strategy = tf.distribute.get_strategy()
    probe = Probe(
        runtime=RUNTIME, strategy=strategy, measures=measures, directory=tmp_path
    )
    alone = dataclasses.replace(compression, student_evaluation=None)
    stages = in_order([alone], RUNTIME)
    lines = estimate(stages, Workdir(tmp_path / "none", RUNTIME), probe)
    by_kind = {each.stage.kind: each for each in lines}
    assert by_kind.keys() == {"vocabulary", "random", "export", "compression"}
    size = len(SPECIAL_TOKENS) + len(WORDS)
    each_row = STUDENT.flops(size, 12) + TEACHER.flops(size, 12)
    flops = by_kind["compression"].cost.flops
    # Six runs of 1 and of 4 rows; the heads are a few operations more.
    assert flops == pytest.approx(6 * 5 * each_row, rel=0.05)
    assert by_kind["random"].cost.disk_bytes > 4 * STUDENT.parameters(size)
    assert (by_kind["compression"].cost.seconds is not None) == measures


def test_what_cannot_be_measured_is_refused(compression: Compression) -> None:
    def check(message: str, **fields: Any) -> None:
        with pytest.raises(InputError, match=message):
            dataclasses.replace(compression, **fields).check()

    compression.check()
    check(r"compression student: batch_sizes are .* received \(\)", batch_sizes=())
    check(r"different numbers .* received \(1, 1\)", batch_sizes=(1, 1))
    check(r"different numbers .* received \(0, 1\)", batch_sizes=(0, 1))
    check("runs must be at least 1; received 0", runs=0)
    check(
        "teacher_evaluation is of the model that teacher exports, random-teacher; "
        "received one of random-student",
        teacher_evaluation=compression.student_evaluation,
    )
    inputs = {"student.model": Outline(sequence_length=16), "teacher.model": Outline()}
    compression.outline(inputs)
    inputs["teacher.model"] = Outline(sequence_length=8)
    with pytest.raises(InputError, match=r"teacher, random-teacher, reads 8 .* = 12"):
        compression.outline(inputs)
    with pytest.raises(InputError, match="need a label"):
        PaperCompression(name="E", label="")
    with pytest.raises(InputError, match="texts names the texts of a row"):
        dataclasses.replace(compression.student.model, texts=()).check()


def test_ratios_are_the_teachers_over_the_students() -> None:
    sizes = {"parameters": 10, "without_embeddings": 4, "size_bytes": 40}
    student = {**sizes, "speeds": {"1": {"median_ms": 2.0}}}
    teacher = {
        "parameters": 351,
        "without_embeddings": 8,
        "size_bytes": 400,
        "speeds": {"1": {"median_ms": 32.0}},
    }
    assert ratios(student, teacher) == {
        "parameters": 35.1,
        "without_embeddings": 2,
        "size_bytes": 10,
        "speed_up": {"1": 16},
    }
