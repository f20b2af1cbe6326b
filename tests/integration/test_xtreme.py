"""Staged distillation with gradual unfreezing: every step, also after kills."""

import gzip
import json
import pathlib
import random
import time
from collections.abc import Callable

import numpy as np
import programs
import pytest

from pd_bert.artifact import Artifact
from pd_bert.models.model import Model
from pd_bert.text.vocabulary import SPECIAL_TOKENS

Start = Callable[..., programs.Program]
Same = Callable[[pathlib.Path, pathlib.Path], None]

_FILES = (
    str(pathlib.Path(__file__).with_name("xtreme.gin")),
    "runtime/deterministic.gin",
)
_SECONDS = 400.0
_ONLY = ("METHODS = (@d4_2/pd.Evaluate,)",)
_PHASES = ("distill-representation", "distill-logits", "finetune-labels")
_NAMES, _CITIES = ("Ada", "Bert", "Carla"), ("Oslo", "Paris", "Rome")
_WORDS = ("lives", "works", "in", "and", "not", "likes", "from", "to")


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Two languages in the layout of WikiAnn, and the vocabulary of their words."""
    folder = tmp_path_factory.mktemp("languages")
    draw = random.Random(0)
    for language in ("aa", "bb"):
        (folder / language).mkdir()
        for split, count in (("train", 200), ("dev", 20), ("test", 20)):
            sentences = []
            for _ in range(count):
                words = [(draw.choice(_NAMES), "B-PER")]
                words += [(draw.choice(_WORDS), "O") for _ in range(3)]
                words.append((draw.choice(_CITIES), "B-LOC"))
                sentences.append("\n".join(f"{word}\t{tag}" for word, tag in words))
            path = folder / language / f"{split}.tsv.gz"
            path.write_bytes(gzip.compress("\n\n".join(sentences).encode()))
    vocabulary = (*SPECIAL_TOKENS, *_NAMES, *_CITIES, *_WORDS)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))
    return folder


def start(
    start_small: Start,
    languages: pathlib.Path,
    workdir: pathlib.Path,
    log: pathlib.Path,
    *,
    apart: bool = False,
) -> programs.Program:
    return start_small(
        workdir,
        recipe=None,
        files=_FILES,
        bindings=_ONLY,
        log=log,
        apart=apart,
        variables={"XTREME_DATA": str(languages)},
    )


@pytest.fixture(scope="module")
def undisturbed(
    start_small: Start, languages: pathlib.Path, tmp_path_factory
) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(start_small, languages, folder / "run", folder / "log", apart=True)
    assert process.wait(_SECONDS) == 0, (folder / "log").read_text()
    return folder / "run"


def weights(artifact: Artifact) -> dict[str, list[np.ndarray]]:
    parts = Model.load(artifact.directory).parts()
    return {name: [np.asarray(w) for w in part] for name, part in parts.items()}


def chain(workdir: pathlib.Path) -> list[Artifact]:
    """The student's encoder and the trainings of D4.2, from the first to the last."""
    evaluation = Artifact(workdir / "latest" / "evaluate-d4_2")
    found = [_read(evaluation, workdir, "model")]
    while found[0]["kind"] != "encoder":
        found.insert(0, _read(found[0], workdir, "initial"))
    return found


def _read(artifact: Artifact, workdir: pathlib.Path, field: str) -> Artifact:
    folder = pathlib.Path(artifact["lineage"][field]["artifact"]).name
    return Artifact(workdir / "stages" / folder)


def test_each_step_changes_the_parts_that_it_names(undisturbed: pathlib.Path) -> None:
    artifacts = chain(undisturbed)
    named = [f"{each['kind']}-{each['name']}" for each in artifacts[1:]]
    assert named == [
        *(f"{_PHASES[0]}-{part}" for part in ("layer_0", "token_embedding")),
        *(
            f"{phase}-{part}"
            for phase in _PHASES[1:]
            for part in ("label", "layer_0", "token_embedding")
        ),
    ]
    before = weights(artifacts[0])
    for artifact in artifacts[1:]:
        after, trainable = weights(artifact), artifact["settings"]["trainable"]
        for part, mine in after.items():
            if part not in before:  # a head that the first encoder has not
                continue
            same = all(map(np.array_equal, mine, before[part]))
            assert same == (part not in trainable), f"{artifact['name']}: {part}"
        before = after


def test_phases_are_judged_on_what_is_held_out(undisturbed: pathlib.Path) -> None:
    for artifact in chain(undisturbed)[1:]:
        settings = artifact["settings"]
        if artifact["kind"] == "distill":
            assert settings["validation"]["stage"] == "label-validation"
        else:
            assert settings["validation"] is None
    row = json.loads((undisturbed / "results.json").read_text())[-1]
    assert {"dev", "test"} <= row["metrics"].keys()


def test_killed_in_every_phase(
    undisturbed: pathlib.Path,
    languages: pathlib.Path,
    start_small: Start,
    tmp_path: pathlib.Path,
    assert_same_runs: Same,
) -> None:
    workdir, log = tmp_path / "run", tmp_path / "log"
    for phase in _PHASES:
        process = start(start_small, languages, workdir, log)
        pattern = f"{phase}-layer_0-*/scratch/checkpoints/ckpt-*.index"
        end = time.monotonic() + _SECONDS
        while not list((workdir / "working").glob(pattern)):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.01)
        process.kill()
        process.wait()
    process = start(start_small, languages, workdir, log)
    assert process.wait(_SECONDS) == 0, log.read_text()
    assert_same_runs(undisturbed, workdir)


def test_a_dry_run_prices_phases_without_labels(
    languages: pathlib.Path, start_small: Start, tmp_path: pathlib.Path
) -> None:
    log = tmp_path / "log"
    process = start_small(
        tmp_path / "run",
        recipe=None,
        files=_FILES,
        bindings=("METHODS = (@d4_1/pd.Evaluate,)",),
        arguments=("--dry_run",),
        log=log,
        variables={"XTREME_DATA": str(languages)},
    )
    assert process.wait(_SECONDS) == 0, log.read_text()
    lines = [line.split() for line in log.read_text().splitlines()]
    steps = {line[0]: line[2] for line in lines if len(line) > 2}
    assert int(steps["distill-representation"]) > 0
    assert int(steps["distill-logits"]) > 0
