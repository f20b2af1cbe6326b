"""Global batches → the replicas of a strategy."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.joining import join_padded
from pd_bert.data.pipeline import Batches
from pd_bert.data.to_dataset import to_dataset
from pd_bert.errors import InputError
from pd_bert.training.runtime import is_cluster


def distribute(
    batches: Batches, strategy: tf.distribute.Strategy, *, start: int | None = None
) -> Any:
    """Returns a distributed dataset; replica r of R gets rows r·B/R to (r+1)·B/R − 1.

    It has the batches of the first epoch, or, with `start`, those from this global step
    on, without end. Every process makes the rows of its own replicas only.
    """
    replicas = strategy.num_replicas_in_sync
    if batches.batch_size % replicas:
        raise InputError(
            f"a batch size must be a multiple of the number of replicas, {replicas}; "
            f"received {batches.batch_size}"
        )

    def dataset(context: tf.distribute.InputContext) -> tf.data.Dataset:
        share = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * share
        return to_dataset(
            batches, start=start, replicas=replicas, local=range(first, first + share)
        )

    return strategy.distribute_datasets_from_function(dataset)


class Forward:
    """A function of batches, compiled once, over a whole data set."""

    def __init__(
        self,
        function: Callable[[Any], dict[str, tf.Tensor]],
        strategy: tf.distribute.Strategy,
    ) -> None:
        """`function` gives, for a batch, tensors with the batch as first axis.

        In a cluster their other axes must be equal on all replicas.
        """
        self._strategy = strategy
        self._steps: dict[str, Callable[[Any], dict[str, Any]]] = {}

        def replica(batch: Any) -> dict[str, tf.Tensor]:
            kept = {name: batch[name] for name in ("example_id", "example_weight")}
            return {**function(batch), **kept}

        self._replica = replica

    def __call__(self, batches: Batches) -> Iterator[dict[str, np.ndarray]]:
        """Yields the outputs for each batch and `example_id`, without fillers.

        In a cluster every process gets the whole of them.
        """
        data = distribute(batches, self._strategy)
        step = self._step(data.element_spec)
        for batch in data:
            outputs = {name: self._gather(value) for name, value in step(batch).items()}
            real = outputs.pop("example_weight") > 0
            yield {name: value[real] for name, value in outputs.items()}

    def _step(self, spec: Any) -> Callable[[Any], dict[str, Any]]:
        """The function, traced once for batches of all lengths.

        Traced as they come, a length's graph, and the last bit of its outputs, would
        depend on which one came first: on where a stage was resumed.
        """
        return self._steps.setdefault(
            str(spec),
            tf.function(
                lambda batch: self._strategy.run(self._replica, args=(batch,)),
                input_signature=(spec,),
                autograph=False,
            ),
        )

    def _gather(self, value: Any) -> np.ndarray:
        if is_cluster(self._strategy):
            return self._strategy.gather(value, axis=0).numpy()
        # Strategy.gather would be traced again for every shape.
        parts = self._strategy.experimental_local_results(value)
        return join_padded([part.numpy() for part in parts])
