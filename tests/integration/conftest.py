"""A small recipe with its texts, and a way to run it as a user does."""

import os
import pathlib
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

Start = Callable[..., subprocess.Popen[str]]

_RECIPE = pathlib.Path(__file__).with_name("small.gin")
_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
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


@pytest.fixture
def start(small_data: pathlib.Path) -> Start:
    """Starts the small recipe in a session of its own; its output goes to a file."""

    def run(
        workdir: pathlib.Path,
        *,
        files: tuple[str, ...] = (),
        bindings: tuple[str, ...] = (),
        log: pathlib.Path,
        variables: dict[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pd_bert.bin.run", f"--workdir={workdir}"]
        command += [f"--gin_file={name}" for name in (str(_RECIPE), *files)]
        command += [f"--gin_bindings={binding}" for binding in bindings]
        environment = {**os.environ, "SMALL_DATA": str(small_data), **(variables or {})}
        with log.open("a") as output:
            return subprocess.Popen(
                command,
                cwd=_REPOSITORY,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    return run
