"""The contestants of tools/benchmark.py, each in a process of its own.

A worker builds and traces what it is to run, says `ready`, and then answers every line
on its standard input with examples a second. So contestants can take turns, although
some options hold for a whole process.
"""

import dataclasses
import functools
import json
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import keras
import keras_nlp
import numpy as np
import tensorflow as tf

from pd_bert.artifact import Artifact, vocabulary_info
from pd_bert.data.pipeline import DEFAULT_BUCKETS, Batches, NumpyBatch
from pd_bert.data.records import Records
from pd_bert.data.shards import write_shards
from pd_bert.data.to_dataset import to_dataset
from pd_bert.models.bert import Bert
from pd_bert.models.heads import PooledHead
from pd_bert.models.model import Model
from pd_bert.models.outputs import EVERY_HEAD
from pd_bert.objectives.masked_lm import MaskedLM
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.label import Label
from pd_bert.stages.prepare_corpus import PrepareCorpus
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.tasks.masked_lm import MaskedLanguageModel
from pd_bert.training.feed import distribute
from pd_bert.training.learner import Learner, Student
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime
from pd_bert.training.step import TrainStep
from pd_bert.training.teacher import Live, Stored, Teacher

Measure = Callable[[], float]
"""Runs for a while; returns examples a second."""

SIZES = {"tiny": (2, 128), "mini": (4, 256), "small": (4, 512)}
_BATCH, _LENGTH, _MASKED, _VOCABULARY = 32, 128, 20, 30522
_LABELS = ("negative", "positive")
_FOUR = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomTeacher(Stage):
    """A classifier of random weights: its speed is that of a trained one."""

    name: str = "random"
    vocabulary: Stage
    architecture: Bert

    kind: ClassVar[str] = "teacher"

    def run(self, context: Context) -> Info:
        vocabulary = context.artifact(self.vocabulary).vocabulary()
        heads = {"label": PooledHead(num_outputs=len(_LABELS))}
        Model(self.architecture, heads, len(vocabulary)).save(context.directory)
        vocabulary.write(context.directory / "vocab.txt")
        return {**vocabulary_info(vocabulary), "labels": list(_LABELS)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """The data that contestants read: a corpus, a transfer set, a teacher's labels.

    All are made by the real stages from `vocab.txt`, `corpus.txt` and `transfer.txt`
    of `folder`.
    """

    folder: pathlib.Path

    @property
    def runtime(self) -> Runtime:
        return Runtime(processes=2)

    @property
    def vocabulary(self) -> ReadVocabulary:
        return ReadVocabulary(file=str(self.folder / "vocab.txt"))

    @property
    def corpus(self) -> PrepareCorpus:
        return PrepareCorpus(
            source=TextLines(files=str(self.folder / "corpus.txt")),
            vocabulary=self.vocabulary,
            sequence_length=_LENGTH,
        )

    @property
    def transfer(self) -> PrepareTransfer:
        return PrepareTransfer(
            source=TextLines(files=str(self.folder / "transfer.txt")),
            vocabulary=self.vocabulary,
            sequence_length=_LENGTH,
        )

    @property
    def teacher(self) -> RandomTeacher:
        return RandomTeacher(
            vocabulary=self.vocabulary,
            architecture=Bert(name="l6_h384", num_layers=6, hidden_dim=384),
        )

    @property
    def label(self) -> Label:
        return Label(teacher=self.teacher, transfer=self.transfer)

    @property
    def workdir(self) -> Workdir:
        return Workdir(self.folder / "run", self.runtime)

    def make(self) -> None:
        self.workdir.claim("benchmark")
        stages = in_order([self.corpus, self.label], self.runtime)
        runner = Runner(stages, self.workdir, runtime=self.runtime, operative="")
        runner.run(tf.distribute.get_strategy())

    def artifact(self, stage: Stage) -> Artifact:
        return Artifact(self.workdir.finished(stage))

    def context(self, stage: Stage) -> Context:
        """Returns the context of a second run of the stage, in another folder."""
        return Context(
            directory=self.folder / "again",
            scratch=self.folder / "scratch",
            summaries=self.folder / "summaries",
            runtime=self.runtime,
            strategy=tf.distribute.get_strategy(),
            artifacts={
                read.fingerprint(self.runtime): self.artifact(read)
                for read in stage.inputs().values()
            },
            chief=True,
            where="benchmark",
        )


def data(folder: pathlib.Path) -> Measure:
    """Not a contestant: makes what the others read."""
    Prepared(folder=folder).make()
    return lambda: 0.0


def step(folder: pathlib.Path, *, size: str, jit: bool = False) -> Measure:
    """TrainStep, masked LM alone, from tensors in memory."""
    layers, hidden = SIZES[size]
    task = MaskedLanguageModel(next_sentence=False)
    model = Model(
        Bert(name=size, num_layers=layers, hidden_dim=hidden),
        task.heads(()),
        _VOCABULARY,
    )
    train = _train_step([model], [MaskedLM()], jit=jit)
    iterator = iter(tf.data.Dataset.from_tensors(_masked_batch()).repeat())
    return _timed_steps(functools.partial(train, iterator), _step_count(size), _BATCH)


def fit(folder: pathlib.Path, *, size: str) -> Measure:
    """`BertMaskedLM.fit`, compiled as that class compiles itself."""
    layers, hidden = SIZES[size]
    backbone = keras_nlp.models.BertBackbone(
        vocabulary_size=_VOCABULARY,
        num_layers=layers,
        num_heads=hidden // 64,
        hidden_dim=hidden,
        intermediate_dim=4 * hidden,
    )
    model = keras_nlp.models.BertMaskedLM(backbone, preprocessor=None)
    batch = _masked_batch()
    inputs = {k: batch[k] for k in ("token_ids", "segment_ids", "padding_mask")}
    inputs["mask_positions"] = batch["masked_positions"]
    example = (inputs, batch["masked_ids"], batch["masked_weights"])
    dataset = tf.data.Dataset.from_tensors(example).repeat()

    def run(*, start: int, count: int, stop: bool) -> None:
        model.fit(dataset, steps_per_epoch=count, verbose=0)

    return _timed_steps(run, _step_count(size), _BATCH)


def feed(folder: pathlib.Path) -> Measure:
    """The input pipeline of masked-LM training from TFRecords, with no model behind."""
    prepared = Prepared(folder=folder)
    artifact = prepared.artifact(prepared.corpus)
    records, vocabulary = Records(artifact.directory), artifact.vocabulary()
    task = MaskedLanguageModel()

    def mask(batch: NumpyBatch, epoch: int) -> NumpyBatch:
        return task.transform(batch, vocabulary=vocabulary, seed=0, epoch=epoch)

    batches = Batches(records, batch_size=_BATCH, buckets=(_LENGTH,), transform=mask)
    iterator = iter(to_dataset(batches, start=0))

    def run(*, start: int, count: int, stop: bool) -> None:
        for _ in range(count):
            next(iterator)

    return _timed_steps(run, 500, _BATCH)


def distill_stored(folder: pathlib.Path) -> Measure:
    """A Tiny student from stored logits, in length buckets: whole epochs."""
    prepared = Prepared(folder=folder)
    artifact = prepared.artifact(prepared.label)
    records = Records(artifact.directory)
    batches = Batches(records, batch_size=_BATCH, pad_id=artifact.vocabulary().pad_id)
    count = batches.steps(0)
    # Fillers at the end of a bucket are no examples.
    return _distill(artifact, batches, Stored(), count, records.count / count)


def distill_live(folder: pathlib.Path) -> Measure:
    """The same student with the teacher in its step, all padded to one length."""
    prepared = Prepared(folder=folder)
    artifact = prepared.artifact(prepared.label)
    batches = Batches(
        Records(artifact.directory),
        batch_size=_BATCH,
        buckets=(_LENGTH,),
        pad_id=artifact.vocabulary().pad_id,
    )
    return _distill(artifact, batches, _live(prepared), 6, _BATCH)


def _distill(
    artifact: Artifact, batches: Batches, teacher: Teacher, count: int, examples: float
) -> Measure:
    train = _train_step([_tiny(artifact)], teacher=teacher)
    strategy = tf.distribute.get_strategy()
    feed = distribute(batches, strategy, start=0)
    return _timed_steps(functools.partial(train, iter(feed)), count, examples)


def students_together(folder: pathlib.Path, **options: Any) -> Measure:
    """Four Tiny students over one input pipeline in one step."""
    return _students(folder, [_FOUR], **options)


def students_apart(folder: pathlib.Path, **options: Any) -> Measure:
    """The same four, one after another, each over its own input pipeline."""
    return _students(folder, [1] * _FOUR, **options)


def _students(
    folder: pathlib.Path, groups: Sequence[int], *, batch_size: int, live: bool = False
) -> Measure:
    """Whole epochs of each group in turn; examples count once a student.

    They learn from stored logits or, `live`, from a teacher that runs in the step.
    """
    prepared = Prepared(folder=folder)
    artifact = prepared.artifact(prepared.label)
    records = Records(artifact.directory)
    teacher = _live(prepared) if live else Stored()
    runs = []
    for count in groups:
        batches = Batches(
            records,
            batch_size=batch_size,
            pad_id=artifact.vocabulary().pad_id,
        )
        step = _train_step([_tiny(artifact) for _ in range(count)], teacher=teacher)
        strategy = tf.distribute.get_strategy()
        feed = distribute(batches, strategy, start=0)
        examples = records.count / batches.steps(0)
        steps = 8 if live else batches.steps(0)
        runs.append(
            _timed_steps(functools.partial(step, iter(feed)), steps, examples * count)
        )

    def run() -> float:
        return len(runs) / sum(1 / each() for each in runs)

    return run


def _live(prepared: Prepared) -> Teacher:
    return Live(Model.load(prepared.artifact(prepared.teacher).directory), EVERY_HEAD)


def _tiny(artifact: Artifact) -> Model:
    layers, hidden = SIZES["tiny"]
    return Model(
        Bert(name="tiny", num_layers=layers, hidden_dim=hidden),
        {"label": PooledHead(num_outputs=len(_LABELS))},
        artifact["vocabulary_size"],
    )


def label(folder: pathlib.Path) -> Measure:
    """The label stage's shards, read, run through the teacher and written."""
    prepared = Prepared(folder=folder)
    stage, context = prepared.label, prepared.context(prepared.label)
    records, spec = stage._records(context)
    encode = stage._encoder(context, records)

    def run() -> float:
        shutil.rmtree(context.directory, ignore_errors=True)
        context.directory.mkdir()
        begin = time.monotonic()
        write_shards(
            lambda: range(len(records.shard_counts)),
            encode,
            spec=spec,
            directory=context.directory,
        )
        return records.count / (time.monotonic() - begin)

    run()  # traces
    return run


def forward(folder: pathlib.Path) -> Measure:
    """The teacher's bare forward pass over the label stage's batches, in memory."""
    prepared = Prepared(folder=folder)
    transfer = prepared.artifact(prepared.transfer)
    records = Records(transfer.directory)
    batches = Batches(
        records,
        batch_size=prepared.label.batch_size,
        buckets=DEFAULT_BUCKETS,
        shuffle=False,
        pad_id=transfer.vocabulary().pad_id,
    )
    model = Model.load(prepared.artifact(prepared.teacher).directory)
    tensors = [
        {name: tf.constant(value) for name, value in batch.items()}
        for batch in batches.epoch()
    ]

    @tf.function(reduce_retracing=True)
    def logits(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return model(batch, training=False).logits["label"]

    def run() -> float:
        begin = time.monotonic()
        for batch in tensors:
            logits(batch).numpy()
        return records.count / (time.monotonic() - begin)

    run()  # traces
    return run


def _train_step(
    models: Sequence[Model],
    objectives: Sequence[Any] = (SoftLabels(),),
    *,
    jit: bool = False,
    teacher: Teacher | None = None,
) -> Callable[..., Any]:
    optimizer = AdamW(learning_rate=1e-4)
    learners = [
        Learner(
            Student(model, objectives),
            optimizer.build(model.weights, 100_000),
            seed=seed,
        )
        for seed, model in enumerate(models)
    ]
    strategy = tf.distribute.get_strategy()
    teachers = {} if teacher is None else {"teacher": teacher}
    step = TrainStep(learners, strategy=strategy, teachers=teachers, jit=jit)

    def run(iterator: Iterator[Any], *, start: int, count: int, stop: bool) -> None:
        losses, _ = step(iterator, start=start, count=count, stop=stop)
        assert np.isfinite(losses).all()

    return run


def _timed_steps(run: Callable[..., None], count: int, examples: float) -> Measure:
    """`count` steps a measure, of `examples` each; some run before to trace."""
    run(start=0, count=min(count, 10), stop=False)

    def steps() -> float:
        begin = time.monotonic()
        run(start=0, count=count, stop=False)
        return count * examples / (time.monotonic() - begin)

    return steps


def _step_count(size: str) -> int:
    return {"tiny": 60, "mini": 30, "small": 12}[size]


def _masked_batch() -> NumpyBatch:
    generator = np.random.default_rng(0)
    shape, masked = (_BATCH, _LENGTH), (_BATCH, _MASKED)
    ids = functools.partial(generator.integers, 5, _VOCABULARY, dtype=np.int32)
    positions = [
        np.sort(generator.permutation(np.arange(1, _LENGTH))[:_MASKED])
        for _ in range(_BATCH)
    ]
    return {
        "token_ids": ids(shape),
        "segment_ids": np.zeros(shape, np.int32),
        "padding_mask": np.ones(shape, np.int32),
        "masked_positions": np.stack(positions).astype(np.int32),
        "masked_ids": ids(masked),
        "masked_weights": np.ones(masked, np.float32),
        "example_weight": np.ones(_BATCH, np.float32),
    }


_CONTESTANTS: dict[str, Callable[..., Measure]] = {
    function.__name__: function
    for function in (
        data,
        step,
        fit,
        feed,
        distill_stored,
        distill_live,
        students_together,
        students_apart,
        label,
        forward,
    )
}


def main() -> None:
    """Arguments: a contestant, the folder of its data, its options as JSON."""
    # What libraries print must not get into the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, folder, options = (
        sys.argv[1],
        pathlib.Path(sys.argv[2]),
        json.loads(sys.argv[3]),
    )
    if options.pop("bfloat16", False):
        Runtime(onednn_bfloat16=True).start()
    keras.utils.set_random_seed(0)
    measure = _CONTESTANTS[name](folder, **options)
    print("ready", file=answers)
    for _ in sys.stdin:
        print(measure(), file=answers)


if __name__ == "__main__":
    main()
