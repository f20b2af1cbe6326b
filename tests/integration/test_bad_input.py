"""Bad input ends in one line that says what is wrong and where, before any training."""

import os
import pathlib
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence

import programs
import pytest
import tensorflow as tf

from pd_bert import config
from pd_bert.errors import InputError
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Stage
from pd_bert.stages.distill import Distill
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.label import Label
from pd_bert.stages.prepare_transfer import PrepareTransfer

_FOLDER = pathlib.Path(__file__).resolve().parent
_REPOSITORY = _FOLDER.parents[1]
_SMALL = str(_FOLDER / "small.gin")
# One shard each, so that no worker processes are started.
_ONE_SHARD = (
    "pd.PrepareCorpus.shard_characters = 8000000",
    "pd.PrepareTransfer.shard_characters = 8000000",
)
# A second vocabulary, and a second set of labels in `other.tsv`.
_OTHER = """
from __gin__ import dynamic_registration
from pd_bert import api as pd
b/pd.TrainVocabulary.size = 60
vocabulary/pd.PrepareTask.vocabulary = @b/pd.TrainVocabulary()
labels/pd.PrepareTask.task = @labels/pd.Classification()
# Else the teacher's evaluation, which the gate reads, is the first to refuse it.
pd.Label.gate = None
"""


@pytest.fixture
def small(small_data, monkeypatch) -> pathlib.Path:
    monkeypatch.setenv("SMALL_DATA", str(small_data))
    return small_data


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> pathlib.Path:
    """One working directory for all: what is prepared once is reused."""
    return tmp_path_factory.mktemp("bad_input") / "run"


def refusal(
    workdir: pathlib.Path, *bindings: str, files: Sequence[str] = (_SMALL,)
) -> str:
    """What pd-bert-run says, which must not have begun to train anything."""
    with pytest.raises(InputError) as caught:
        recipe, stages, runtime = config.load(files, [*_ONE_SHARD, *bindings])
        place = Workdir(workdir, runtime)
        place.belongs_to(recipe.name)
        for stage in stages:
            stage.check()
        place.claim(recipe.name)
        Runner(stages, place, runtime=runtime, operative="").run(
            tf.distribute.get_strategy()
        )
    for kind in ("pretrain", "finetune", "distill", "label"):
        assert not list(workdir.glob(f"working/{kind}-*")), "training had begun"
    return " ".join(str(caught.value).split())


def table(path: pathlib.Path, *rows: str) -> pathlib.Path:
    path.write_text("\n".join(["sentence\tlabel", "so fine\tgood", *rows]))
    return path


def program(name: str, *arguments: str) -> tuple[int, str]:
    """Exit status and stderr of a program, without its progress bars."""
    done = programs.run(name, *arguments)
    return done.returncode, done.stderr


def last_line(stderr: str) -> str:
    """The one line `error: …`; nothing else but progress bars may be there."""
    lines = [line for line in stderr.replace("\r", "\n").split("\n") if line.strip()]
    others = [line for line in lines if "ex/s" not in line and "examples" not in line]
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1 and others in ([], errors), stderr
    return errors[0].removeprefix("error: ")


# ---- files


def test_missing_file(small, prepared, tmp_path):
    said = refusal(prepared, f"train/pd.Table.files = '{tmp_path}/none.tsv'")
    assert said == f"no such file: {tmp_path}/none.tsv"


def test_empty_corpus(small, tmp_path):
    (tmp_path / "empty.txt").write_text("\n  \n\n")
    said = refusal(
        tmp_path / "run", f"corpus/pd.TextLines.files = '{tmp_path}/empty.txt'"
    )
    assert "empty corpus" in said and f"{tmp_path}/empty.txt" in said


def test_too_few_columns(small, prepared, tmp_path):
    file = table(tmp_path / "train.tsv", "alone")
    said = refusal(prepared, f"train/pd.Table.files = '{file}'")
    assert said == f"a row needs 2 columns, received 1: {file}:3"


def test_unknown_label(small, prepared, tmp_path):
    file = table(tmp_path / "train.tsv", "so dull\tbad", "so so\tugly")
    said = refusal(
        prepared,
        f"train/pd.Table.files = '{file}'",
        "pd.Classification.labels = ('bad', 'good')",
    )
    assert f"{file}:4" in said and "['bad', 'good']" in said and "'ugly'" in said


def test_label_that_only_dev_has(small, prepared, tmp_path):
    file = table(tmp_path / "dev.tsv", "so so\tugly")
    said = refusal(prepared, f"dev/pd.Table.files = '{file}'")
    assert f"{file}:3" in said and "['bad', 'good']" in said and "'ugly'" in said


def test_text_that_is_not_utf_8(small, prepared, tmp_path):
    file = tmp_path / "train.tsv"
    file.write_bytes("sentence\tlabel\nsi b\xeate\tbad\n".encode("latin-1"))
    said = refusal(prepared, f"train/pd.Table.files = '{file}'")
    assert said == (
        f"text must be UTF-8, received byte 0xea at byte offset 19: {file}:2"
    )


# ---- vocabularies and labels


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ("[PAD] [UNK] [CLS] [SEP] a", "received 5 tokens without [MASK]"),
        (
            "[PAD] [UNK] [CLS] [SEP] [MASK] a b a",
            "received 'a' on line 6 and again on line 8",
        ),
    ],
)
def test_bad_vocabulary(small, prepared, tmp_path, tokens, words):
    file = tmp_path / "vocab.txt"
    file.write_text(tokens.replace(" ", "\n") + "\n")
    other = tmp_path / "other.gin"
    other.write_text(_OTHER + "VOCABULARY = @pd.ReadVocabulary()\n")
    said = refusal(
        prepared,
        f"pd.ReadVocabulary.file = '{file}'",
        files=(_SMALL, str(other)),
    )
    assert words in said and str(file) in said


@pytest.mark.parametrize(
    ("bindings", "words"),
    [
        (  # of the records that a model is measured on
            ["pd.Evaluate.task_data = @vocabulary/pd.PrepareTask()"],
            r"evaluate pd: .* model \(distill-pd\) has \w+, task_data \(prepare-task\)",
        ),
        (  # of the encoder
            ["pd.PrepareCorpus.vocabulary = @b/pd.TrainVocabulary()"],
            r"finetune teacher: .* initial \(pretrain-student\) has \w+, task_data",
        ),
        (  # of the teacher
            [
                "teacher/pd.Finetune.task_data = @vocabulary/pd.PrepareTask()",
                "teacher/pd.Finetune.initial = None",
            ],
            r"label labels: .* teacher \(finetune-teacher\) has \w+, transfer",
        ),
    ],
    ids=["records", "encoder", "teacher"],
)
def test_another_vocabulary(small, prepared, tmp_path, bindings, words):
    other = tmp_path / "other.gin"
    other.write_text(_OTHER + "\n".join(bindings) + "\n")
    said = refusal(prepared, files=(_SMALL, str(other)))
    assert "must share one vocabulary" in said
    assert re.search(words, said), said


@pytest.mark.parametrize(
    ("labels", "has"),
    [
        ("('good', 'bad')", "['good', 'bad']"),
        ("('bad', 'good', 'ugly')", "['bad', 'good', 'ugly']"),
    ],
    ids=["order", "number"],
)
def test_teacher_with_other_labels(small, prepared, tmp_path, labels, has):
    other = tmp_path / "other.gin"
    other.write_text(
        _OTHER
        + "teacher/pd.Finetune.task_data = @labels/pd.PrepareTask()\n"
        + f"labels/pd.Classification.labels = {labels}\n"
    )
    said = refusal(prepared, files=(_SMALL, str(other)))
    assert "distill pd: model and task must have the same labels in the same" in said
    assert f"has {has}, the task ['bad', 'good']" in said


# ---- recipes


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        ("PRETRAIN_STEP = 3", "nothing uses PRETRAIN_STEP "),
        ("pd.Pretrain.stepps = 3", "stepps"),
        ("pretrain.Pretrian.steps = 3", "Pretrian"),
        ("STUDENT = %NOBODY", "NOBODY"),
        ("pd.Recipe.axes = {'SEEDS': (0, 1)}", "SEEDS is not a macro"),
        ("pd.Distill.batch_size = ", "batch_size"),
    ],
)
def test_misspelt_binding(small, tmp_path, binding, words):
    assert words in refusal(tmp_path, binding)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from pd_bert.stages import evaluat\n", "evaluat"),
        ("include 'stages/chains.gin'\n", "stages/chains.gin"),
        (
            "include 'stages/chain.gin'\n"
            "include 'methods/pf.gin'\n"
            "from pd_bert import api as pd\n"
            "pd.Recipe.name = 'no corpus'\n"
            "from pd_bert.stages import finetune\n"
            "pd.Recipe.stages = (@pf/pd.Finetune(),)\n",
            "the macro CORPUS is used and must be set; nothing sets it",
        ),
    ],
    ids=["module", "include", "required macro"],
)
def test_bad_recipe(tmp_path, text, words):
    file = tmp_path / "bad.gin"
    file.write_text(f"from __gin__ import dynamic_registration\n{text}")
    said = refusal(tmp_path / "run", files=(str(file),))
    assert words in said and str(file) in said


def test_overriding_a_parameter_leaves_its_macro_alone(small):
    _, stages, _ = config.load([_SMALL], ["pd.Distill.batch_size = 5"])
    assert [s.batch_size for s in stages if isinstance(s, Distill)] == [5]


def test_unknown_recipe(tmp_path):
    said = refusal(tmp_path, files=("no_such_recipe",))
    assert "no_such_recipe" in said and "the recipes are " in said


def test_directory_of_another_recipe(small, tmp_path):
    (tmp_path / "recipe.json").write_text('{"recipe": "large"}')
    said = refusal(tmp_path)
    assert "holds 'large', received 'small'" in said and str(tmp_path) in said


# ---- damaged records


@pytest.fixture(scope="module")
def labeled(tiny_run, tmp_path_factory) -> Iterator[tuple[pathlib.Path, Stage]]:
    """A copy of the run with a teacher's labels, and the stage that would read them."""
    workdir = tmp_path_factory.mktemp("labeled") / "run"
    shutil.copytree(tiny_run.workdir, workdir, symlinks=True)
    teacher = next(s for s in tiny_run.stages if isinstance(s, Finetune))
    transfer = PrepareTransfer(
        source=TextLines(files=str(tiny_run.data / "transfer.txt")),
        vocabulary=teacher.task_data.vocabulary,
        sequence_length=32,
        shard_characters=12_000,
    )
    label = Label(teacher=teacher, transfer=transfer)
    student = Distill(
        name="damaged",
        architecture=teacher.architecture,
        objectives=(SoftLabels(),),
        optimizer=teacher.optimizer,
        transfer=label,
        task_data=teacher.task_data,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_DATA", str(tiny_run.data))
        _run([label], tiny_run.runtime, workdir)
        yield workdir, student


def _run(stages: Sequence[Stage], runtime, workdir: pathlib.Path) -> None:
    place = Workdir(workdir, runtime)
    runner = Runner(in_order(stages, runtime), place, runtime=runtime, operative="")
    runner.run(tf.distribute.get_strategy())


def truncate(first: pathlib.Path, second: pathlib.Path) -> str:
    os.truncate(first, first.stat().st_size - 10)
    return "a shard has the size in its manifest"


def swap(first: pathlib.Path, second: pathlib.Path) -> str:
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    return "a shard has the size in its manifest|a shard has the SHA-256 in its"


def flip(first: pathlib.Path, second: pathlib.Path) -> str:
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 4
    first.write_bytes(content)
    return "a shard has the SHA-256 in its manifest"


def flip_lengths(first: pathlib.Path, second: pathlib.Path) -> str:
    return flip(first.with_suffix(".npy"), second)


def remove(first: pathlib.Path, second: pathlib.Path) -> str:
    first.unlink()
    return "which is missing"


def cut_manifest(first: pathlib.Path, second: pathlib.Path) -> str:
    manifest = first.with_name("manifest.json")
    os.truncate(manifest, manifest.stat().st_size // 2)
    return "must hold JSON"


@pytest.mark.parametrize("kind", ["corpus", "task", "labels"])
@pytest.mark.parametrize(
    "damage", [truncate, swap, flip, flip_lengths, remove, cut_manifest]
)
def test_damaged_records(tiny_run, labeled, tmp_path, kind, damage):
    original, distill = labeled
    workdir = tmp_path / "run"
    shutil.copytree(original, workdir, symlinks=True)
    stages = list(tiny_run.stages)
    pattern, reader = {
        "corpus": ("prepare-corpus-*/*.tfrecord", "pretrain-student"),
        "task": ("prepare-task-*/*/*.tfrecord", "finetune-pf"),
        "labels": ("label-labels-*/*.tfrecord", "distill-damaged"),
    }[kind]
    shards = sorted(workdir.glob(f"stages/{pattern}"))
    # Of the task this is the train split's shard and dev's.
    words = damage(shards[-1], shards[0])
    if kind == "labels":
        stages = [distill]
    else:
        (read_by,) = workdir.glob(f"stages/{reader}-*")
        shutil.rmtree(read_by)
    with pytest.raises(InputError, match=words) as caught:
        _run(stages, tiny_run.runtime, workdir)
    damaged = {str(shard.parent) for shard in (shards[0], shards[-1])}
    assert any(folder in str(caught.value) for folder in damaged)
    assert not list(workdir.glob("working/*/scratch/checkpoints")), "it had trained"


# ---- programs


def test_programs_end_in_one_line(small, tmp_path):
    run = ("run", f"--gin_file={_SMALL}", f"--workdir={tmp_path}/run")
    status, said = program(*run, "--gin_bindings=STUDENTS = 3")
    assert status == 1 and "nothing uses STUDENTS" in last_line(said)
    file = table(tmp_path / "dev.tsv", "so so\tugly")
    status, said = program(
        *run,
        f"--gin_bindings=dev/pd.Table.files = '{file}'",
        *(f"--gin_bindings={binding}" for binding in _ONE_SHARD),
    )
    assert status == 1 and f"{file}:3" in last_line(said)
    assert not list(tmp_path.glob("run/working/pretrain-*")), "training had begun"


def test_predict_and_evaluate_end_in_one_line(tiny_run, tmp_path):
    file = table(tmp_path / "dev.tsv", "so so\tugly")
    status, said = program(
        "evaluate",
        f"--model={tiny_run.model}",
        f"--input={file}",
        "--text_column=sentence",
    )
    assert status == 1 and f"{file}:3" in last_line(said) and "'ugly'" in said
    output = tmp_path / "out.jsonl"
    status, said = program(
        "predict",
        f"--model={tiny_run.model}",
        f"--input={file}",
        f"--output={output}",
    )
    assert status == 1 and not output.exists()
    assert (
        last_line(said) == f"no column 'text' in the header sentence, label: {file}:1"
    )
    status, said = program("predict", f"--model={tiny_run.encoder}", "--text=fine")
    assert status == 1 and "has no labels" in last_line(said)


@pytest.fixture
def limited(tmp_path) -> Iterator[tuple[pathlib.Path, Callable, Callable[[], None]]]:
    """A folder with little space, what bounds a program to it, and what lifts that.

    A file system of its own needs root; without, the files of the program are bounded.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=260k", "none", str(folder)]
    if (
        shutil.which("mount")
        and not subprocess.run(mount, capture_output=True).returncode
    ):
        grow = ["mount", "-o", "remount,size=64m", str(folder)]
        yield folder, lambda program: None, lambda: subprocess.run(grow, check=True)
        subprocess.run(["umount", str(folder)], check=True)
        return

    bounds = [60_000]

    def bound(program: programs.Program) -> None:
        for size in bounds:
            limits = (size, resource.RLIM_INFINITY)
            resource.prlimit(program.pid, resource.RLIMIT_FSIZE, limits)

    yield folder, bound, bounds.clear


def test_full_disk(small, limited, tmp_path):
    folder, bound, grow = limited
    run = ("run", f"--gin_file={_SMALL}", f"--workdir={folder}/run")
    run += (f"--gin_file={_FOLDER}/tiny.gin",)
    run += tuple(f"--gin_bindings={binding}" for binding in _ONE_SHARD)
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w+") as err:
        bounded = programs.start(*run, stdout=out, stderr=err)
        bound(bounded)
        assert bounded.wait(300) == 1
        err.seek(0)
        assert last_line(err.read()).startswith("the disk is full: ")
    finished = {path: path.read_bytes() for path in folder.glob("run/stages/*/*.json")}
    assert finished, "the disk was full too early to prove anything"
    grow()
    status, said = program(*run)
    assert status == 0, said
    assert all(path.read_bytes() == content for path, content in finished.items())
    assert (folder / "run" / "results.json").is_file()
