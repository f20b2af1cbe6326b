"""Outlines of stages before they run, and the lineage of finished ones."""

import json
import pathlib

import pytest

from pd_bert.artifact import Artifact, ancestors, made_of
from pd_bert.errors import InputError
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.merge import Merge
from pd_bert.stages.outline import NotKnownError, Outline
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.stages.subset import Subset
from pd_bert.text.vocabulary import SPECIAL_TOKENS


@pytest.fixture
def subset(tmp_path: pathlib.Path) -> Subset:
    (tmp_path / "vocab.txt").write_text("\n".join([*SPECIAL_TOKENS, "a"]))
    vocabulary = ReadVocabulary(file=str(tmp_path / "vocab.txt"))
    source = TextLines(files=str(tmp_path / "none.txt"))
    return Subset(records=PrepareTransfer(source=source, vocabulary=vocabulary), size=2)


def test_an_outline_is_made_without_reading_data(subset) -> None:
    transfer = subset.records
    vocabulary = transfer.vocabulary.outline({})
    assert vocabulary.vocabulary_size == 6
    outline = transfer.outline({"vocabulary": vocabulary})
    assert outline.vocabulary == vocabulary.vocabulary
    assert outline.sequence_length == 128 and outline.splits is None
    of_subset = subset.outline({"records": outline})
    assert of_subset.vocabulary == vocabulary.vocabulary and of_subset.splits is None
    with pytest.raises(NotKnownError):
        of_subset.require_records()


def test_all_that_a_stage_reads_has_one_vocabulary(subset) -> None:
    merge = Merge(records=(subset.records, subset))
    known, unknown = Outline(vocabulary="a" * 64), Outline(vocabulary_size=7)
    outline = merge.outline({"records.0": known, "records.1": unknown})
    assert (outline.vocabulary, outline.vocabulary_size) == ("a" * 64, 7)
    words = r"merge merged: .* one vocabulary; records.0 \(prepare-transfer\) has a"
    with pytest.raises(InputError, match=words):
        other = Outline(vocabulary="b" * 64)
        merge.outline({"records.0": known, "records.1": other})


def test_the_lineage_is_walked_nearest_first(tmp_path) -> None:
    """A reused artifact is a link; what it was made of lies where it does."""
    stages, elsewhere = tmp_path / "stages", tmp_path / "other" / "stages"
    write(elsewhere / "vocabulary-v", {})
    write(elsewhere / "prepare-p", {"vocabulary": "vocabulary-v"})
    stages.mkdir()
    (stages / "prepare-p").symlink_to(elsewhere / "prepare-p")
    write(stages / "finetune-f", {"initial": "load-l", "task_data": "prepare-p"})
    write(stages / "load-l", {})
    write(stages / "evaluate-e", {"model": "finetune-f", "task_data": "prepare-p"})
    found = ancestors(stages / "evaluate-e")
    names = [folder.name for folder in found]
    assert names == ["finetune-f", "prepare-p", "load-l", "vocabulary-v"]
    assert all(isinstance(each, Artifact) for each in found.values())
    assert found[elsewhere / "prepare-p"].directory == elsewhere / "prepare-p"
    assert made_of(stages / "prepare-p") == {"vocabulary": elsewhere / "vocabulary-v"}
    (elsewhere / "vocabulary-v" / "artifact.json").unlink()
    assert len(ancestors(stages / "evaluate-e")) == 3
    assert made_of(tmp_path / "gone") == {}


def write(folder: pathlib.Path, read: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    lineage = {field: {"artifact": name} for field, name in read.items()}
    (folder / "artifact.json").write_text(json.dumps({"lineage": lineage}))
