"""The contract between TFRecord files, the input pipeline and models."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import tensorflow as tf

from pd_bert.errors import InputError

# In memory every integer has 32 bits, which halves word-piece ids.
_IN_MEMORY: Mapping[str, np.dtype[Any]] = {
    "int64": np.dtype(np.int32),
    "int32": np.dtype(np.int32),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
_INT32 = np.iinfo(np.int32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feature:
    """A named array of an example.

    `dtype` is int64, int32, float32, float16 or bfloat16. `shape` is () for a scalar;
    its first dimension is None for a sequence, which may have another length in every
    example: (None,) for numbers, (None, k) for vectors. `fill` pads sequences; None is
    the vocabulary's [PAD].

    A tf.train.Example holds integers as int64_list, float32 as float_list, and float16
    and bfloat16 as one value of bytes_list: their bytes, little-endian, in C order.
    """

    dtype: str
    shape: tuple[int | None, ...] = ()
    fill: float | None = 0

    def __post_init__(self) -> None:
        if self.dtype not in _IN_MEMORY:
            raise InputError(
                f"the dtype of a feature is one of {', '.join(_IN_MEMORY)}; received "
                f"{self.dtype!r}"
            )
        if None in self.shape[1:]:
            raise InputError(
                "only the first dimension of a feature may be None; received shape "
                f"{self.shape}"
            )

    @property
    def variable(self) -> bool:
        """True for a sequence."""
        return self.shape[:1] == (None,)

    @property
    def stored_as_bytes(self) -> bool:
        """True if the feature is stored as one value of a bytes_list."""
        return self.dtype in ("float16", "bfloat16")

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one element of a sequence, or of the whole feature."""
        return tuple(size for size in self.shape if size is not None)

    @property
    def in_memory(self) -> np.dtype[Any]:
        """The dtype of arrays of it; integers have 32 bits."""
        return _IN_MEMORY[self.dtype]

    @property
    def element_bytes(self) -> int:
        """The memory of one element of a sequence, or of the whole feature."""
        return math.prod(self.row_shape) * self.in_memory.itemsize


ExampleSpec = Mapping[str, Feature]

TOKENS: ExampleSpec = {
    # Unpadded ids with [CLS] and [SEP]; positions from `segment_start` on are of the
    # second segment (it equals the length where there is one segment only).
    "token_ids": Feature(dtype="int64", shape=(None,), fill=None),
    "segment_start": Feature(dtype="int64"),
}


class Parsed(NamedTuple):
    """A feature of some examples.

    `values` is [examples, …], or [elements of all examples, …] for a sequence, whose
    `lengths`, int64 [examples], are None otherwise.
    """

    values: np.ndarray
    lengths: np.ndarray | None


def serialize(
    example: Mapping[str, np.ndarray | int | float], spec: ExampleSpec
) -> bytes:
    """Returns one tf.train.Example with exactly the features of `spec`.

    Raises ValueError for other features or shapes, for integers of more than 32 bits
    and for a sequence longer than `token_ids`, to whose length batches are padded.
    """
    if example.keys() != spec.keys():
        raise ValueError(
            f"an example has the features {sorted(spec)}; received {sorted(example)}"
        )
    # Filled in place, from lists: messages built one inside another copy at each
    # level, and iterating an array makes an object of each number. It is 3x faster.
    proto = tf.train.Example()
    features = proto.features.feature
    tokens = example.get("token_ids")
    longest = None if tokens is None else len(tokens)  # type: ignore[arg-type]
    for name, feature in spec.items():
        values = np.atleast_1d(example[name])
        _check_shape(name, feature, values, longest)
        if feature.stored_as_bytes:
            halves = np.ascontiguousarray(values, feature.in_memory).view(np.uint16)
            features[name].bytes_list.value.append(halves.astype("<u2").tobytes())
        elif feature.dtype == "float32":
            features[name].float_list.value.extend(values.ravel().tolist())
        else:
            _check_range(name, values)
            features[name].int64_list.value.extend(values.ravel().tolist())
    return proto.SerializeToString(deterministic=True)


def _check_shape(
    name: str, feature: Feature, values: np.ndarray, longest: int | None
) -> None:
    if feature.variable:
        fits = values.ndim == len(feature.shape) and (
            values.shape[1:] == feature.row_shape
        )
    else:
        fits = values.shape == (feature.shape or (1,))
    if not fits:
        raise ValueError(
            f"feature {name} has shape {feature.shape}; received {values.shape}"
        )
    if feature.variable and longest is not None and len(values) > longest:
        raise ValueError(
            f"a sequence is at most as long as token_ids, {longest}; received {name} "
            f"of length {len(values)}"
        )


def _check_range(name: str, values: np.ndarray) -> None:
    if values.dtype.itemsize <= 4 or not values.size:
        return
    if values.min() < _INT32.min or values.max() > _INT32.max:
        raise ValueError(
            f"integers have 32 bits; received {name} from {values.min()} to "
            f"{values.max()}"
        )


def parse(serialized: Sequence[bytes], spec: ExampleSpec) -> dict[str, Parsed]:
    """Returns the features of serialized examples."""
    features: dict[str, Any] = {}
    for name, feature in spec.items():
        if feature.stored_as_bytes:
            features[name] = tf.io.FixedLenFeature((), tf.string)
            continue
        dtype = tf.float32 if feature.dtype == "float32" else tf.int64
        if feature.variable:
            features[name] = tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
        else:
            features[name] = tf.io.FixedLenFeature(feature.shape, dtype)
    with tf.device("CPU:0"):
        parsed = tf.io.parse_example(serialized, features)
    return {name: _parsed(parsed[name], spec[name]) for name in spec}


def _parsed(tensor: Any, feature: Feature) -> Parsed:
    lengths: np.ndarray | None = None
    elements = math.prod(feature.row_shape)
    if feature.stored_as_bytes:
        texts = tensor.numpy()
        values = np.frombuffer(b"".join(texts), "<u2").astype(np.uint16, copy=False)
        values = values.view(feature.in_memory)
        if feature.variable:
            lengths = np.array([len(text) // (2 * elements) for text in texts])
    elif feature.variable:
        values = tensor.flat_values.numpy()
        lengths = tensor.row_lengths().numpy() // elements
    else:
        values = tensor.numpy()
    return Parsed(values.reshape(-1, *feature.row_shape), lengths)


def spec_to_json(spec: ExampleSpec) -> dict[str, Any]:
    """Returns the features as JSON data, one object per name."""
    return {name: dataclasses.asdict(feature) for name, feature in spec.items()}


def spec_from_json(data: Mapping[str, Any]) -> dict[str, Feature]:
    """Returns the features of JSON data; raises InputError for other fields."""
    fields = {field.name for field in dataclasses.fields(Feature)}
    for name, value in data.items():
        if value.keys() != fields:
            raise InputError(
                f"a feature has the fields {', '.join(sorted(fields))}; {name} has "
                f"{', '.join(sorted(value))}"
            )
    return {
        name: Feature(dtype=f["dtype"], shape=tuple(f["shape"]), fill=f["fill"])
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
