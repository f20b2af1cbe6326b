"""Dropout as a pure function of a seed that the training step supplies."""

import contextlib
import contextvars
import itertools
from collections.abc import Iterable, Iterator

import keras
import tensorflow as tf

_step_seed: contextvars.ContextVar[tf.Tensor] = contextvars.ContextVar("step_seed")


@contextlib.contextmanager
def dropout_seed(seed: tf.Tensor) -> Iterator[None]:
    """All dropout inside is drawn from `seed`, an int32 [2] tensor."""
    token = _step_seed.set(seed)
    try:
        yield
    finally:
        _step_seed.reset(token)


def make_stateless(layers: Iterable[keras.layers.Layer]) -> None:
    """Let every dropout layer among `layers` (and inside them) draw by `dropout_seed`.

    Keras counts in a variable a layer, which is the same on all replicas and must
    travel with checkpoints; a seed made from (seed, step, replica) needs neither.
    """
    index = itertools.count()
    for layer in layers:
        for sublayer in layer._flatten_layers():
            generator = getattr(sublayer, "seed_generator", None)
            if generator is not None:
                generator.next = _Draw(next(index))


class _Draw:
    def __init__(self, index: int) -> None:
        self._index = index

    def __call__(self, ordered: bool = True) -> tf.Tensor:
        return tf.random.experimental.stateless_fold_in(_step_seed.get(), self._index)
