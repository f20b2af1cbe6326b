"""Reading a directory of TFRecord shards."""

import concurrent.futures
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import ExampleSpec, parser, spec_from_json
from pd_bert.data.shards import checksum
from pd_bert.errors import InputError
from pd_bert.system.atomic import read_json

_PARSE_BATCH = 2048


class Sequences:
    """A column of sequences: their values end to end, and where each begins."""

    def __init__(self, values: np.ndarray, offsets: np.ndarray) -> None:
        self._values = values
        self._offsets = offsets

    @property
    def values(self) -> np.ndarray:
        """All values, end to end."""
        return self._values

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self._offsets)

    def __getitem__(self, row: int) -> np.ndarray:
        return self._values[self._offsets[row] : self._offsets[row + 1]]

    def padded(self, rows: np.ndarray, length: int, fill: int) -> np.ndarray:
        """The rows as an array [len(rows), length], cut or filled."""
        starts = self._offsets[rows]
        lengths = np.minimum(self._offsets[rows + 1] - starts, length)
        positions = np.arange(length)
        real = positions < lengths[:, None]
        index = np.where(real, starts[:, None] + positions, 0)
        return np.where(real, self._values[index], fill).astype(self._values.dtype)


Columns = Mapping[str, "np.ndarray | Sequences"]


class Records:
    """A data set on disk, described by its manifest and checked against it."""

    def __init__(self, directory: pathlib.Path) -> None:
        path = directory / "manifest.json"
        if not path.is_file():
            raise InputError(f"a data set has a manifest.json; {directory} has none")
        self.directory = directory
        self.manifest: dict[str, Any] = read_json(path)
        self.spec: ExampleSpec = spec_from_json(self.manifest["spec"])

    @property
    def count(self) -> int:
        return int(self.manifest["count"])

    @property
    def shard_counts(self) -> list[int]:
        return [shard["count"] for shard in self.manifest["shards"]]

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """The length of every example in word pieces, uint16 [count]."""
        names = [
            pathlib.Path(shard["file"]).with_suffix(".npy")
            for shard in self.manifest["shards"]
        ]
        return np.concatenate([np.load(self.directory / name) for name in names])

    def check(self, vocabulary_fingerprint: str) -> None:
        """Raises InputError unless vocabulary and every shard are those expected."""
        made_with = self.manifest["vocabulary"]
        if made_with != vocabulary_fingerprint:
            raise InputError(
                "records and model must share one vocabulary; "
                f"{self.directory} was made with vocabulary {made_with[:12]}, the "
                f"model has {vocabulary_fingerprint[:12]}"
            )
        with concurrent.futures.ThreadPoolExecutor() as executor:
            list(executor.map(self._check_shard, self.manifest["shards"]))

    def _check_shard(self, shard: Mapping[str, Any]) -> None:
        path = self.directory / shard["file"]
        if not path.is_file():
            raise InputError(f"the manifest lists {path}, which is missing")
        size = path.stat().st_size
        if size != shard["bytes"]:
            raise InputError(
                f"a shard has the size in its manifest, {shard['bytes']} bytes; "
                f"{path} has {size}"
            )
        self._check_sum(path, shard["sha256"])
        if "lengths_sha256" in shard:  # manifests of earlier versions have none
            self._check_sum(path.with_suffix(".npy"), shard["lengths_sha256"])

    def _check_sum(self, path: pathlib.Path, wanted: str) -> None:
        if not path.is_file():
            raise InputError(f"the manifest lists {path}, which is missing")
        if (found := checksum(path)) != wanted:
            raise InputError(
                f"a shard has the SHA-256 in its manifest, {wanted[:12]}…; "
                f"{path} has {found[:12]}…"
            )

    def columns(self, shards: Sequence[int]) -> dict[str, np.ndarray | Sequences]:
        """The examples of these shards, in order, as arrays in memory."""
        files = [
            str(self.directory / self.manifest["shards"][i]["file"]) for i in shards
        ]
        dataset = tf.data.TFRecordDataset(files).batch(_PARSE_BATCH)
        dataset = dataset.map(parser(self.spec), num_parallel_calls=2)
        parts: dict[str, list[Any]] = {name: [] for name in self.spec}
        for batch in dataset.prefetch(2):
            for name, value in batch.items():
                parts[name].append(value)
        return {name: self._column(name, values) for name, values in parts.items()}

    def _column(self, name: str, parts: list[Any]) -> np.ndarray | Sequences:
        feature = self.spec[name]
        if not feature.variable:
            shape = [dim or 0 for dim in feature.shape]
            empty = np.zeros([0, *shape], feature.dtype)
            return np.concatenate([empty, *(part.numpy() for part in parts)])
        # Word-piece ids fit in 32 bits, which halves the block in memory.
        dtype = np.dtype(np.int32 if feature.dtype == "int64" else feature.dtype)
        values = [part.flat_values.numpy().astype(dtype) for part in parts]
        lengths = [part.row_lengths().numpy() for part in parts]
        ends = np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))
        flat = np.concatenate([np.zeros(0, dtype), *values])
        return Sequences(flat, np.concatenate([[0], ends]))
