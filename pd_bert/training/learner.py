"""A student with what it learns by: one update of it on one replica."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pd_bert.models.dropout import dropout_seed
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.models.outputs import EMPTY, Outputs, Wanted, joined
from pd_bert.objectives.base import Batch, LossInputs, Objective
from pd_bert.training.inputs import BatchInputs, StudentInputs
from pd_bert.values import digest, to_json

_FILE = "objectives.npz"
ObjectiveLayers = Mapping[str, keras.layers.Layer]
_PLAIN = BatchInputs()


class Student:
    """A model, its objectives and their layers: everything that is trained.

    `trainable` names the parts of the model (`Model.parts`) that are trained, None all
    of them; the objectives' own layers always are.
    """

    def __init__(
        self,
        model: Model,
        objectives: Sequence[Objective],
        *,
        teachers: Mapping[str, Network] | None = None,
        trainable: Sequence[str] | None = None,
        inputs: StudentInputs = _PLAIN,
    ) -> None:
        """`teachers` are the networks of the teachers that the objectives read."""
        self.model = model
        self.objectives = tuple(objectives)
        self.inputs = inputs
        known = teachers or {}
        self.layers: tuple[ObjectiveLayers, ...] = tuple(
            dict(
                each.build(
                    model.network,
                    known.get(each.teacher) if each.reads.teacher is not None else None,
                )
            )
            for each in objectives
        )
        self._trainable = None if trainable is None else tuple(trainable)

    @property
    def objective_weights(self) -> list[keras.Variable]:
        """The variables of the objectives, which the saved model is without."""
        every = (layer for layers in self.layers for layer in layers.values())
        return [weight for layer in every for weight in layer.trainable_weights]

    @property
    def weights(self) -> list[keras.Variable]:
        """All variables that a checkpoint holds, frozen ones too."""
        return [*self.model.weights, *self.objective_weights]

    @property
    def trained_weights(self) -> list[keras.Variable]:
        """The variables that the optimizer changes."""
        if self._trainable is None:
            return self.weights
        parts = self.model.parts()
        named = {id(w) for name in self._trainable for w in parts[name]}
        kept = [weight for weight in self.model.weights if id(weight) in named]
        return [*kept, *self.objective_weights]

    def save_objectives(self, directory: pathlib.Path) -> None:
        """Writes the objectives' variables, if there are any, beside a saved model."""
        if arrays := {name: np.asarray(w) for name, w in self._named_weights()}:
            np.savez(directory / _FILE, **arrays)  # type: ignore[arg-type]

    def load_objectives(self, directory: pathlib.Path) -> tuple[str, ...]:
        """Takes the variables of equal objectives that `save_objectives` wrote, if any.

        So a training that goes on from another one keeps its projections. The weights
        of objectives may differ. Returns the names of the classes that were set.
        """
        path = directory / _FILE
        if not path.is_file():
            return ()
        taken: dict[str, None] = {}
        with np.load(path, allow_pickle=False) as arrays:
            for name, weight in self._named_weights():
                if name in arrays and arrays[name].shape == tuple(weight.shape):
                    weight.assign(arrays[name])
                    taken[name.partition("/")[0]] = None
        return tuple(taken)

    def _named_weights(self) -> Iterator[tuple[str, keras.Variable]]:
        """The objectives' variables; equal objectives give them equal names."""
        for each, layers in zip(self.objectives, self.layers, strict=True):
            identity = digest(to_json(dataclasses.replace(each, weight=1.0)))
            for name, layer in layers.items():
                for index, weight in enumerate(layer.trainable_weights):
                    yield f"{type(each).__name__}/{identity}/{name}/{index}", weight

    @property
    def wanted(self) -> Wanted:
        """The outputs of the model that the objectives read."""
        return joined(each.reads.student for each in self.objectives)

    def loss_inputs(
        self,
        batch: Batch,
        teachers: Mapping[str, Outputs],
        seed: tf.Tensor,
        *,
        training: bool,
    ) -> list[LossInputs]:
        """Runs the model; returns what each objective computes its loss from."""
        read = self.inputs(batch, teachers, seed)
        outputs = self.model(read, training=training, wanted=self.wanted)
        return [
            LossInputs(
                student=outputs,
                teacher=EMPTY if each.reads.teacher is None else teachers[each.teacher],
                batch=batch,
                layers=layers,
            )
            for each, layers in zip(self.objectives, self.layers, strict=True)
        ]


class Learner:
    """A student and its optimizer.

    The loss of a step is Σ over objectives of weight · mean, each mean over what the
    objective's mask counts in the *global* batch, so that it depends neither on the
    number of replicas nor on `accumulation`, the number of micro-batches that a
    replica's part of the batch is cut into. `seed` draws the dropout.
    """

    def __init__(
        self,
        student: Student,
        optimizer: keras.optimizers.Optimizer,
        *,
        seed: int,
        accumulation: int = 1,
    ) -> None:
        self.student = student
        self.optimizer = optimizer
        self._objectives = student.objectives
        self._seed = seed
        self._accumulation = accumulation
        self._weights = student.trained_weights

    def step(
        self, batch: Batch, teachers: Mapping[str, Outputs], step: tf.Tensor
    ) -> tf.Tensor:
        """Updates the student on one replica's part of a batch.

        Returns the replica's share of the loss; the shares sum to the loss.
        """
        totals = _all_reduce([o.total(batch) for o in self._objectives])
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([tf.constant(self._seed, tf.int32), step])
        seed = tf.random.experimental.stateless_fold_in(seed, replica)
        loss, gradients = self._gradients(batch, teachers, totals, seed)
        self.optimizer.apply(gradients, self._weights)
        return loss

    def _gradients(
        self,
        batch: Batch,
        teachers: Mapping[str, Outputs],
        totals: Sequence[tf.Tensor],
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        if self._accumulation == 1:
            return self._micro_gradients(batch, teachers, totals, seed)
        # Not slices: XLA must know the shape of each part.
        parts = self._cut((batch, dict(teachers)))
        loss = tf.zeros(())
        gradients = [tf.zeros(weight.shape, weight.dtype) for weight in self._weights]
        for index in tf.range(self._accumulation):
            micro_batch, micro_teachers = _part(parts, index)
            fold = tf.random.experimental.stateless_fold_in(seed, index)
            part, grads = self._micro_gradients(
                micro_batch, micro_teachers, totals, fold
            )
            loss += part
            gradients = [a + g for a, g in zip(gradients, grads, strict=True)]
        return loss, gradients

    def _cut(self, values: Any) -> Any:
        """Every tensor [batch, …] → [accumulation, batch / accumulation, …]."""

        def cut(value: tf.Tensor | None) -> tf.Tensor | None:
            if value is None:
                return None
            size = value.shape[0] // self._accumulation
            shape = tf.concat([[self._accumulation, size], tf.shape(value)[1:]], axis=0)
            return tf.reshape(value, shape)

        return tf.nest.map_structure(cut, values)

    # AutoGraph would rewrite the source of all that models and objectives call.
    @tf.autograph.experimental.do_not_convert
    def _micro_gradients(
        self,
        batch: Batch,
        teachers: Mapping[str, Outputs],
        totals: Sequence[tf.Tensor],
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape, dropout_seed(seed):
            given = self.student.loss_inputs(batch, teachers, seed, training=True)
            loss = tf.add_n(
                [
                    tf.math.divide_no_nan(each.weighted_sum(inputs), total)
                    for each, inputs, total in zip(
                        self._objectives, given, totals, strict=True
                    )
                ]
            )
        gradients = tape.gradient(
            loss,
            [weight.value for weight in self._weights],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]


def _part(values: Any, index: tf.Tensor) -> Any:
    return tf.nest.map_structure(
        lambda value: None if value is None else tf.gather(value, index), values
    )


def _all_reduce(value: Any) -> Any:
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
