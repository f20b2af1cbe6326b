"""Where a student's loss gets the teacher's outputs."""

from collections.abc import Callable

import tensorflow as tf

from pd_bert.models.model import Model
from pd_bert.models.outputs import Outputs
from pd_bert.objectives.base import Batch

Teacher = Callable[[Batch], Outputs]


def stored(batch: Batch) -> Outputs:
    """The logits that the label stage wrote beside the example."""
    return Outputs(logits={"label": batch["teacher_logits"]})


class Live:
    """A frozen model that runs inside the student's step."""

    def __init__(self, model: Model) -> None:
        # A closure hides the weights from the student's checkpoint.
        self._run = lambda batch: model(batch, training=False)

    def __call__(self, batch: Batch) -> Outputs:
        outputs = self._run(batch)
        stop = tf.stop_gradient
        return Outputs(logits={k: stop(v) for k, v in outputs.logits.items()})
