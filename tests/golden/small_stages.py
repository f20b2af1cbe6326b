"""The stages whose numbers are recorded: every kind of training, on small texts."""

import dataclasses
import pathlib

from pd_bert.export.saved_model import SavedModel
from pd_bert.models.bert import Bert
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.masked_lm import MaskedLM
from pd_bert.objectives.next_sentence import NextSentence
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.sources.table import Table
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Stage
from pd_bert.stages.distill import Distill
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.label import Label
from pd_bert.stages.live_teacher import LiveTeacher
from pd_bert.stages.prepare_corpus import PrepareCorpus
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.pretrain import Pretrain
from pd_bert.stages.train_vocabulary import TrainVocabulary
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.regression import Regression
from pd_bert.training.optimizer import AdamW

_LENGTH = 32
_BUCKETS = (8, 16, 24, 32)
# The large epsilon keeps the updates proportional to small gradients: Adam alone would
# hide a constant factor before all gradients, and magnify rounding errors.
_OPTIMIZER = AdamW(learning_rate=0.02, epsilon=1e-4)
_SIZE = Bert(
    name="two_layers",
    num_layers=2,
    hidden_dim=16,
    num_heads=2,
    dropout=0.1,
    max_sequence_length=_LENGTH,
)
_WIDE = dataclasses.replace(_SIZE, name="wide", num_layers=1, hidden_dim=24)
_NARROW = dataclasses.replace(_SIZE, name="narrow", num_layers=1, hidden_dim=8)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmallStages:
    """Stages by the names under which their numbers are recorded."""

    vocabulary: Stage
    prepared: dict[str, Stage]
    labeled: dict[str, Stage]
    trained: dict[str, Stage]
    exported: Stage

    def all(self) -> list[Stage]:
        """Returns every stage, inputs before the stages that read them."""
        groups = (self.prepared, self.labeled, self.trained)
        several = [stage for group in groups for stage in group.values()]
        return [self.vocabulary, *several, self.exported]


def small_stages(folder: pathlib.Path) -> SmallStages:
    """Returns the stages over the text files in `folder`."""
    corpus = TextLines(files=str(folder / "corpus.txt"))
    vocabulary = TrainVocabulary(source=corpus, size=96)
    prepared = _prepared(folder, corpus, vocabulary)
    pretrained = _pretrained(prepared)
    teachers = _teachers(prepared)
    labeled = _labeled(prepared, teachers)
    students = _students(prepared, labeled, teachers)
    together = _together(prepared, labeled, pretrained["masked_lm"])
    return SmallStages(
        vocabulary=vocabulary,
        prepared=prepared,
        labeled=labeled,
        trained={**pretrained, **teachers, **students, **together},
        exported=SavedModel(name="exported", model=students["soft_labels"]),
    )


def _prepared(
    folder: pathlib.Path, corpus: TextLines, vocabulary: Stage
) -> dict[str, Stage]:
    """Returns the data sets, of several shards each."""
    train, dev = (
        Table(files=str(folder / f"{split}.tsv"), label="label")
        for split in ("train", "dev")
    )
    pairs_train, pairs_dev = (
        Table(
            files=str(folder / f"pairs_{split}.csv"),
            text="first",
            text_b="second",
            label="score",
        )
        for split in ("train", "dev")
    )
    common = {
        "vocabulary": vocabulary,
        "sequence_length": _LENGTH,
        "shard_characters": 1500,
    }
    held_out = TextLines(files=str(folder / "held_out.txt"))
    transfer = TextLines(files=str(folder / "transfer.txt"))
    mood = Classification(name="mood", train=train, dev=dev)
    likeness = Regression(name="likeness", train=pairs_train, dev=pairs_dev)
    return {
        "corpus": PrepareCorpus(
            name="corpus", source=corpus, short_probability=0.5, **common
        ),
        "held_out": PrepareCorpus(name="held_out", source=held_out, **common),
        "mood": PrepareTask(name="mood", task=mood, **common),
        "likeness": PrepareTask(name="likeness", task=likeness, **common),
        "transfer": PrepareTransfer(name="transfer", source=transfer, **common),
        "transfer_pairs": PrepareTransfer(
            name="transfer_pairs", source=pairs_train, **common
        ),
    }


def _pretrained(prepared: dict[str, Stage]) -> dict[str, Stage]:
    masked_lm = Pretrain(
        name="masked_lm",
        architecture=_SIZE,
        objectives=(MaskedLM(), NextSentence(weight=0.5)),
        optimizer=_OPTIMIZER,
        batch_size=16,
        steps=12,
        evaluate_every=6,
        buckets=(_LENGTH,),
        corpus=prepared["corpus"],
        held_out=prepared["held_out"],
    )
    accumulated = dataclasses.replace(
        masked_lm,
        name="masked_lm_accumulated",
        accumulation=2,
        steps=10,
        evaluate_every=None,
        buckets=_BUCKETS,
        held_out=None,
        seed=1,
    )
    return {stage.name: stage for stage in (masked_lm, accumulated)}


def _teachers(prepared: dict[str, Stage]) -> dict[str, Stage]:
    labels = Finetune(
        name="labels",
        architecture=_SIZE,
        objectives=(Labels(),),
        # So many steps that the answer depends on the text.
        optimizer=AdamW(learning_rate=0.02),
        batch_size=8,
        steps=36,
        buckets=_BUCKETS,
        task_data=prepared["mood"],
    )
    scores = dataclasses.replace(
        labels,
        name="scores",
        architecture=None,
        initial=labels,
        optimizer=_OPTIMIZER,
        steps=12,
        task_data=prepared["likeness"],
        seed=2,
    )
    return {stage.name: stage for stage in (labels, scores)}


def _labeled(
    prepared: dict[str, Stage], teachers: dict[str, Stage]
) -> dict[str, Stage]:
    teacher, scorer = teachers["labels"], teachers["scores"]
    labels = (
        Label(name="transfer", teacher=teacher, transfer=prepared["transfer"]),
        Label(name="task", teacher=teacher, transfer=prepared["mood"], split="train"),
        Label(name="pairs", teacher=scorer, transfer=prepared["transfer_pairs"]),
    )
    return {
        stage.name: dataclasses.replace(stage, batch_size=16, buckets=_BUCKETS)
        for stage in labels
    }


def _students(
    prepared: dict[str, Stage],
    labeled: dict[str, Stage],
    teachers: dict[str, Stage],
) -> dict[str, Stage]:
    soft = Distill(
        name="soft_labels",
        initial=teachers["labels"],
        objectives=(SoftLabels(temperature=2.0),),
        optimizer=_OPTIMIZER,
        batch_size=8,
        steps=12,
        buckets=_BUCKETS,
        transfer=labeled["transfer"],
        task_data=prepared["mood"],
        seed=3,
    )
    live = dataclasses.replace(
        soft,
        name="live_soft_labels",
        architecture=_SIZE,
        initial=None,
        transfer=prepared["transfer"],
        teachers=(LiveTeacher(model=teachers["labels"]),),
        seed=4,
    )
    scores = dataclasses.replace(
        soft,
        name="soft_scores",
        objectives=(SoftLabels(),),
        transfer=labeled["pairs"],
        task_data=prepared["likeness"],
        seed=5,
    )
    return {stage.name: stage for stage in (soft, live, scores)}


def _together(
    prepared: dict[str, Stage], labeled: dict[str, Stage], encoder: Stage
) -> dict[str, Stage]:
    """Returns three students that differ in all that may differ in one step."""
    first = Distill(
        name="together_initialized",
        initial=encoder,
        objectives=(SoftLabels(temperature=2.0), Labels(weight=0.5)),
        optimizer=_OPTIMIZER,
        batch_size=8,
        steps=12,
        buckets=_BUCKETS,
        transfer=labeled["task"],
        task_data=prepared["mood"],
        seed=6,
        order_seed=9,
    )
    wide = dataclasses.replace(
        first,
        name="together_wide",
        architecture=_WIDE,
        initial=None,
        objectives=(SoftLabels(),),
        accumulation=2,
        seed=7,
    )
    narrow = dataclasses.replace(
        wide,
        name="together_narrow",
        architecture=_NARROW,
        objectives=(Labels(),),
        optimizer=dataclasses.replace(_OPTIMIZER, learning_rate=0.05),
        accumulation=1,
        seed=8,
    )
    return {stage.name: stage for stage in (first, wide, narrow)}
