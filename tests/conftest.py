"""Fixtures shared by all tests."""

import os
import pathlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; without it, the tests that need it skip.

    `$PD_BERT_DATA` names it; the default is `../shared/data` beside the repository.
    """
    default = _REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("PD_BERT_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"needs the data folder {folder}; set PD_BERT_DATA to move it")
    return folder


# The columns of GLUE's files, as its download has them; CoLA's have no header.
_MNLI = (
    "index promptID pairID genre sentence1_binary_parse sentence2_binary_parse "
    "sentence1_parse sentence2_parse sentence1 sentence2"
)
_STSB = "index genre filename year old_index source1 source2 sentence1 sentence2"
_GLUE = {
    "CoLA/train": ("", "01"),
    "CoLA/dev": ("", "01"),
    "CoLA/test": ("index sentence", ""),
    "SST-2/train": ("sentence label", "01"),
    "SST-2/dev": ("sentence label", "01"),
    "SST-2/test": ("index sentence", ""),
    "MRPC/train": ("Quality,#1 ID,#2 ID,#1 String,#2 String", "01"),
    "MRPC/dev": ("Quality,#1 ID,#2 ID,#1 String,#2 String", "01"),
    "MRPC/test": ("index,#1 ID,#2 ID,#1 String,#2 String", ""),
    "STS-B/train": (f"{_STSB} score", ("0.5", "3.000", "5.000")),
    "STS-B/dev": (f"{_STSB} score", ("0.5", "3.000", "5.000")),
    "STS-B/test": (_STSB, ""),
    "QQP/train": ("id qid1 qid2 question1 question2 is_duplicate", "01"),
    "QQP/dev": ("id qid1 qid2 question1 question2 is_duplicate", "01"),
    "QQP/test": ("id question1 question2", ""),
    "MNLI/train": (f"{_MNLI} label1 gold_label", ("entailment", "neutral")),
    "MNLI/dev_matched": (
        f"{_MNLI} label1 label2 label3 label4 label5 gold_label",
        ("entailment", "contradiction"),
    ),
    "MNLI/dev_mismatched": (
        f"{_MNLI} label1 label2 label3 label4 label5 gold_label",
        ("entailment", "neutral"),
    ),
    "MNLI/test_matched": (_MNLI, ""),
    "MNLI/test_mismatched": (_MNLI, ""),
    "SNLI/train": ("index sentence1 sentence2 gold_label", ("neutral", "-")),
    "QNLI/train": ("index question sentence label", ("entailment", "not_entailment")),
    "QNLI/dev": ("index question sentence label", ("entailment", "not_entailment")),
    "QNLI/test": ("index question sentence", ""),
    "RTE/train": ("index sentence1 sentence2 label", ("entailment", "not_entailment")),
    "RTE/dev": ("index sentence1 sentence2 label", ("entailment", "not_entailment")),
    "RTE/test": ("index sentence1 sentence2", ""),
    "WNLI/train": ("index sentence1 sentence2 label", "01"),
    "WNLI/dev": ("index sentence1 sentence2 label", "01"),
    "WNLI/test": ("index sentence1 sentence2", ""),
    "diagnostic/diagnostic": ("index sentence1 sentence2", ""),
}
_LABELS = ("label", "score", "gold_label", "is_duplicate", "Quality")
_TEXTS = ("sentence", "sentence1", "sentence2", "question", "question1", "question2")


@pytest.fixture(scope="session")
def glue_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GLUE's download with made-up texts: 8 rows a file, 9 in tests, 10 in AX's."""
    folder = tmp_path_factory.mktemp("glue")
    for name, (header, labels) in _GLUE.items():
        count = 10 if "diag" in name else 9 if "test" in name else 8
        columns = header.split("," if "," in header else " ")
        lines = []
        for row in range(count):
            text = f'the "film" was {["fine", "dull", "funny"][row % 3]}'
            label = labels[row % len(labels)] if labels else ""
            if not header:
                lines.append(f"gj04\t{label}\t{'' if row % 2 else '*'}\t{text}")
                continue
            fields = []
            for column in columns:
                if column in _LABELS:
                    fields.append(label)
                elif column in _TEXTS or column.endswith("String"):
                    fields.append(f"{text} {column[-1]}")
                else:
                    fields.append(str(row))
            lines.append("\t".join(fields))
        if name == "QQP/train":  # as in the real file, where rows are cut
            lines.insert(3, '"\tWas it?\t0')
        if header:
            lines.insert(0, "\t".join(columns))
        path = folder / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return folder


_NOUNS = ("film", "story", "actor", "scene", "music", "ending", "picture", "plot")
_WORDS = {
    "good": ("fine", "great", "lovely", "bright", "funny"),
    "bad": ("dull", "poor", "awful", "boring", "weak"),
}


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a corpus, texts without labels, and a task of two labels."""
    folder = tmp_path_factory.mktemp("small_data")
    draw = random.Random(0)
    documents = [
        "\n".join(_sentence(draw, draw.choice(("good", "bad"))) for _ in range(6))
        for _ in range(80)
    ]
    (folder / "corpus.txt").write_text("\n\n".join(documents) + "\n")
    texts = [_sentence(draw, draw.choice(("good", "bad"))) for _ in range(400)]
    (folder / "transfer.txt").write_text("\n".join(texts) + "\n")
    for split, count in (("train", 240), ("dev", 24)):
        labels = [draw.choice(("good", "bad")) for _ in range(count)]
        lines = [f"{_sentence(draw, label)}\t{label}" for label in labels]
        (folder / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *lines]))
    return folder


def _sentence(draw: random.Random, label: str) -> str:
    parts = [
        f"the {draw.choice(_NOUNS)} was {draw.choice(_WORDS[label])}"
        for _ in range(draw.randint(1, 4))
    ]
    return " and ".join(parts) + "."


@pytest.fixture(scope="session")
def sentence() -> Callable[[random.Random, str], str]:
    """(random numbers, "good" or "bad") → a sentence of that label."""
    return _sentence
