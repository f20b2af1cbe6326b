"""Training one student, or several over one input pipeline."""

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from pd_bert.artifact import save_model, vocabulary_info
from pd_bert.data.example_spec import require
from pd_bert.data.pipeline import Batches, NumpyBatch
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.model import Model, saved_architecture
from pd_bert.stages.base import Context, Info, Outcome
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.training.actions import ProgressBar, Summaries
from pd_bert.training.checkpoint import Checkpoints
from pd_bert.training.evaluation import Evaluation
from pd_bert.training.learner import Learner
from pd_bert.training.loop import Schedule, Training, train
from pd_bert.training.runtime import barrier
from pd_bert.values import to_json

if TYPE_CHECKING:
    from pd_bert.stages.train import Train


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Student:
    """A stage's model in training, and what its artifact will say."""

    stage: "Train"
    context: Context
    model: Model
    training: Training
    evaluation: Evaluation
    splits: dict[str, Records]
    initialized: dict[str, list[str]]


def train_together(runs: Sequence[tuple["Train", Context]]) -> list[Outcome]:
    """Trains the students of `runs` and writes their models.

    All have the same `companions`, so that the first one's data, schedule and teacher
    are those of all. Each ends as it would have alone, also if another one diverges.
    """
    first, context = runs[0]
    vocabulary = context.artifact(first.data).vocabulary()
    batches = _batches(first, context, vocabulary)
    total_steps = first.steps or batches.steps_of(first.epochs)
    schedule = Schedule(
        total_steps=total_steps,
        evaluate_every=first.evaluate_every or batches.steps(0),
        patience=first.patience,
        steps_per_call=context.runtime.steps_per_call,
        checkpoint_seconds=context.runtime.checkpoint_seconds,
    )
    students = [
        _student(stage, each, vocabulary, batches, total_steps) for stage, each in runs
    ]
    with contextlib.ExitStack() as stack:
        if context.chief:
            for index, student in enumerate(students):
                actions = [*student.context.actions]
                if index == 0:  # all are at the same step
                    others = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
                    described = f"{context.where}{others}"
                    bar = ProgressBar(described, total_steps, first.batch_size)
                    actions.append(stack.enter_context(bar))
                optimizer = student.training.learner.optimizer
                summaries = Summaries(student.context.summaries, optimizer)
                actions.append(stack.enter_context(summaries))
                student.training.actions = tuple(actions)
        train(
            [student.training for student in students],
            batches,
            schedule,
            strategy=context.strategy,
            teacher=first.teacher(context),
            jit=context.runtime.jit,
        )
    return [
        student.training.failure or _finish(student, vocabulary) for student in students
    ]


def _batches(stage: "Train", context: Context, vocabulary: Vocabulary) -> Batches:
    records = stage.training_records(context)
    records.check(vocabulary.fingerprint)
    where = str(records.directory)
    require(records.spec, stage.needed(context), where)
    buckets = context.buckets(stage.buckets, records)
    if buckets[-1] < records.manifest["sequence_length"]:
        raise InputError(
            f"{context.where}: the longest bucket must hold the longest example; "
            f"buckets are {buckets}, {where} was prepared with sequence_length "
            f"{records.manifest['sequence_length']}"
        )
    return Batches(
        records,
        batch_size=stage.batch_size,
        buckets=buckets,
        seed=stage.order,
        pad_id=vocabulary.pad_id,
        transform=functools.partial(_transform, stage, vocabulary),
    )


def _transform(
    stage: "Train", vocabulary: Vocabulary, batch: NumpyBatch, epoch: int
) -> NumpyBatch:
    return stage.learnt_task.transform(
        batch, vocabulary=vocabulary, seed=stage.order, epoch=epoch
    )


def _student(
    stage: "Train",
    context: Context,
    vocabulary: Vocabulary,
    batches: Batches,
    total_steps: int,
) -> _Student:
    replicas = context.strategy.num_replicas_in_sync
    if stage.batch_size % (replicas * stage.accumulation):
        raise InputError(
            f"{context.where}: batch_size must be a multiple of replicas times "
            f"accumulation; received {stage.batch_size}, {replicas} and "
            f"{stage.accumulation}"
        )
    records = batches.records
    for objective in stage.objectives:
        if missing := set(objective.needs) - records.spec.keys():
            raise InputError(
                f"{context.where}: {type(objective).__name__} reads "
                f"{', '.join(sorted(missing))}; {records.directory} holds "
                f"{', '.join(records.spec)}"
            )
    model, initialized = _model(stage, context, vocabulary)
    with context.strategy.scope():
        optimizer = stage.optimizer.build(model.weights, total_steps)
    splits = stage.evaluation_records(context)
    for split in splits.values():
        split.check(vocabulary.fingerprint)
    evaluation = Evaluation(
        model,
        stage.learnt_task,
        vocabulary,
        labels=stage.labels(context),
        strategy=context.strategy,
        batch_size=context.batch_size(max(stage.batch_size, 32)),
        buckets=batches.buckets,
    )
    dev = splits.get("dev")
    training = Training(
        learner=Learner(
            model,
            stage.objectives,
            optimizer,
            seed=stage.seed,
            accumulation=stage.accumulation,
        ),
        checkpoints=Checkpoints(context.scratch, model, optimizer, chief=context.chief),
        evaluate=None if dev is None else functools.partial(evaluation, dev),
        primary_metric=stage.learnt_task.primary_metric,
        where=context.where,
    )
    return _Student(
        stage=stage,
        context=context,
        model=model,
        training=training,
        evaluation=evaluation,
        splits=splits,
        initialized=initialized,
    )


def _model(
    stage: "Train", context: Context, vocabulary: Vocabulary
) -> tuple[Model, dict[str, list[str]]]:
    """The model before its first step, and what was taken of the initial one."""
    # Keras draws initial weights from the global generator.
    keras.utils.set_random_seed(stage.seed)
    with context.strategy.scope():
        model = Model(
            _architecture(stage, context),
            stage.learnt_task.heads(stage.labels(context)),
            len(vocabulary),
        )
    if stage.initial is None:
        every = [*model.encoder.parts(), *model.heads]
        return model, {"taken": [], "random": every}
    initial = context.artifact(stage.initial)
    if initial["vocabulary"] != vocabulary.fingerprint:
        raise InputError(
            f"{context.where}: records and initial encoder must share one vocabulary; "
            f"{initial.directory} has {initial['vocabulary'][:12]}, the records "
            f"{vocabulary.fingerprint[:12]}"
        )
    initialized = model.initialize(
        Model.load(initial.directory), stage.initialization, context.where
    )
    if context.chief:
        taken, random = (", ".join(parts) or "–" for parts in initialized.values())
        source = stage.initial.title
        print(f"{context.where}: {taken} from {source}; random: {random}", flush=True)
    return model, initialized


def _architecture(stage: "Train", context: Context) -> Architecture:
    if stage.architecture is not None:
        return stage.architecture
    assert stage.initial is not None
    return saved_architecture(context.artifact(stage.initial).directory)


def _finish(student: _Student, vocabulary: Vocabulary) -> Info:
    """Measures and writes a trained model; returns what its artifact says."""
    stage, context, model = student.stage, student.context, student.model
    progress = student.training.progress
    metrics = {
        split: student.evaluation(records) for split, records in student.splits.items()
    }
    barrier(context.strategy)
    if context.chief:
        save_model(model, context.directory)
        vocabulary.write(context.directory / "vocab.txt")
    artifact = context.artifact(stage.data)
    return {
        **vocabulary_info(vocabulary),
        "vocabulary_size": len(vocabulary),
        "architecture": to_json(model.architecture),
        "facts": model.architecture.facts,
        "initialized": student.initialized,
        "labels": list(stage.labels(context)),
        "inputs": artifact.info.get("inputs", []),
        "task": stage.learnt_task.describe(),
        "sequence_length": artifact["sequence_length"],
        "metrics": metrics,
        "primary_metric": stage.learnt_task.primary_metric,
        "parameters": model.parameters,
        "steps": progress.step,
        "best_step": progress.best_step or progress.step,
    }
