"""A layer of long short-term memory over whole sequences."""

import functools
from typing import Any, NamedTuple

import keras
import tensorflow as tf

# Rows of the matrix products that are made for several steps at once. More would help
# little, and take tensors that are too large for the caches.
_ROWS = 1024


class LstmLayer(keras.layers.Layer):
    """One direction of an LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

        i, f, o, g = σ, σ, σ, tanh of (x_t · kernel + h_{t−1} · recurrent + bias)
        c_t = f · c_{t−1} + i · g        h_t = o · tanh(c_t)

    It takes states in time-major order, [length, batch, width], and returns h of every
    step, float32 [length, batch, units]; h_0 and c_0 are zero. Matrix products have the
    compute dtype, sums and cells are float32.

    Weights are `kernel` [width, 4 · units], `recurrent` [units, 4 · units] and `bias`
    [4 · units], with the gates in the order of the formula; the bias of f begins as 1
    (Jozefowicz et al. 2015, Section 2.2).
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        gates = 4 * self.units
        bias = functools.partial(_initial_bias, units=self.units)
        self.kernel, self.recurrent, self.bias = (
            # The call casts what may be cast.
            self.add_weight(
                name=name, shape=shape, initializer=initializer, autocast=False
            )
            for name, shape, initializer in (
                ("kernel", (input_shape[-1], gates), "glorot_uniform"),
                ("recurrent", (self.units, gates), "orthogonal"),
                ("bias", (gates,), bias),
            )
        )
        self.built = True

    def call(self, states: tf.Tensor, training: bool = False) -> tf.Tensor:
        dtype = self.compute_dtype
        weights = (
            tf.cast(self.kernel.value, dtype),
            tf.cast(self.recurrent.value, dtype),
            tf.convert_to_tensor(self.bias.value),
        )
        if training:
            return _lstm(tf.cast(states, dtype), *weights)
        # A graph for servers holds no gradient.
        return _forward(tf.cast(states, dtype), *weights)[0]


def _initial_bias(shape: tuple[int, ...], dtype: Any, *, units: int) -> tf.Tensor:
    zeros, ones = tf.zeros([units], dtype), tf.ones([units], dtype)
    return tf.concat([zeros, ones, zeros, zeros], 0)


@tf.custom_gradient
def _lstm(
    inputs: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor
) -> Any:
    """`_forward` with a gradient that multiplies matrices of many rows.

    TensorFlow's gradient of a loop makes products of each step, of which those for the
    gradients of weights are slow at small batches, and keeps every intermediate value.
    """
    states, kept = _forward(inputs, kernel, recurrent, bias, keep=True)

    def gradient(d_states: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return _backward(d_states, inputs, states, kept, kernel, recurrent)

    return states, gradient


class _Blocks(NamedTuple):
    """The steps of a sequence, in blocks of equal size; the last steps may be fillers.

    All are int32 []. XLA knows no blocks of different sizes.
    """

    count: tf.Tensor
    size: tf.Tensor
    length: tf.Tensor
    batch: tf.Tensor

    @classmethod
    def of(cls, inputs: tf.Tensor) -> "_Blocks":
        length, batch, _ = tf.unstack(tf.shape(inputs))
        count = tf.clip_by_value(-(-length * batch // _ROWS), 1, length)
        return cls(count, -(-length // count), length, batch)

    @property
    def steps(self) -> tf.Tensor:
        """The number of steps with fillers."""
        return self.count * self.size

    def filled(self, values: tf.Tensor) -> tf.Tensor:
        """[length, …] → [steps, …], with zeros at the end."""
        added = self.steps - self.length
        return tf.pad(values, [[0, added], *[[0, 0]] * (len(values.shape) - 1)])

    def rows(self, values: tf.Tensor) -> tf.Tensor:
        """[length, batch, width] → [blocks, size · batch, width]."""
        shape = [self.count, self.size * self.batch, values.shape[-1]]
        return tf.reshape(self.filled(values), shape)

    def array(self, width: int, count: tf.Tensor | None = None) -> tf.TensorArray:
        """Room for [batch, width] of each step, or of `count` steps."""
        size = self.steps if count is None else count
        return tf.TensorArray(
            tf.float32, size, element_shape=[None, width], clear_after_read=False
        )


def _forward(
    inputs: tf.Tensor,
    kernel: tf.Tensor,
    recurrent: tf.Tensor,
    bias: tf.Tensor,
    *,
    keep: bool = False,
) -> tuple[tf.Tensor, tuple[tf.TensorArray, ...]]:
    """Returns h of every step and, with `keep`, what the gradient reads.

    That is, for each step, i, f, o, g, c_{t−1} and tanh(c_t), [batch, units] each.
    """
    blocks, units = _Blocks.of(inputs), recurrent.shape[0]
    rows = blocks.rows(inputs)
    zero = tf.zeros([blocks.batch, units])

    def block(number: tf.Tensor, *carried: Any) -> Any:
        product = tf.cast(tf.matmul(rows[number], kernel), tf.float32)
        reached = tf.nn.bias_add(product, bias)
        reached = tf.reshape(reached, [blocks.size, blocks.batch, 4 * units])

        def step(i: tf.Tensor, h: tf.Tensor, c: tf.Tensor, *arrays: Any) -> Any:
            product = tf.matmul(tf.cast(h, recurrent.dtype), recurrent)
            *gates, g = tf.split(reached[i] + tf.cast(product, tf.float32), 4, -1)
            input_, forget, output = map(tf.sigmoid, gates)
            g = tf.tanh(g)
            before, c = c, forget * c + input_ * g
            squashed = tf.tanh(c)
            h = output * squashed
            values = (h, input_, forget, output, g, before, squashed)
            t = number * blocks.size + i
            written = (a.write(t, v) for a, v in zip(arrays, values, strict=False))
            return i + 1, h, c, *written

        _, *carried = _repeat(blocks.size, step, carried)
        return number + 1, *carried

    arrays = (blocks.array(units) for _ in range(7 if keep else 1))
    _, _, _, states, *kept = _repeat(blocks.count, block, (zero, zero, *arrays))
    return states.stack()[: blocks.length], tuple(kept)


def _backward(
    d_states: tf.Tensor,
    inputs: tf.Tensor,
    states: tf.Tensor,
    kept: tuple[tf.TensorArray, ...],
    kernel: tf.Tensor,
    recurrent: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """Returns the gradients of inputs, kernel, recurrent and bias."""
    blocks, units = _Blocks.of(inputs), recurrent.shape[0]
    dtype, width = inputs.dtype, inputs.shape[-1]
    sigmoid_grad, tanh_grad = tf.raw_ops.SigmoidGrad, tf.raw_ops.TanhGrad
    d_states = blocks.filled(d_states)
    before = tf.concat([tf.zeros_like(states[:1]), states[:-1]], 0)
    of_inputs, of_states = blocks.rows(inputs), blocks.rows(tf.cast(before, dtype))
    zero = tf.zeros([blocks.batch, units])

    def block(done: tf.Tensor, dh: Any, dc: Any, sums: Any, d_inputs: Any) -> Any:
        number = blocks.count - 1 - done

        def step(done: tf.Tensor, dh: tf.Tensor, dc: tf.Tensor, d_gates: Any) -> Any:
            i = blocks.size - 1 - done
            t = number * blocks.size + i
            input_, forget, output, g, before, squashed = (a.read(t) for a in kept)
            dh += d_states[t]
            dc += tanh_grad(y=squashed, dy=dh * output)
            d_gate = tf.concat(
                [
                    sigmoid_grad(y=input_, dy=dc * g),
                    sigmoid_grad(y=forget, dy=dc * before),
                    sigmoid_grad(y=output, dy=dh * squashed),
                    tanh_grad(y=g, dy=dc * input_),
                ],
                -1,
            )
            dh = tf.matmul(tf.cast(d_gate, dtype), recurrent, transpose_b=True)
            dh, dc = tf.cast(dh, tf.float32), dc * forget
            return done + 1, dh, dc, d_gates.write(i, d_gate)

        d_gates = blocks.array(4 * units, blocks.size)
        _, dh, dc, d_gates = _repeat(blocks.size, step, (dh, dc, d_gates))
        d_gate = tf.reshape(d_gates.stack(), [-1, 4 * units])
        rows = tf.cast(d_gate, dtype)
        parts = (
            tf.matmul(of_inputs[number], rows, transpose_a=True),
            tf.matmul(of_states[number], rows, transpose_a=True),
            tf.reduce_sum(d_gate, 0),
        )
        sums = tuple(s + tf.cast(p, s.dtype) for s, p in zip(sums, parts, strict=True))
        d_rows = tf.matmul(rows, kernel, transpose_b=True)
        return done + 1, dh, dc, sums, d_inputs.write(number, d_rows)

    d_inputs = tf.TensorArray(dtype, blocks.count, element_shape=[None, width])
    shapes = (kernel.shape, recurrent.shape, [4 * units])
    sums = tuple(tf.zeros(shape) for shape in shapes)
    _, _, _, sums, d_inputs = _repeat(blocks.count, block, (zero, zero, sums, d_inputs))
    shape = [blocks.steps, blocks.batch, width]
    d_inputs = tf.reshape(d_inputs.stack(), shape)[: blocks.length]
    d_kernel, d_recurrent, d_bias = sums
    return d_inputs, tf.cast(d_kernel, dtype), tf.cast(d_recurrent, dtype), d_bias


def _repeat(count: tf.Tensor, body: Any, carried: Any) -> Any:
    """Calls `body(number, *carried)` `count` times; it returns the next arguments."""
    return tf.while_loop(
        lambda number, *_: number < count,
        body,
        (tf.constant(0), *carried),
        maximum_iterations=count,
    )
