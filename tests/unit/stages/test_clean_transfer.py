"""Cleaning and taking parts of data sets, by the runner, on texts of letters."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.costs.probe import Probe
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.runs.estimates import estimate
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.table import Table
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Stage
from pd_bert.stages.clean_transfer import CleanTransfer
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.stages.subset import Subset
from pd_bert.tasks.classification import Classification
from pd_bert.text.vocabulary import SPECIAL_TOKENS
from pd_bert.training.runtime import Runtime

_TRAIN = ("a b c c", "a a b", "c d")
_DEV = ("d d d", "a c")
_TEST = ("b b b",)
_EXTRA = ("d c b a",)
_BLIND = ("c c c c",)
# By position: 1 and 9 repeat 0; 3 and 4 are of dev, 5 of test and 6 repeats it, 7 is of
# an extra split, 8 of one without labels; 2 may stay, it is a text to train on.
_TRANSFER = (
    *("a b", "A b", "c d", "d d d", "a c", "b b b", "b b b", "d c b a", "c c c c"),
    *("a  b", "a x", "b c d", "d"),
)
_KEPT = ["a b", "c d", "a [UNK]", "b c d", "d"]
RUNTIME = Runtime(processes=1)


@pytest.fixture
def cleaned(tmp_path: pathlib.Path) -> CleanTransfer:
    tokens = "\n".join([*SPECIAL_TOKENS, *"abcdefgh"])
    (tmp_path / "vocab.txt").write_text(tokens)
    for split, texts in (
        ("train", _TRAIN),
        ("dev", _DEV),
        ("test", _TEST),
        ("extra", _EXTRA),
        ("blind", _BLIND),
    ):
        lines = [
            "sentence\tlabel",
            *(f"{text}\t{i % 2}" for i, text in enumerate(texts)),
        ]
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines))
    (tmp_path / "transfer.txt").write_text("\n".join(_TRANSFER))

    def table(split: str) -> Table:
        return Table(files=str(tmp_path / f"{split}.tsv"), label="label")

    vocabulary = ReadVocabulary(file=str(tmp_path / "vocab.txt"))
    task = Classification(
        name="letters",
        train=table("train"),
        dev=table("dev"),
        test=table("test"),
        extra=(("hard", table("extra")),),
        unlabeled=(("blind", dataclasses.replace(table("blind"), label=None)),),
    )
    return CleanTransfer(
        transfer=PrepareTransfer(
            source=TextLines(files=str(tmp_path / "transfer.txt")),
            vocabulary=vocabulary,
            sequence_length=16,
            shard_characters=12,
        ),
        task_data=PrepareTask(task=task, vocabulary=vocabulary, sequence_length=16),
    )


def run(folder: pathlib.Path, *stages: Stage) -> list[Artifact]:
    for stage in stages:
        stage.check()
    workdir = Workdir(folder / "run", RUNTIME)
    workdir.claim("letters")
    runner = Runner(in_order(stages, RUNTIME), workdir, runtime=RUNTIME)
    runner.run(tf.distribute.get_strategy())
    return [Artifact(workdir.finished(stage)) for stage in stages]


def texts(artifact: Artifact) -> list[str]:
    records = Records(artifact.directory)
    tokens = artifact.vocabulary().tokens
    columns = records.columns(range(len(records.shard_counts)))["token_ids"]
    rows = (columns[row].tolist()[1:-1] for row in range(records.count))
    return [" ".join(tokens[i] for i in row) for row in rows]


def test_duplicates_and_leaks_go(cleaned, tmp_path, capsys) -> None:
    (artifact,) = run(tmp_path, cleaned)
    assert texts(artifact) == _KEPT
    report = artifact["transfer"]
    assert report["size_before"] == 13 and report["size"] == 5
    assert report["duplicates"] == 3
    assert report["leaks"] == {"dev": 2, "test": 1, "hard": 1, "blind": 1}
    assert report["leaked"] == 5 and report["not_drawn"] == 0
    assert report["in_train"] == 1  # "c d"
    assert report["unknown_rate"] == {"transfer": 1 / 10, "labeled": 0.0}
    assert report["tokens_in_common"] == 4
    # a, b, c, d: 2 2 2 3 against 3 2 3 1.
    assert report["similarity"] == pytest.approx(-0.8164965809)
    assert artifact["facts"] == {
        "transfer_size": 5,
        "similarity": report["similarity"],
    }
    assert artifact["count"] == 5 and artifact["bytes"] > 0
    assert artifact["inputs"] == ["text"] and artifact["sequence_length"] == 16
    printed = capsys.readouterr().out
    assert (
        "clean transfer: 5 of 13 texts; 3 duplicates, 5 leaks (dev 2, test 1, hard 1, "
        "blind 1) removed; similarity to train -0.82; unknown 10.0 %"
    ) in printed


def test_sizes_are_nested(cleaned, tmp_path) -> None:
    of_size = [dataclasses.replace(cleaned, size=size) for size in (2, 4, 5)]
    small, larger, all_ = run(tmp_path, *of_size)
    assert (len(texts(small)), len(texts(larger))) == (2, 4)
    assert set(texts(small)) < set(texts(larger)) < set(_KEPT)
    assert texts(all_) == _KEPT
    assert small["transfer"]["not_drawn"] == 3
    assert small["facts"]["transfer_size"] == small["count"] == 2


def test_a_size_that_is_not_there_is_refused(cleaned, tmp_path) -> None:
    """A comparison at one size must not be of several."""
    with pytest.raises(InputError, match=r"size is 6, and 5 texts are left of 13"):
        run(tmp_path, dataclasses.replace(cleaned, size=6))


def test_what_was_chosen_is_not_chosen_anew(cleaned, tmp_path) -> None:
    run(tmp_path, cleaned.transfer, cleaned.task_data)
    folder = Workdir(tmp_path / "run", RUNTIME).working(cleaned) / "scratch"
    folder.mkdir(parents=True)
    counts = {"duplicates": 0, "leaks": {}, "leaked": 0, "not_drawn": 0, "in_train": 0}
    keep = np.isin(np.arange(13), [0, 2])
    np.savez(folder / "chosen.npz", keep=keep, counts=np.asarray(json.dumps(counts)))
    (artifact,) = run(tmp_path, cleaned)
    assert texts(artifact) == _KEPT[:2]


def test_a_subset_carries_on_what_the_whole_says(cleaned, tmp_path) -> None:
    sizes = (1, 3, 5)
    subsets = [Subset(records=cleaned, size=size, seed=7) for size in sizes]
    whole, *parts = run(tmp_path, cleaned, *subsets)
    found = [texts(part) for part in parts]
    assert [len(each) for each in found] == list(sizes)
    assert set(found[0]) < set(found[1]) < set(found[2])
    assert found[2] == _KEPT
    for part, size in zip(parts, sizes, strict=True):
        assert part["facts"] == {"transfer_size": size}
        for key in ("vocabulary", "inputs", "sequence_length", "vocabulary_size"):
            assert part[key] == whole[key]


def test_a_subset_larger_than_the_whole_is_refused(cleaned, tmp_path) -> None:
    subset = Subset(records=cleaned, size=6)
    with pytest.raises(InputError, match=r"size is 6, clean-transfer holds 5 examples"):
        run(tmp_path, subset)


def test_a_killed_run_goes_on_with_what_is_there(cleaned, tmp_path) -> None:
    """Shards that were written stay, and so does the choice; the result is the same."""
    (whole,) = run(tmp_path, cleaned)
    killed = tmp_path / "killed"
    run(killed, cleaned.transfer, cleaned.task_data)
    workdir = Workdir(killed / "run", RUNTIME)
    context_folder = workdir.working(cleaned)
    (context_folder / "scratch").mkdir(parents=True)
    np.savez(
        context_folder / "scratch" / "chosen.npz",
        keep=np.isin(np.arange(13), [0, 2, 10, 11, 12]),
        counts=np.asarray(
            json.dumps(
                {
                    "duplicates": 3,
                    "leaks": whole["transfer"]["leaks"],
                    "leaked": 5,
                    "not_drawn": 0,
                    "in_train": 1,
                }
            )
        ),
    )
    for name in ("shard-00000.json", "shard-00000.npy", "shard-00000.tfrecord"):
        (context_folder / name).write_bytes((whole.directory / name).read_bytes())
    (again,) = run(killed, cleaned)
    assert again["transfer"] == whole["transfer"]
    names = sorted(path.name for path in whole.directory.glob("shard-*"))
    assert names == sorted(path.name for path in again.directory.glob("shard-*"))
    for name in names:
        assert (whole.directory / name).read_bytes() == (
            again.directory / name
        ).read_bytes()


@pytest.mark.parametrize("size", [0, -3])
def test_sizes_below_1_are_refused(cleaned, size) -> None:
    for stage in (
        dataclasses.replace(cleaned, size=size),
        Subset(records=cleaned, size=size),
    ):
        with pytest.raises(InputError, match=f"at least 1, received {size}"):
            stage.check()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("d d d", "a c"), r"0 of 2 texts; .*2 leaks \(dev 2\)"),
        (("e f", "g x h"), r"share word pieces; of 4 in the .* 4 in the labeled"),
    ],
)
def test_a_useless_transfer_set_is_refused(cleaned, tmp_path, lines, message) -> None:
    (tmp_path / "transfer.txt").write_text("\n".join(lines))
    with pytest.raises(InputError, match=message):
        run(tmp_path, cleaned)


def test_texts_that_are_cut_otherwise_are_refused(cleaned, tmp_path) -> None:
    other = dataclasses.replace(cleaned.transfer, sequence_length=8)
    stage = dataclasses.replace(cleaned, transfer=other)
    with pytest.raises(InputError, match=r"same sequence_length; .* 8, .* has 16"):
        run(tmp_path, stage)


def test_a_dry_run_goes_through(cleaned, tmp_path) -> None:
    sized = dataclasses.replace(cleaned, size=3)
    stages = in_order([Subset(records=sized, size=2), cleaned], RUNTIME)
    probe = Probe(
        runtime=RUNTIME,
        strategy=tf.distribute.get_strategy(),
        measures=True,
        directory=tmp_path,
    )
    found = estimate(stages, Workdir(tmp_path / "run", RUNTIME), probe)
    by_kind = {each.stage.kind: each for each in found}
    assert by_kind["subset"].outline.splits[""].count == 2
    assert by_kind["subset"].outline.inputs == ("text",)
    counts = [e.outline.splits[""].count for e in found if e.stage.kind == "clean"]
    assert sorted(counts) == [3, 5]
    for each in found:
        assert each.cost.seconds is not None and each.cost.seconds > 0
        assert each.cost.memory_bytes is not None
        assert each.cost.exact  # small sources are read to their end
    assert not (tmp_path / "run").exists()
    (artifact,) = run(tmp_path, cleaned)
    expected = next(e for e in found if e.stage == cleaned).outline.splits[""]
    assert expected.lengths.tolist() == Records(artifact.directory).lengths.tolist()
    assert _expected(cleaned, tmp_path, probe).count == 5


def test_a_dry_run_with_large_sources_tells_the_most(cleaned, tmp_path) -> None:
    """Not all is read then, so it is not known which texts are repeated."""
    lines = [f"{'a b ' * (number % 6)}{number}" for number in range(20_000)]
    (tmp_path / "transfer.txt").write_text("\n".join([*_TRANSFER, *lines]))
    probe = Probe(
        runtime=RUNTIME,
        strategy=tf.distribute.get_strategy(),
        measures=False,
        directory=tmp_path,
    )
    transfer = dataclasses.replace(cleaned.transfer, shard_characters=100_000)
    large = dataclasses.replace(cleaned, transfer=transfer)
    of_size = dataclasses.replace(large, size=100)
    for stage, count in ((large, 20_000), (of_size, 100)):
        found = _expected(stage, tmp_path, probe)
        assert not found.exact
        assert found.count == pytest.approx(count, rel=0.01)


def _expected(stage: Stage, folder: pathlib.Path, probe: Probe) -> ExpectedRecords:
    stages = in_order([stage], RUNTIME)
    found = estimate(stages, Workdir(folder / "run", RUNTIME), probe)
    return found[-1].outline.splits[""]
