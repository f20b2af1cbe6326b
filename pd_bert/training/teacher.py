"""Teachers: where a student's losses and inputs get another model's outputs."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from pd_bert.data.example_spec import Feature
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.models.outputs import Outputs, Wanted
from pd_bert.objectives.base import Batch

Teacher = Callable[[Batch], Outputs]

# The head whose logits are stored without its name: that of most tasks.
LABEL_HEAD = "label"

# The outputs of which there is one.
_SINGLE = ("embeddings", "sequence", "pooled")


class Live:
    """A frozen model that runs inside the student's step and computes `wanted`."""

    def __init__(self, model: Model, wanted: Wanted) -> None:
        # A closure hides the weights from the student's checkpoint.
        self._run = lambda batch: model(batch, training=False, wanted=wanted)

    def __call__(self, batch: Batch) -> Outputs:
        return tf.nest.map_structure(
            lambda value: None if value is None else tf.stop_gradient(value),
            self._run(batch),
        )


class Stored:
    """The outputs that the records hold beside each example, as a label stage wrote."""

    def __init__(self, name: str = "teacher") -> None:
        self._name = name

    # Plain Python over the names of a batch: nothing in it is for AutoGraph.
    @tf.autograph.experimental.do_not_convert
    def __call__(self, batch: Batch) -> Outputs:
        logits, hidden, first, attention, others = {}, {}, {}, {}, {}
        start = f"{self._name}_"
        for key in sorted(batch):
            kind, _, which = key.removeprefix(start).partition("_")
            if not key.startswith(start):
                continue
            value = tf.cast(batch[key], tf.float32)
            if kind == "logits":
                logits[which or LABEL_HEAD] = value
            elif kind == "hidden":
                hidden[int(which)] = value
            elif kind == "first":
                first[int(which)] = value
            elif kind == "attention":
                attention[int(which)] = value
            elif kind in _SINGLE:
                others[kind] = value
        return Outputs(
            logits=logits, hidden=hidden, first=first, attention=attention, **others
        )


def stored_features(
    name: str, wanted: Wanted, network: Network, dtype: str
) -> dict[str, Feature]:
    """Returns the features in which a teacher's outputs are stored.

    Logits are float32 whatever `dtype`, that of all else: float32, float16, bfloat16.
    Attention scores have no place in records, whose features have one length.
    """
    size = network.vocabulary_size
    architecture = network.architecture
    features = {
        _logits_feature(name, head): Feature(
            dtype="float32", shape=value.output_shape(size)
        )
        for head, value in network.heads
        if wanted.heads is None or head in wanted.heads
    }
    sequences = {f"{name}_hidden_{n}": architecture.width(n) for n in wanted.hidden}
    if wanted.embeddings:
        sequences[f"{name}_embeddings"] = architecture.width(0)
    if wanted.sequence:
        sequences[f"{name}_sequence"] = architecture.hidden_dim
    single = {f"{name}_first_{n}": architecture.width(n) for n in wanted.first}
    if wanted.pooled:
        single[f"{name}_pooled"] = architecture.hidden_dim
    return {
        **features,
        **{key: Feature(dtype=dtype, shape=(None, w)) for key, w in sequences.items()},
        **{key: Feature(dtype=dtype, shape=(w,)) for key, w in single.items()},
    }


def feature_values(
    name: str, outputs: Outputs, features: Mapping[str, Feature]
) -> dict[str, tf.Tensor]:
    """Returns a teacher's outputs by the names and in the dtypes of `features`."""
    found = {_logits_feature(name, head): v for head, v in outputs.logits.items()}
    found |= {f"{name}_hidden_{layer}": v for layer, v in outputs.hidden.items()}
    found |= {f"{name}_first_{layer}": v for layer, v in outputs.first.items()}
    for key in _SINGLE:
        found[f"{name}_{key}"] = getattr(outputs, key)
    return {key: tf.cast(found[key], each.dtype) for key, each in features.items()}


def stored_shapes(
    name: str, wanted: Wanted, student: Network
) -> dict[str, tuple[int | None, ...] | None]:
    """Returns the names of the features from which `Stored` gives what is wanted.

    Those of logits come with the shape of the student's logits of that head, where the
    student has it; None where any shape will do.
    """
    shapes = {n: h.output_shape(student.vocabulary_size) for n, h in student.heads}
    states = [f"{name}_hidden_{layer}" for layer in wanted.hidden]
    states += [f"{name}_first_{layer}" for layer in wanted.first]
    states += [f"{name}_attention_{layer}" for layer in wanted.attention]
    states += [f"{name}_{key}" for key in _SINGLE if getattr(wanted, key)]
    return {
        **{
            _logits_feature(name, head): shapes.get(head) for head in wanted.heads or ()
        },
        **dict.fromkeys(states),
    }


def _logits_feature(name: str, head: str) -> str:
    return f"{name}_logits" if head == LABEL_HEAD else f"{name}_logits_{head}"


Teachers = Mapping[str, Teacher]
