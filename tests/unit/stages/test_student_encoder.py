"""Encoders to begin with, by the runner, on texts of letters."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.costs.probe import Probe
from pd_bert.errors import InputError
from pd_bert.formats.vector_file import VectorFile
from pd_bert.models.bert import Bert
from pd_bert.models.bilstm import BiLstm
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.models.teacher_vectors import SvdOfTeacher
from pd_bert.objectives.labels import Labels
from pd_bert.runs.estimates import estimate
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.table import Table
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Stage, read_anew
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.merge import Merge
from pd_bert.stages.outline import Outline
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.stages.student_encoder import StudentEncoder
from pd_bert.tasks.classification import Classification
from pd_bert.text.vocabulary import SPECIAL_TOKENS
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime

RUNTIME = Runtime(processes=1)
LETTERS = "abcdefghij"
# Of the special tokens, a, b, c and e; d is in dev alone.
KEPT_IDS = [0, 1, 2, 3, 4, 5, 6, 7, 9]
BILSTM = BiLstm(name="lstm", embedding_dim=4, units=3)
BERT = Bert(name="bert", num_layers=1, hidden_dim=8, num_heads=2)


@pytest.fixture
def vocabulary(tmp_path: pathlib.Path) -> ReadVocabulary:
    (tmp_path / "vocab.txt").write_text("\n".join([*SPECIAL_TOKENS, *LETTERS]))
    return ReadVocabulary(file=str(tmp_path / "vocab.txt"))


@pytest.fixture
def student(tmp_path: pathlib.Path, vocabulary: ReadVocabulary) -> StudentEncoder:
    """Cut to the pieces of four labeled texts and two others, from a teacher's SVD."""
    rows = "a b\tno\na\tyes\nb b\tyes\nc\tno"
    for name, text in (("train", rows), ("dev", "d\tno\na\tyes")):
        (tmp_path / f"{name}.tsv").write_text(f"sentence\tlabel\n{text}\n")
    (tmp_path / "transfer.txt").write_text("c e\ne z\n")
    train, dev = (
        Table(files=str(tmp_path / f"{name}.tsv"), label="label")
        for name in ("train", "dev")
    )
    task = Classification(name="letters", train=train, dev=dev)
    transfer = TextLines(files=str(tmp_path / "transfer.txt"))
    return StudentEncoder(
        architecture=BILSTM,
        embeddings=SvdOfTeacher(),
        teacher=StudentEncoder(name="t", architecture=BERT, vocabulary=vocabulary),
        records=(
            PrepareTask(task=task, vocabulary=vocabulary, sequence_length=16),
            PrepareTransfer(source=transfer, vocabulary=vocabulary, sequence_length=16),
        ),
    )


def run(folder: pathlib.Path, *stages: Stage) -> Artifact:
    """Runs the stages; returns the artifact of the first one."""
    workdir = Workdir(folder / "run", RUNTIME)
    workdir.claim("letters")
    every = in_order(stages, RUNTIME)
    for stage in every:
        stage.check()
    Runner(every, workdir, runtime=RUNTIME).run(tf.distribute.get_strategy())
    return Artifact(workdir.finished(stages[0]))


def weights(artifact: Artifact) -> dict[str, list[np.ndarray]]:
    parts = Model.load(artifact.directory).encoder.parts()
    return {name: [np.asarray(w) for w in part] for name, part in parts.items()}


def test_pieces_that_occur_have_rows(student, tmp_path) -> None:
    artifact = run(tmp_path, student, student.teacher)
    rows, row_of = weights(artifact)["token_embedding"]
    assert rows.shape == (9, 4) and artifact["rows"] == artifact["vectors"] == 9
    unknown = row_of[1]
    assert row_of[KEPT_IDS].tolist() == list(range(9))
    assert (np.delete(row_of, KEPT_IDS) == unknown).all()
    assert artifact["vocabulary_size"] == 15 and artifact["labels"] == []
    assert artifact["parameters"] == 9 * 4 + 2 * 12 * (4 + 3 + 1)
    network = Outline.of(artifact).require_network()
    assert network == Network.of(dataclasses.replace(BILSTM, kept=9), {}, 15)
    # The rows are those of the factorization of the teacher's whole matrix.
    teacher = Artifact(tmp_path / "run" / "latest" / "encoder-t")
    (table,) = weights(teacher)["token_embedding"]
    u, sigma, _ = np.linalg.svd(table, full_matrices=False)
    wanted = (u * sigma)[KEPT_IDS, :4]
    wanted *= np.sign((wanted * rows).sum(0))
    np.testing.assert_allclose(rows, wanted, atol=1e-5)


def test_a_training_begins_with_it(student, tmp_path) -> None:
    finetune = Finetune(
        name="f",
        initial=student,
        task_data=student.records[0],
        objectives=(Labels(),),
        optimizer=AdamW(learning_rate=1e-3),
        batch_size=2,
        steps=2,
        trainable=("label",),
    )
    artifact = run(tmp_path, finetune)
    assert artifact["initialized"]["random"] == ["label"]
    begun = weights(Artifact(tmp_path / "run" / "latest" / "encoder-student"))
    for name, part in begun.items():
        for one, other in zip(part, weights(artifact)[name], strict=True):
            np.testing.assert_array_equal(one, other)
    assert finetune.result_columns()["size"] == "lstm"
    says = "token_embedding holds .15, 4., the initial model's .9, 4."
    with pytest.raises(InputError, match=says):
        whole = dataclasses.replace(finetune, name="g", architecture=BILSTM)
        run(tmp_path, whole)


def test_a_dry_run_knows_the_rows(student, tmp_path) -> None:
    merged = dataclasses.replace(student, records=(Merge(records=student.records),))
    probe = Probe(
        runtime=RUNTIME,
        strategy=tf.distribute.get_strategy(),
        measures=False,
        directory=tmp_path,
    )
    for stage in (student, merged):
        stages = in_order([stage], RUNTIME)
        planned = estimate(stages, Workdir(tmp_path / "new", RUNTIME), probe)[-1]
        assert planned.outline.network.architecture.kept == 9
        assert planned.parameters == 228 and planned.cost.seconds > 0
    run(tmp_path, *student.records)
    finished = Workdir(tmp_path / "run", RUNTIME)
    planned = estimate(in_order([student], RUNTIME), finished, probe)[-1]
    assert planned.parameters == 228
    assert run(tmp_path, merged)["parameters"] == 228


def test_a_transformer_begins_with_vectors_of_a_file(vocabulary, tmp_path) -> None:
    numbers = np.arange(24).reshape(3, 8)
    lines = [
        f"{w} {' '.join(map(str, v))}" for w, v in zip("xca", numbers, strict=True)
    ]
    (tmp_path / "vectors.txt").write_text("\n".join(lines))
    student = StudentEncoder(
        architecture=BERT,
        embeddings=VectorFile(file=str(tmp_path / "vectors.txt")),
        vocabulary=vocabulary,
        seed=3,
    )
    other = dataclasses.replace(student, name="other", seed=4)
    one = run(tmp_path, student, other)
    parts = weights(one)
    (table,) = parts["token_embedding"]
    np.testing.assert_array_equal(table[[7, 5]], numbers[1:])
    rest = np.delete(table, [7, 5], axis=0)
    assert 0.05 < np.abs(rest).max() <= 0.1 and rest.std() > 0.03
    assert (one["rows"], one["vectors"]) == (15, 2)
    again = weights(run(tmp_path / "again", student))
    differing = weights(Artifact(tmp_path / "run" / "latest" / "encoder-other"))
    for name, part in parts.items():
        for index, weight in enumerate(part):
            np.testing.assert_array_equal(weight, again[name][index])
    assert not np.array_equal(parts["layer_0"][0], differing["layer_0"][0])


def test_the_contents_of_the_file_name_the_artifact(vocabulary, tmp_path) -> None:
    def fingerprint(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        read_anew()
        file = VectorFile(file=str(tmp_path / name))
        return StudentEncoder(
            architecture=BERT, embeddings=file, vocabulary=vocabulary
        ).fingerprint(RUNTIME)

    one, moved = fingerprint("one", "a 1"), fingerprint("other", "a 1")
    assert one == moved != fingerprint("one", "a 2")


def test_settings_that_do_not_fit_are_refused(student, vocabulary, tmp_path) -> None:
    def refused(says: str, **changed: object) -> None:
        with pytest.raises(InputError, match=f"^encoder student: .*{says}"):
            dataclasses.replace(student, **changed).check()

    student.check()
    refused("as BiLstm; bert is Bert", architecture=BERT)
    refused("in records; lstm has kept = 3", architecture=BILSTM.keeping(3))
    refused("in records; lstm has kept = 3", architecture=BILSTM.keeping(3), records=())
    refused("SvdOfTeacher needs a teacher", teacher=None)
    refused("teacher, vocabulary or records; received none", teacher=None, records=())
    refused("from 0 to 2³¹ − 1; received -1", seed=-1)
    (tmp_path / "v").write_text("a 1 2 3\n")
    file = VectorFile(file=str(tmp_path / "v"))
    refused("as wide as the embeddings, 4; received 3", embeddings=file)
    wide = dataclasses.replace(
        student, architecture=dataclasses.replace(BILSTM, embedding_dim=9)
    )
    with pytest.raises(InputError, match=r"encoder student: .* width, 8; .* 9 wide"):
        run(
            tmp_path,
            Finetune(
                name="f",
                initial=wide,
                task_data=student.records[0],
                objectives=(Labels(),),
                optimizer=AdamW(learning_rate=1e-3),
                steps=1,
            ),
        )


def test_a_file_without_a_piece_is_refused_before_anything_runs(
    student, tmp_path
) -> None:
    (tmp_path / "v").write_text("xyz 1 2 3 4\n")
    file = VectorFile(file=str(tmp_path / "v"))
    student = dataclasses.replace(student, embeddings=file)
    inputs = {
        field: stage.outline({}) if field == "teacher.vocabulary" else Outline()
        for field, stage in student.inputs().items()
    }
    known = student.teacher.vocabulary.outline({})
    says = "encoder student: .*v holds none of 15 word pieces"
    with pytest.raises(InputError, match=says):
        student.outline({**inputs, "teacher": known})
