"""The contract between TFRecord files, the input pipeline and models."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feature:
    """A named array of an example.

    `dtype` is int64 or float32, as in tf.train.Example; `shape` is () for a scalar,
    (n,) for a vector and (None,) for a sequence of any length.
    """

    dtype: str
    shape: tuple[int | None, ...] = ()

    @property
    def variable(self) -> bool:
        return self.shape == (None,)


ExampleSpec = Mapping[str, Feature]

TOKENS: ExampleSpec = {
    # Unpadded ids with [CLS] and [SEP]; positions from `segment_start` on are of the
    # second segment (it equals the length where there is one segment only).
    "token_ids": Feature(dtype="int64", shape=(None,)),
    "segment_start": Feature(dtype="int64"),
}


def serialize(
    example: Mapping[str, np.ndarray | int | float], spec: ExampleSpec
) -> bytes:
    """One tf.train.Example, with exactly the features of `spec`."""
    if example.keys() != spec.keys():
        raise ValueError(
            f"an example has the features {sorted(spec)}; received {sorted(example)}"
        )
    # Filled in place, from lists: messages built one inside another copy at each
    # level, and iterating an array makes an object a number. It is 3x faster.
    proto = tf.train.Example()
    features = proto.features.feature
    for name, feature in spec.items():
        values = np.atleast_1d(example[name])
        if not feature.variable and values.shape != (feature.shape or (1,)):
            raise ValueError(
                f"feature {name} has shape {feature.shape}; received {values.shape}"
            )
        if feature.dtype == "int64":
            features[name].int64_list.value.extend(values.tolist())
        else:
            features[name].float_list.value.extend(values.tolist())
    return proto.SerializeToString(deterministic=True)


def parser(spec: ExampleSpec) -> Any:
    """A function from serialized examples [batch] to tensors, ragged where variable."""
    features = {}
    for name, feature in spec.items():
        dtype = tf.dtypes.as_dtype(feature.dtype)
        if feature.variable:
            features[name] = tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
        else:
            features[name] = tf.io.FixedLenFeature(feature.shape, dtype)
    return lambda serialized: tf.io.parse_example(serialized, features)


def spec_to_json(spec: ExampleSpec) -> dict[str, Any]:
    return {name: dataclasses.asdict(feature) for name, feature in spec.items()}


def spec_from_json(data: Mapping[str, Any]) -> dict[str, Feature]:
    return {
        name: Feature(dtype=f["dtype"], shape=tuple(f["shape"]))
        for name, f in data.items()
    }


def require(spec: ExampleSpec, needed: ExampleSpec, where: str) -> None:
    """Checks that `spec` offers `needed`; raises InputError that names both."""
    for name, feature in needed.items():
        if spec.get(name) != feature:
            raise InputError(
                f"records must hold {name} as {feature}; {where} holds "
                f"{spec.get(name, 'no such feature')}"
            )
