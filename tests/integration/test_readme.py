"""The README's own data and its Python, as they stand there."""

import dataclasses
import gzip
import json
import pathlib
import random
import re
from typing import Any

import numpy as np
import programs
import pytest
import tensorflow as tf

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_README = (_REPOSITORY / "README.md").read_text()
_WORDS = {"good": ("fine", "great", "lovely"), "bad": ("dull", "poor", "awful")}
_NOUNS = ("film", "story", "music", "plot")
_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "was", "and", "."]
_TEACHER = "path/to/a/pretrained/bert"
_SMALL = (
    "PRETRAIN_STEPS = 2",
    "TEACHER_EPOCHS = 30",
    "TEACHER_LEARNING_RATE = 5e-3",
    "DISTILL_EPOCHS = 1",
)


def block(heading: str, language: str = "") -> str:
    """The first code block of a language below a heading of the README."""
    section = _README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    match = re.search(rf"^```{language}\n(.*?)^```$", section, re.M | re.S)
    assert match
    return match[1]


def sentence(draw: random.Random, label: str) -> str:
    parts = [
        f"the {draw.choice(_NOUNS)} was {draw.choice(_WORDS[label])}"
        for _ in range(draw.randint(1, 3))
    ]
    return " and ".join(parts) + "."


def write_bert(folder: pathlib.Path, *, layers: int, hidden: int) -> None:
    """A BERT as its authors release it: TensorFlow 1, random weights."""
    words = [*_NOUNS, *_WORDS["good"], *_WORDS["bad"]]
    vocabulary = [*_TOKENS, *words]
    draw = np.random.default_rng(hidden)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings/word_embeddings": (len(vocabulary), hidden),
        "embeddings/position_embeddings": (128, hidden),
        "embeddings/token_type_embeddings": (2, hidden),
    }
    norms, dense = ["embeddings"], {"pooler/dense": (hidden, hidden)}
    for index in range(layers):
        layer = f"encoder/layer_{index}"
        for name in ("self/query", "self/key", "self/value", "output/dense"):
            dense[f"{layer}/attention/{name}"] = (hidden, hidden)
        dense[f"{layer}/intermediate/dense"] = (hidden, 4 * hidden)
        dense[f"{layer}/output/dense"] = (4 * hidden, hidden)
        norms += [f"{layer}/attention/output", f"{layer}/output"]
    shapes |= {f"{name}/kernel": shape for name, shape in dense.items()}
    weights = {name: draw.normal(scale=0.1, size=size) for name, size in shapes.items()}
    weights |= {f"{name}/bias": np.zeros(shape[1]) for name, shape in dense.items()}
    weights |= {f"{name}/LayerNorm/gamma": np.ones(hidden) for name in norms}
    weights |= {f"{name}/LayerNorm/beta": np.zeros(hidden) for name in norms}
    folder.mkdir(parents=True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, array in weights.items():
            value = array.astype(np.float32)
            tf.compat.v1.get_variable(f"bert/{name}", initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(folder / "bert_model.ckpt"))
    config = {
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": 4 * hidden,
        "max_position_embeddings": 128,
        "num_attention_heads": 2,
        "num_hidden_layers": layers,
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary),
    }
    (folder / "bert_config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What the README says that a user has, under the names that it uses."""
    folder = tmp_path_factory.mktemp("own")
    draw = random.Random(0)
    for name, count in (("train", 240), ("dev", 24), ("test", 24)):
        labels = [draw.choice(("good", "bad")) for _ in range(count)]
        rows = [f"{label}\t{sentence(draw, label)}" for label in labels]
        text = "\n".join(["label\ttext", *rows])
        if name == "train":
            (folder / "train.tsv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{name}.tsv").write_text(text)
    (folder / "unlabeled").mkdir()
    for name in ("a", "b"):
        texts = [sentence(draw, draw.choice(("good", "bad"))) for _ in range(150)]
        (folder / "unlabeled" / f"{name}.txt").write_text("\n".join(texts))
    write_bert(folder / _TEACHER, layers=2, hidden=16)
    write_bert(folder / "path/to/bert_tiny", layers=1, hidden=8)
    (folder / "mine.gin").write_text(block("Your own data"))
    return folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run: its working directory, and its rows by title of the stage."""

    workdir: pathlib.Path
    rows: dict[str, dict[str, Any]]


def run(folder: pathlib.Path, *flags: str, workdir: str) -> Run:
    """Runs pd-bert-run in the folder."""
    bindings = [f"--gin_bindings={binding}" for binding in _SMALL]
    flags = ("--gin_file=mine.gin", *flags, f"--workdir={workdir}", *bindings)
    done = programs.run("run", *flags, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((folder / workdir / "results.json").read_text())
    return Run(workdir=folder / workdir, rows={row["stage"]: row for row in rows})


@pytest.fixture(scope="module")
def mine(folder: pathlib.Path) -> Run:
    return run(folder, workdir="runs/mine")


def test_own_data_is_six_lines_without_an_import(mine: Run) -> None:
    lines = block("Your own data").strip().split("\n")
    assert len(lines) == 6
    assert not any(line.startswith(("from ", "import ")) for line in lines)
    row = mine.rows["evaluate-pd"]
    assert (row["task"], row["method"], row["size"]) == ("mine", "pd", "tiny")
    assert list(row["metrics"]) == ["dev"]
    assert mine.rows["evaluate-teacher"]["metrics"]["dev"]["accuracy"] > 0.9
    exported = mine.workdir / "latest" / "export-pd" / "saved_model"
    assert (exported / "saved_model.pb").is_file()


def test_student_from_a_folder_of_its_authors(folder: pathlib.Path, mine: Run) -> None:
    section = _README.split("\n## Your own data\n")[1].split("\n## ")[0]
    found = re.search(r"`(--gin_file=students/\S+) --gin_bindings=\"(.*?)\"`", section)
    assert found
    flags = (found[1], f"--gin_bindings={found[2]}", f"--reuse={mine.workdir}")
    begun = run(folder, *flags, "--gin_bindings=TEST_FILES='test.tsv'", workdir="other")
    assert not any(row["kind"] == "pretrain" for row in begun.rows.values())
    artifact = begun.workdir / "latest" / "distill-pd" / "artifact.json"
    assert json.loads(artifact.read_text())["initialized"] == {
        "taken": ["token_embedding", "embeddings", "layer_0", "pooler"],
        "random": ["label"],
    }
    row = begun.rows["evaluate-pd"]
    assert (row["method"], row["size"]) == ("pd", "student")
    assert list(row["metrics"]) == ["dev", "test"]
    assert row["parameters"] < mine.rows["evaluate-pd"]["parameters"]


def test_python_chain(
    folder: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = block("From Python", "python")
    imports = re.findall(r"^(?:from|import) .*", code, re.M)
    assert imports == ["import pathlib", "from pd_bert import api as pd"]
    for text, smaller in (
        ("steps=100_000", "steps=2"),
        (
            "AdamW(learning_rate=5e-5),\n    epochs=3",
            "AdamW(learning_rate=5e-3),\n    epochs=30",
        ),
    ):
        assert code.count(text) == 1
        code = code.replace(text, smaller)
    monkeypatch.chdir(folder)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    lines = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert ["mine", "pd", "tiny"] in lines
    assert (folder / "runs/from_python/latest/export-pd/saved_model").is_dir()
