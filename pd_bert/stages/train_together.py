"""Training one student, or several over one input pipeline."""

import contextlib
import dataclasses
import functools
from collections.abc import Mapping, Sequence

import keras

from pd_bert.artifact import save_model, vocabulary_info
from pd_bert.data.example_spec import require
from pd_bert.data.pipeline import Batches, NumpyBatch
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.model import Model, saved_network
from pd_bert.models.network import Network
from pd_bert.models.outputs import Wanted
from pd_bert.stages.base import Context, Info, Outcome
from pd_bert.stages.train_settings import TrainSettings
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.training.actions import ProgressBar, Summaries
from pd_bert.training.checkpoint import Checkpoints
from pd_bert.training.evaluation import Evaluation, evaluation_transform
from pd_bert.training.learner import Learner, Student
from pd_bert.training.loop import Schedule, Training, train
from pd_bert.training.runtime import barrier
from pd_bert.training.teacher import Live, Stored, Teacher, Teachers
from pd_bert.training.validation import NAME as VALIDATION_LOSS
from pd_bert.training.validation import ValidationLoss
from pd_bert.values import from_json, to_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Student:
    """A stage's model in training, and what its artifact will say."""

    stage: TrainSettings
    context: Context
    model: Model
    training: Training
    evaluation: Evaluation
    splits: dict[str, Records]
    initialized: dict[str, list[str]]


def train_together(runs: Sequence[tuple[TrainSettings, Context]]) -> list[Outcome]:
    """Trains the students of `runs` and writes their models.

    All have the same `companions`, so that the first one's data, schedule and teacher
    are those of all. Each ends as it would have alone, also if another one diverges.
    """
    first, context = runs[0]
    vocabulary = context.artifact(first.data.train.stage).vocabulary()
    batches = _batches(first, context, vocabulary)
    total_steps = first.steps or batches.steps_of(first.epochs)
    schedule = Schedule(
        total_steps=total_steps,
        evaluate_every=first.evaluate_every or batches.steps(0),
        patience=first.patience,
        steps_per_call=context.runtime.steps_per_call,
        checkpoint_seconds=context.runtime.checkpoint_seconds,
    )
    teachers, networks = _teachers(runs)
    students = [
        _student(
            stage,
            each,
            vocabulary,
            batches,
            total_steps,
            teachers=teachers,
            networks=networks,
        )
        for stage, each in runs
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
            teachers=teachers,
            jit=context.runtime.jit,
        )
    return [
        student.training.failure or _finish(student, vocabulary) for student in students
    ]


def _batches(stage: TrainSettings, context: Context, vocabulary: Vocabulary) -> Batches:
    records = stage.data.train.records(context)
    records.check(vocabulary.fingerprint)
    where = str(records.directory)
    require(records.spec, stage.data.task.encoded_spec, where)
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
    stage: TrainSettings, vocabulary: Vocabulary, batch: NumpyBatch, epoch: int
) -> NumpyBatch:
    return stage.data.task.transform(
        batch, vocabulary=vocabulary, seed=stage.order, epoch=epoch
    )


def _teachers(
    runs: Sequence[tuple[TrainSettings, Context]],
) -> tuple[dict[str, Teacher], dict[str, Network]]:
    """Returns the teachers that the students read, and the networks of the live ones.

    A live teacher computes what any of the students reads of it.
    """
    stage, context = runs[0]
    wanted: dict[str, Wanted] = {}
    for each, _ in runs:
        for name, read in each.wanted_of_teachers.items():
            wanted[name] = wanted.get(name, Wanted()) | read
    teachers: dict[str, Teacher] = {}
    networks: dict[str, Network] = {}
    for name, read in wanted.items():
        if name not in stage.live:
            teachers[name] = Stored(name)
            continue
        with context.strategy.scope():
            model = Model.load(context.artifact(stage.live[name]).directory)
        teachers[name], networks[name] = Live(model, read), model.network
    return teachers, networks


def _student(
    stage: TrainSettings,
    context: Context,
    vocabulary: Vocabulary,
    batches: Batches,
    total_steps: int,
    *,
    teachers: Teachers,
    networks: Mapping[str, Network],
) -> _Student:
    replicas = context.strategy.num_replicas_in_sync
    if stage.batch_size % (replicas * stage.accumulation):
        raise InputError(
            f"{context.where}: batch_size must be a multiple of replicas times "
            f"accumulation; received {stage.batch_size}, {replicas} and "
            f"{stage.accumulation}"
        )
    model, initialized = _model(stage, context, vocabulary)
    known = {**networks, **_stored_networks(stage, context, networks)}
    stage.require(model.network, known)
    records = batches.records
    stage.require_features(records.spec, model.network, str(records.directory))
    with context.strategy.scope():
        student = Student(
            model,
            stage.objectives,
            teachers=known,
            trainable=stage.trainable,
            inputs=stage.student_inputs,
        )
        optimizer = stage.optimizer.build(student.trained_weights, total_steps)
    if stage.initial is not None:
        own = student.load_objectives(context.artifact(stage.initial).directory)
        initialized["taken"].extend(own)
    splits = {name: data.records(context) for name, data in stage.data.measured.items()}
    for split in splits.values():
        split.check(vocabulary.fingerprint)
    evaluation = Evaluation(
        model,
        stage.data.task,
        vocabulary,
        labels=stage.labels(context),
        strategy=context.strategy,
        batch_size=context.batch_size(max(stage.batch_size, 32)),
        buckets=batches.buckets,
    )
    training = Training(
        learner=Learner(
            student, optimizer, seed=stage.seed, accumulation=stage.accumulation
        ),
        checkpoints=Checkpoints(
            context.scratch, student.weights, optimizer, chief=context.chief
        ),
        where=context.where,
    )
    if stage.validation is not None:
        training.evaluate = _validation(
            stage, context, vocabulary, student, teachers, batches.buckets
        )
        training.primary_metric, training.lower_is_better = VALIDATION_LOSS, True
    elif (dev := splits.get("dev")) is not None:
        training.evaluate = functools.partial(evaluation, dev)
        training.primary_metric = stage.data.task.primary_metric
    return _Student(
        stage=stage,
        context=context,
        model=model,
        training=training,
        evaluation=evaluation,
        splits=splits,
        initialized=initialized,
    )


def _validation(
    stage: TrainSettings,
    context: Context,
    vocabulary: Vocabulary,
    student: Student,
    teachers: Teachers,
    buckets: tuple[int, ...],
) -> ValidationLoss:
    assert stage.validation is not None
    records = Records(context.artifact(stage.validation).directory)
    records.check(vocabulary.fingerprint)
    stage.require_features(records.spec, student.model.network, str(records.directory))
    batches = Batches(
        records,
        batch_size=context.batch_size(max(stage.batch_size, 32)),
        buckets=buckets,
        shuffle=False,
        pad_id=vocabulary.pad_id,
        transform=functools.partial(evaluation_transform, stage.data.task, vocabulary),
    )
    return ValidationLoss(student, batches, teachers, strategy=context.strategy)


def _stored_networks(
    stage: TrainSettings, context: Context, live: Mapping[str, Network]
) -> dict[str, Network]:
    """Returns the network of the teacher whose outputs the records hold, if known."""
    artifact = context.artifact(stage.data.train.stage)
    if (stored := artifact.info.get("teacher_network")) is None:
        return {}
    network = from_json(stored, Network, where=str(artifact.directory))
    return dict.fromkeys(stage.wanted_of_teachers.keys() - live.keys(), network)


def _model(
    stage: TrainSettings, context: Context, vocabulary: Vocabulary
) -> tuple[Model, dict[str, list[str]]]:
    """The model before its first step, and what was taken of the initial one."""
    # Keras draws initial weights from the global generator.
    keras.utils.set_random_seed(stage.seed)
    with context.strategy.scope():
        model = Model(
            _architecture(stage, context),
            stage.data.task.heads(stage.labels(context)),
            len(vocabulary),
        )
    if stage.initial is None:
        return model, {"taken": [], "random": list(model.parts())}
    initial = context.artifact(stage.initial)
    if initial["vocabulary"] != vocabulary.fingerprint:
        raise InputError(
            f"{context.where}: records and initial encoder must share one vocabulary; "
            f"{initial.directory} has {initial['vocabulary'][:12]}, the records "
            f"{vocabulary.fingerprint[:12]}"
        )
    found = stage.initialization.apply(
        model, Model.load(initial.directory), context.where
    )
    rest = [name for name in model.parts() if name not in found]
    initialized = {"taken": list(found), "random": rest}
    if context.chief:
        taken, random = (", ".join(parts) or "–" for parts in initialized.values())
        source = stage.initial.title
        print(f"{context.where}: {taken} from {source}; random: {random}", flush=True)
    return model, initialized


def _architecture(stage: TrainSettings, context: Context) -> Architecture:
    if stage.architecture is not None:
        return stage.architecture
    assert stage.initial is not None
    return saved_network(context.artifact(stage.initial).directory).architecture


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
        student.training.learner.student.save_objectives(context.directory)
        vocabulary.write(context.directory / "vocab.txt")
    artifact = context.artifact(stage.data.train.stage)
    return {
        **vocabulary_info(vocabulary),
        "vocabulary_size": len(vocabulary),
        "architecture": to_json(model.architecture),
        "facts": model.architecture.facts,
        "initialized": student.initialized,
        "labels": list(stage.labels(context)),
        "inputs": artifact.info.get("inputs", []),
        "task": stage.data.task.describe(),
        "sequence_length": artifact["sequence_length"],
        "metrics": metrics,
        "primary_metric": stage.data.task.primary_metric,
        "parameters": model.parameters,
        "steps": progress.step,
        "best_step": progress.best_step or progress.step,
    }
