"""Labeled and unlabeled texts in one data set, by the runner, on texts of letters."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.costs.probe import Probe
from pd_bert.data.example_spec import Feature
from pd_bert.data.merging import MergeExamples, merged_spec
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.runs.estimates import estimate
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.table import Table
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Stage
from pd_bert.stages.merge import Merge
from pd_bert.stages.outline import Outline
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.tasks.classification import Classification
from pd_bert.text.vocabulary import SPECIAL_TOKENS
from pd_bert.training.runtime import Runtime

RUNTIME = Runtime(processes=1)
LABELED = (("a b", "no"), ("a c", "yes"), ("b", "yes"))
UNLABELED = ("d", "d a", "d b", "d c", "d d", "d d d")


@pytest.fixture
def merge(tmp_path: pathlib.Path) -> Merge:
    """Of three texts with labels in one shard, and six without in three shards."""
    tokens = "\n".join([*SPECIAL_TOKENS, *"abcd"])
    (tmp_path / "vocab.txt").write_text(tokens)
    rows = "\n".join(f"{text}\t{label}" for text, label in LABELED)
    (tmp_path / "task.tsv").write_text(f"sentence\tlabel\n{rows}\n")
    (tmp_path / "unlabeled.txt").write_text("\n".join(UNLABELED))
    vocabulary = ReadVocabulary(file=str(tmp_path / "vocab.txt"))
    table = Table(files=str(tmp_path / "task.tsv"), label="label")
    task = Classification(name="letters", train=table, dev=table)
    return Merge(
        records=(
            PrepareTask(task=task, vocabulary=vocabulary, sequence_length=16),
            PrepareTransfer(
                source=TextLines(files=str(tmp_path / "unlabeled.txt")),
                vocabulary=vocabulary,
                sequence_length=8,
                shard_characters=4,
            ),
        )
    )


def run(folder: pathlib.Path, stage: Stage) -> Artifact:
    stage.check()
    workdir = Workdir(folder / "run", RUNTIME)
    workdir.claim("letters")
    runner = Runner(in_order([stage], RUNTIME), workdir, runtime=RUNTIME)
    runner.run(tf.distribute.get_strategy())
    return Artifact(workdir.finished(stage))


def examples(artifact: Artifact) -> list[list[tuple[str, int, float]]]:
    """(text, label, label weight) of each example, by shard."""
    records = Records(artifact.directory)
    tokens = artifact.vocabulary().tokens
    found = []
    for shard, count in enumerate(records.shard_counts):
        columns = records.columns([shard])
        found.append(
            [
                (
                    " ".join(
                        tokens[i] for i in columns["token_ids"][row].tolist()[1:-1]
                    ),
                    int(columns["label"][row]),
                    float(columns["labeled"][row]),
                )
                for row in range(count)
            ]
        )
    return found


def test_labels_count_only_where_there_are_some(merge, tmp_path) -> None:
    artifact = run(tmp_path, merge)
    found = examples(artifact)
    every = [each for shard in found for each in shard]
    assert sorted(every) == [
        ("a b", 0, 1.0),
        ("a c", 1, 1.0),
        ("b", 1, 1.0),
        *((text, 0, 0.0) for text in UNLABELED),
    ]
    assert Records(artifact.directory).spec["labeled"] == Feature(dtype="float32")
    # Whoever reads a block of shards must meet both kinds.
    assert len(found) >= 3
    kinds = [{weight for _, _, weight in shard} for shard in found]
    assert sum(each == {0.0, 1.0} for each in kinds) >= 2
    assert artifact.labels == ("no", "yes")
    assert artifact["count"] == 9 and artifact["sequence_length"] == 16


def test_a_dry_run_knows_what_will_be_merged(merge, tmp_path) -> None:
    probe = Probe(
        runtime=RUNTIME,
        strategy=tf.distribute.get_strategy(),
        measures=False,
        directory=tmp_path,
    )
    stages = in_order([merge], RUNTIME)
    planned = estimate(stages, Workdir(tmp_path / "new", RUNTIME), probe)[-1]
    artifact = run(tmp_path, merge)
    expected, records = planned.outline.splits[""], Outline.of(artifact).splits[""]
    assert (expected.count, expected.exact) == (records.count, True) == (9, True)
    assert expected.spec == records.spec and expected.shards == records.shards
    assert sorted(expected.lengths) == sorted(records.lengths)
    assert expected.bytes == pytest.approx(records.bytes, rel=0.05)
    assert planned.cost.seconds > 0


def test_what_counts_as_labeled_is_kept(merge, tmp_path) -> None:
    again = Merge(name="again", records=(merge, merge.records[1]))
    every = [each for shard in examples(run(tmp_path, again)) for each in shard]
    assert sorted(w for _, _, w in every) == [0.0] * 12 + [1.0] * 3
    assert all(
        (weight == 1) == ((text, "no") in LABELED or (text, "yes") in LABELED)
        for text, _, weight in every
    )


def test_data_sets_that_do_not_fit_are_refused(merge) -> None:
    inputs = {"records.0": Outline(labels=("no", "yes")), "records.1": Outline()}
    assert merge.outline(inputs).labels == ("no", "yes")
    inputs["records.1"] = Outline(labels=("yes", "no"))
    with pytest.raises(InputError, match=r"merge merged: .* the same labels .*'no'\]"):
        merge.outline(inputs)
    texts = {"records.0": ("text",), "records.1": ("text", "text_b")}
    with pytest.raises(InputError, match="must have the same inputs"):
        merge.outline({field: Outline(inputs=each) for field, each in texts.items()})
    with pytest.raises(InputError, match="a merge needs data sets; received none"):
        dataclasses.replace(merge, records=()).check()


def test_features_of_one_name_must_be_the_same() -> None:
    logits = Feature(dtype="float32", shape=(2,))
    other = dataclasses.replace(logits, shape=(3,))
    specs = {"one": {"teacher_logits": logits}, "two": {"teacher_logits": other}}
    with pytest.raises(InputError, match=r"here: .*teacher_logits is .* in two"):
        merged_spec(specs, "here")
    assert np.dtype(merged_spec({"one": {}}, "here")["labeled"].dtype) == "float32"


def test_a_lacking_feature_is_filled_by_its_fill(merge: Merge, tmp_path) -> None:
    directory = run(tmp_path, merge.records[1]).directory
    tags = Feature(dtype="int64", shape=(None,), fill=-1)
    spec = {**Records(directory).spec, "tags": tags}
    merged = MergeExamples(directories=(directory,), spec=spec, parts=1)
    for example in merged(0):
        assert example["tags"].tolist() == [-1] * len(example["token_ids"])


def test_ids_of_tokens_are_never_filled() -> None:
    ids = Feature(dtype="int64", shape=(None,), fill=None)
    specs = {"one": {"token_ids": ids, "original_ids": ids}, "two": {"token_ids": ids}}
    says = "original_ids is in one and not in two"
    with pytest.raises(InputError, match=says):
        merged_spec(specs, "here")
