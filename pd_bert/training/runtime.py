"""How a run uses its machine: devices, precision, compilation."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.system import interrupt
from pd_bert.training.strategies import one_device


@dataclasses.dataclass(frozen=True, kw_only=True)
class Runtime:
    """Knobs of the machine, not of the method.

    `policy` is a Keras dtype policy (float32, mixed_bfloat16); `onednn_bfloat16` does
    matrix products in bfloat16 on CPUs that have AVX512-BF16 or AMX; `fixed_length`
    pads every batch to one length, as a TPU wants it, which makes other batches. These
    change numbers and are part of a trained artifact's fingerprint.

    The rest does not: `jit` compiles the step by XLA (one device only), `deterministic`
    makes runs bit-identical at some cost in speed, `steps_per_call` is the most steps
    of a compiled call, `processes` the number of workers for text (default: one a
    core), `checkpoint_seconds` the time between checkpoints, `together` the most
    students that this process trains at the same time over one input pipeline.
    """

    strategy: Callable[[], tf.distribute.Strategy] = one_device
    policy: str = "float32"
    onednn_bfloat16: bool = False
    jit: bool = False
    deterministic: bool = False
    steps_per_call: int = 20
    processes: int = 0
    checkpoint_seconds: float = 120.0
    fixed_length: bool = False
    together: int = 1

    def __post_init__(self) -> None:
        for name, least in (
            ("steps_per_call", 1),
            ("together", 1),
            ("processes", 0),
            ("checkpoint_seconds", 0),
        ):
            if getattr(self, name) < least:
                raise InputError(
                    f"Runtime.{name} must be at least {least}; received "
                    f"{getattr(self, name)}"
                )
        if "float16" in self.policy and "bfloat16" not in self.policy:
            raise InputError(
                "Runtime.policy: gradients in float16 need a scaled loss, which "
                f"pd_bert does not have; received {self.policy!r} (take mixed_bfloat16)"
            )

    @property
    def numerics(self) -> dict[str, Any]:
        """The settings that change the numbers of a training."""
        return {
            "policy": self.policy,
            "onednn_bfloat16": self.onednn_bfloat16,
            "fixed_length": self.fixed_length,
        }

    @property
    def workers(self) -> int:
        """The number of processes that encode text."""
        return self.processes or os.cpu_count() or 1

    def buckets(self, wanted: tuple[int, ...], longest: int) -> tuple[int, ...]:
        """The lengths to pad batches to: `wanted`, or `longest` with `fixed_length`."""
        return (longest,) if self.fixed_length else wanted

    def start(self) -> tf.distribute.Strategy:
        """Configures TensorFlow and makes the strategy; call it before any op."""
        if self.deterministic:
            tf.config.experimental.enable_op_determinism()
        if self.onednn_bfloat16:
            tf.config.optimizer.set_experimental_options(
                {"auto_mixed_precision_onednn_bfloat16": True}
            )
        keras.config.set_dtype_policy(self.policy)
        strategy = self.strategy()
        interrupt.keep()
        if self.jit and strategy.num_replicas_in_sync > 1:
            raise InputError(
                "Runtime.jit works on one device; the strategy has "
                f"{strategy.num_replicas_in_sync} replicas"
            )
        return strategy


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """True in the one process that writes what the workers of a cluster share."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    if resolver.task_type == "chief":
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    return not has_chief and resolver.task_type == "worker" and resolver.task_id == 0


def is_cluster(strategy: tf.distribute.Strategy) -> bool:
    """True if several processes train together."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def barrier(strategy: tf.distribute.Strategy) -> None:
    """Waits until all processes of a cluster are here."""
    if is_cluster(strategy):
        ones = tf.function(strategy.run)(_all_ones)
        strategy.experimental_local_results(ones)[0].numpy()


def _all_ones() -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.ones(()))
