"""Stages whose parts do not fit each other are refused, the sooner the better."""

import dataclasses
import pathlib
import shutil
import types

import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.errors import InputError
from pd_bert.models.initialization import (
    Initialization,
    Truncated,
    Whole,
    WordEmbeddings,
)
from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import Objective
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Context, Stage
from pd_bert.stages.distill import Distill
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.label import Label
from pd_bert.stages.live_teacher import LiveTeacher
from pd_bert.stages.outline import Outline
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.pretrain import Pretrain
from pd_bert.training.inputs import BatchInputs


@pytest.fixture(scope="module")
def workdir(tiny_run, tmp_path_factory) -> pathlib.Path:
    """A copy of the run, in which nothing further gets finished but data."""
    copy = tmp_path_factory.mktemp("refused") / "run"
    shutil.copytree(tiny_run.workdir, copy, symlinks=True)
    return copy


@pytest.fixture
def single(tiny_run, monkeypatch) -> Finetune:
    """The classifier of single texts."""
    monkeypatch.setenv("SMALL_DATA", str(tiny_run.data))
    return next(s for s in tiny_run.stages if s.title == "finetune-pf")


@pytest.fixture
def pairs(tiny_run, single) -> Finetune:
    """The regression on pairs."""
    return next(s for s in tiny_run.stages if s.title == "finetune-pairs")


def distill(teacher: Finetune, data: pathlib.Path, *objectives: Objective) -> Distill:
    """A student of a teacher that runs with it, on single texts without labels."""
    return Distill(
        name="refused",
        architecture=teacher.architecture,
        objectives=objectives,
        optimizer=teacher.optimizer,
        transfer=PrepareTransfer(
            source=TextLines(files=str(data / "transfer.txt")),
            vocabulary=teacher.task_data.vocabulary,
            sequence_length=32,
        ),
        teachers=(LiveTeacher(model=teacher),),
        task_data=teacher.task_data,
    )


def refusal(stage: Stage, tiny_run, workdir: pathlib.Path) -> str:
    """What a run of the stage says, which must not have taken a step."""
    place = Workdir(workdir, tiny_run.runtime)
    stages = in_order([stage], tiny_run.runtime)
    runner = Runner(stages, place, runtime=tiny_run.runtime)
    with pytest.raises(InputError) as caught:
        runner.run(tf.distribute.get_strategy())
    assert not list(workdir.glob("working/*/scratch/checkpoints/*"))
    return str(caught.value)


# ---- objectives


def test_an_objective_needs_its_features(tiny_run, single, workdir):
    stage = distill(single, tiny_run.data, SoftLabels(), Labels())
    said = refusal(stage, tiny_run, workdir)
    assert "distill refused: Labels reads label; " in said
    assert said.endswith("holds segment_start, token_ids") or said.endswith(
        "holds token_ids, segment_start"
    )


def test_a_stored_teacher_needs_its_features(tiny_run, single, workdir):
    stage = dataclasses.replace(
        single, name="refused", objectives=(Labels(), SoftLabels())
    )
    said = refusal(stage, tiny_run, workdir)
    assert "finetune refused: SoftLabels reads teacher_logits; " in said
    held = sorted(said.partition(" holds ")[2].split(", "))
    assert held == ["label", "segment_start", "token_ids"]


def test_a_teacher_of_another_name_is_a_stored_one(tiny_run, single, workdir):
    stage = distill(single, tiny_run.data, SoftLabels(teacher="other"))
    said = refusal(stage, tiny_run, workdir)
    assert "distill refused: SoftLabels reads other_logits; " in said


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ReadsStates(BatchInputs):
    @property
    def wanted(self) -> Wanted:
        return Wanted(hidden=(1,), sequence=True)


def test_inputs_made_from_a_stored_teacher_need_its_features(tiny_run, single, workdir):
    stage = dataclasses.replace(single, name="refused", student_inputs=_ReadsStates())
    said = refusal(stage, tiny_run, workdir)
    assert "refused: _ReadsStates reads teacher_hidden_1, teacher_sequence; " in said


def test_live_teachers_have_different_names(tiny_run, single):
    stage = distill(single, tiny_run.data, SoftLabels())
    stage.check()
    stage = dataclasses.replace(stage, teachers=(*stage.teachers, *stage.teachers))
    says = "teachers have different names; received teacher, teacher"
    with pytest.raises(InputError, match=says):
        stage.check()


def test_trainable_names_parts_of_the_student(tiny_run, single, workdir):
    stage = dataclasses.replace(single, name="refused", trainable=("layer_7",))
    said = refusal(stage, tiny_run, workdir)
    assert "trainable names parts of the student, token_embedding, embeddings" in said
    assert said.endswith("layer_1, pooler, label; received 'layer_7'")


# ---- counts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("accumulation", 0),
        ("epochs", 0),
        ("steps", 0),
        ("evaluate_every", 0),
        ("patience", 0),
    ],
)
def test_counts_begin_at_one(single, name, value):
    stage = dataclasses.replace(single, **{name: value})
    says = f"finetune pf: {name} must be at least 1; received {value}"
    with pytest.raises(InputError, match=says):
        stage.check()


def test_a_seed_that_tensorflow_cannot_hold(single):
    for seed in (-1, 1 << 31):
        with pytest.raises(InputError, match=f"a seed is from 0 to .* {seed}"):
            dataclasses.replace(single, seed=seed).check()


# ---- data


def test_students_learn_from_no_split_but_train(single):
    for split in ("dev", "test"):
        stage = Label(teacher=single, transfer=single.task_data, split=split)
        with pytest.raises(InputError, match=f"than train; received '{split}'"):
            stage.check()
    Label(teacher=single, transfer=single.task_data, split="train").check()


def test_pairs_and_single_texts_are_refused_before_any_training(tiny_run, single):
    stage = distill(single, tiny_run.data, SoftLabels())
    known = {field: Outline() for field in stage.inputs()}
    known["transfer"] = Outline(inputs=("text",))
    stage.outline({**known, "task_data": Outline(inputs=("text",))})
    says = "distill refused: transfer set and task must have the"
    with pytest.raises(InputError, match=says):
        stage.outline({**known, "task_data": Outline(inputs=("text", "text_b"))})


def test_a_longest_bucket_that_is_too_short(tiny_run, single, workdir):
    stage = dataclasses.replace(single, buckets=(8, 16))
    said = refusal(stage, tiny_run, workdir)
    assert "finetune pf: the longest bucket must hold the longest example; " in said
    assert "buckets are (8, 16), " in said and "with sequence_length 32" in said


def test_pairs_to_learn_from_single_texts(tiny_run, pairs, workdir):
    stage = distill(pairs, tiny_run.data, SoftLabels())
    said = refusal(stage, tiny_run, workdir)
    assert "distill refused: transfer set and task must have the same texts; " in said
    assert said.endswith("has text, prepare-pairs has text and text_b")


# ---- batches


def test_a_batch_that_is_no_multiple_of_accumulation(tiny_run, single, workdir):
    stage = dataclasses.replace(single, batch_size=6, accumulation=4)
    with pytest.raises(InputError, match=r"finetune pf: .* received 6 and 4"):
        stage.check()
    said = refusal(stage, tiny_run, workdir)
    assert said.endswith(
        "finetune pf: batch_size must be a multiple of replicas times accumulation; "
        "received 6, 1 and 4"
    )


def context(tiny_run, folder: pathlib.Path, replicas: int) -> Context:
    """Of a stage that only asks for the number of replicas."""
    place = Workdir(tiny_run.workdir, tiny_run.runtime)
    artifacts: dict[str, Artifact] = {}
    for stage in tiny_run.stages:
        artifact = place.artifact(stage)
        assert artifact is not None
        artifacts[stage.fingerprint(tiny_run.runtime)] = artifact
    return Context(
        directory=folder,
        scratch=folder / "scratch",
        summaries=folder / "logs",
        runtime=tiny_run.runtime,
        strategy=types.SimpleNamespace(num_replicas_in_sync=replicas),
        artifacts=artifacts,
        chief=True,
        where="here",
    )


def test_a_batch_that_is_no_multiple_of_replicas(tiny_run, single, tmp_path):
    stage = dataclasses.replace(single, batch_size=8, accumulation=2)
    stage.check()
    with pytest.raises(InputError, match=r"here: .*; received 8, 3 and 2"):
        stage.run(context(tiny_run, tmp_path, 3))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("replicas", "wanted", "size"), [(1, 7, 7), (2, 7, 8), (4, 8, 8), (8, 1, 8)]
)
def test_evaluations_round_their_batches_up(tiny_run, tmp_path, replicas, wanted, size):
    assert context(tiny_run, tmp_path, replicas).batch_size(wanted) == size


# ---- shapes


@pytest.mark.parametrize(
    ("initialization", "changes", "words"),
    [
        (Whole(), {"hidden_dim": 24}, r"token_embedding holds \(\d+, 16\), .* 24\)"),
        (Whole(), {"num_layers": 3}, "it has layer_2 besides"),
        (Truncated(), {"num_layers": 1}, "the initial model lacks layer_1"),
        (WordEmbeddings(), {"hidden_dim": 24}, r"holds \(\d+, 16\), .* 24\)"),
    ],
)
def test_shapes_are_compared_before_the_first_training(
    tiny_run,
    single,
    workdir,
    initialization: Initialization,
    changes: dict[str, int],
    words: str,
):
    before = next(s for s in tiny_run.stages if isinstance(s, Pretrain))
    encoder = dataclasses.replace(
        before,
        name="unfit",
        architecture=dataclasses.replace(before.architecture, **changes),
    )
    student = dataclasses.replace(
        single, name="unfit", initial=encoder, initialization=initialization
    )
    place = Workdir(workdir, tiny_run.runtime)
    stages = in_order([student], tiny_run.runtime)
    runner = Runner(stages, place, runtime=tiny_run.runtime)
    number = len(stages)
    with pytest.raises(
        InputError, match=rf"^\[{number}/{number}\] finetune unfit: .*{words}"
    ):
        runner.run(tf.distribute.get_strategy())
    assert not list(workdir.glob("working/*unfit*")), "training had begun"
