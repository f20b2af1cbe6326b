"""A tagging from files to entities, by the programs."""

import gzip
import json
import pathlib
import runpy
from collections.abc import Callable

import numpy as np
import programs
import pytest
from seqeval.metrics import f1_score, precision_score, recall_score

from pd_bert import config
from pd_bert.artifact import Artifact
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.export.predictor import load_predictor
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.any_file import rows_of
from pd_bert.sources.conll import Conll

_HERE = pathlib.Path(__file__).parent
_REPOSITORY = _HERE.parents[1]
_NAMES = ("Ada", "Bert", "Carla", "Åse", "Emil", "Zoë")
_CITIES = ("Oslo", "Paris", "Łódź", "New York")
_VERBS = {"en": ("lives", "in"), "no": ("bor", "i")}
LABELS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")


def sentence(number: int, language: str) -> list[tuple[str, str]]:
    """The words of a sentence, with their tags; some are longer than the model."""
    words = [(_NAMES[number % 6], "B-PER")]
    if number % 2:
        words.append(("Smith", "I-PER"))
    words += [(word, "O") for word in _VERBS[language]]
    first, *others = _CITIES[number % 4].split()
    words += [(first, "B-LOC"), *((word, "I-LOC") for word in others)]
    if number % 10 == 9:
        words += [("and", "O"), ("Ada", "B-PER")] * 12
    return [*words, (".", "O")]


def conll(sentences: list[list[tuple[str, str]]]) -> str:
    texts = ("\n".join("\t".join(word) for word in each) for each in sentences)
    return "\n\n".join(texts) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Sentences of two languages, and text without tags."""
    folder = tmp_path_factory.mktemp("tagged")
    texts = []
    for language in _VERBS:
        (folder / language).mkdir()
        train = [sentence(number, language) for number in range(36)]
        (folder / language / "train.tsv").write_text(conll(train))
        dev = [sentence(number, language) for number in range(40, 60)]
        packed = gzip.compress(conll(dev).encode())
        (folder / language / "dev.tsv.gz").write_bytes(packed)
        texts += [
            f"{name} {' '.join(_VERBS[language])} {city} {end}"
            for name in _NAMES
            for city in _CITIES
            for end in (".", "and Ada .", "and Bert Smith .")
        ]
    (folder / "unlabeled.txt").write_text("\n".join(texts))
    return folder


@pytest.fixture(scope="module")
def latest(folder: pathlib.Path) -> pathlib.Path:
    """The artifacts of a finished run, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGGED", str(folder))
        recipe, stages, runtime = config.load([str(_HERE / "tagging.gin")])
        for stage in stages:
            stage.check()
        workdir = Workdir(folder / "run", runtime)
        workdir.claim(recipe.name)
        Runner(stages, workdir, runtime=runtime).run(runtime.start())
    return folder / "run" / "latest"


def run(program: str, *arguments: str) -> str:
    done = programs.run(program, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def info(place: pathlib.Path) -> dict:
    return json.loads((place / "artifact.json").read_text())


def test_teacher_is_judged_and_a_student_learns_from_it(latest: pathlib.Path) -> None:
    gate = info(latest / "gate-teacher")["gate"]
    assert gate["passed"] and gate["primary_metric"] == "f1_mean"
    assert gate["metric"] > 0.5 > gate["majority"]
    labels = info(latest / "label-labels")
    records = Records(latest / "label-labels")
    weights = records.columns([0])["label_weight"]
    words = int((weights.values > 0).sum())
    assert sum(labels["confidence"]["histogram"]) == words
    assert sum(labels["confidence"]["labels"].values()) == pytest.approx(1)
    found = info(latest / "evaluate-student")["metrics"]["dev"]
    assert set(found) == {
        *("f1", "precision", "recall", "f1_en", "f1_no"),
        *("f1_mean", "f1_sd", "f1_worst"),
    }
    # Of each ten sentences one has twelve names, of which eight are not read.
    assert found["f1_mean"] > 0.6
    assert found["recall"] < 0.9
    assert info(latest / "distill-student")["labels"] == list(LABELS)


def test_programs_score_and_predict(
    folder: pathlib.Path, latest: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """seqeval on what pd-bert-predict prints is what pd-bert-evaluate measures."""
    files = f"--input={folder}/{{language}}/dev.tsv.gz"
    model = f"--model={latest / 'export-student'}"
    measured = json.loads(run("evaluate", model, files))
    expected = info(latest / "evaluate-student")["metrics"]["dev"]
    assert measured["metrics"] == pytest.approx(expected)
    assert (measured["examples"], measured["primary_metric"]) == (40, "f1_mean")
    printed = tmp_path / "predictions.jsonl"
    run("predict", model, files, f"--output={printed}")
    found = [json.loads(line) for line in printed.read_text().split("\n") if line]
    dev = Conll(
        files="{language}/dev.tsv.gz", folder=str(folder), languages=("en", "no")
    )
    rows = list(dev.rows())
    gold = [list(row.tags) for row in rows]
    answers = [[word["tag"] for word in each["words"]] for each in found]
    assert [each["text"] for each in found] == [row.texts["text"] for row in rows]
    for name, score in (
        ("f1", f1_score),
        ("precision", precision_score),
        ("recall", recall_score),
    ):
        assert measured["metrics"][name] == pytest.approx(score(gold, answers))
    own = [index for index, row in enumerate(rows) if row.language == "no"]
    f1 = f1_score([gold[i] for i in own], [answers[i] for i in own])
    assert measured["metrics"]["f1_no"] == pytest.approx(f1)
    for each in found:
        for entity in each["entities"]:
            assert each["text"][entity["begin"] : entity["end"]] == entity["text"]
            assert 0 < entity["score"] <= 1
    assert sum(len(each["entities"]) for each in found) > 60


def test_plain_text_has_offsets_in_its_line(
    latest: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "new.txt").write_text("Zoë  Smith bor i Łódź .\n\nOslo")
    predictor = load_predictor(latest / "export-student")
    source = predictor.task.open_file(
        str(tmp_path / "new.txt"), columns={"text": "text", "text_b": None}
    )
    one, none, last = predictor.predict(source.rows())
    assert [word["text"] for word in one["words"]][:2] == ["Zoë", "Smith"]
    assert one["words"][1]["begin"] == 5
    assert (none["words"], none["entities"]) == ([], [])
    assert len(last["words"]) == 1


@pytest.fixture(scope="module")
def compare() -> Callable[..., dict]:
    return runpy.run_path(str(_REPOSITORY / "tools" / "compare_tagger.py"))["compare"]


def test_saved_model_equals_training_code(
    folder: pathlib.Path, latest: pathlib.Path, compare: Callable[..., dict]
) -> None:
    model, exported = latest / "distill-student", latest / "export-student"
    rows = list(Conll(files=str(folder / "*" / "*.tsv*")).rows())
    found = compare(model, exported, rows)
    assert (found["sentences"], found["different"]) == (112, 0), found["examples"]
    assert found["entities"] > 200


def test_saved_model_equals_training_code_on_wikiann(
    shared_data: pathlib.Path, latest: pathlib.Path, compare: Callable[..., dict]
) -> None:
    """On every 200th sentence; tools/compare_tagger.py takes all."""
    files = str(shared_data / "wikiann" / "*" / "test.tsv.gz")
    rows = list(Conll(files=files, tags=False).rows())[::200]
    model, exported = latest / "distill-student", latest / "export-student"
    found = compare(model, exported, rows)
    assert (found["sentences"], found["different"]) == (400, 0), found["examples"]


def test_artifact_and_saved_model_present_alike(latest: pathlib.Path) -> None:
    texts = ["Ada lives in Oslo", "E\u0301mil 東京 \x01 😀", ""]
    shown = [
        list(load_predictor(latest / name).predict(rows_of(texts)))
        for name in ("distill-student", "export-student")
    ]
    for ours, theirs in zip(*shown, strict=True):
        for each in (*ours["words"], *theirs["words"]):
            del each["score"]
        assert ours["words"] == theirs["words"]
    assert [len(each["words"]) for each in shown[0]] == [4, 4, 0]


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "Ada\tO\nSmith\tI-PER\n", r"en/train\.tsv:2$"),
        ("no", "Ada\n\nBert\n", r"no/train\.tsv:1: every word needs a tag"),
        ("no", "", "has none of no"),
    ],
)
def test_bad_files_end_before_training(
    folder: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    text: str,
    words: str,
) -> None:
    for each in _VERBS:
        (tmp_path / each).mkdir()
        for name in ("train.tsv", "dev.tsv.gz"):
            target = tmp_path / each / name
            target.write_bytes((folder / each / name).read_bytes())
    (tmp_path / language / "train.tsv").write_text(text)
    (tmp_path / "unlabeled.txt").write_text((folder / "unlabeled.txt").read_text())
    monkeypatch.setenv("TAGGED", str(tmp_path))
    with pytest.raises(InputError, match=words):
        recipe, stages, runtime = config.load([str(_HERE / "tagging.gin")])
        for stage in stages:
            stage.check()
        workdir = Workdir(tmp_path / "run", runtime)
        workdir.claim(recipe.name)
        Runner(stages, workdir, runtime=runtime).run(runtime.start())
    assert not list(tmp_path.glob("run/working/finetune-*"))


def test_stored_answers_are_whole(latest: pathlib.Path) -> None:
    with np.load(latest / "evaluate-student" / "predictions" / "dev.npz") as arrays:
        found = dict(arrays)
    assert found["answer"].shape == found["label"].shape == (40, 24)
    assert np.array_equal(found["answer"] > 0, found["label"] > 0)
    assert set(found["language"].tolist()) == {0, 1}
    assert found["missed"].max() > 0
    assert Artifact(latest / "evaluate-student").labels == LABELS
