"""Data sets of TensorFlow Datasets."""

import dataclasses
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pd_bert.data.source import Row, Source, TextRow, digest, rows_of
from pd_bert.data.survey import Read, Survey, counted
from pd_bert.errors import InputError

# tensorflow_datasets is imported within the functions: it takes seconds, which
# programs that read local files need not wait for.


@dataclass(frozen=True, kw_only=True)
class Tfds(Source):
    """Rows of one split of a data set, prepared on first use if it is not yet.

    A data set that is prepared under `data_dir` is read without the network.

    Args:
        name: of the builder, with a config or version if wanted: "glue/sst2:2.0.0".
        split: a split or a part of one: "train", "train[:10%]".
        text: feature that holds the text; "data/review_body" is one inside another.
        text_b: feature that holds the second text of a pair.
        label: feature of the label. Class labels come as their names; the -1 of
            test sets without labels comes as None.
        order_by: feature of whole numbers by which the rows are ordered, in memory.
            Data sets are stored shuffled; GLUE's `idx` is the row in GLUE's file.
        data_dir: where data sets lie; None is the library's default,
            $TFDS_DATA_DIR or ~/tensorflow_datasets.
    """

    name: str
    split: str
    text: str
    text_b: str | None = None
    label: str | None = None
    order_by: str | None = None
    data_dir: str | None = None

    def rows(self) -> Iterator[Row]:
        """Gives rows in the order in which they are stored, or that of `order_by`.

        Raises:
            InputError: an unknown data set, split or feature, or a failed download.
        """
        import tensorflow_datasets as tfds

        builder = self._prepared()
        feature = value_at(builder.info.features, self.label) if self.label else None
        for where, example in self._examples(builder):
            text = _to_text(value_at(example, self.text), self.text, where)
            text_b = None
            if self.text_b:
                text_b = _to_text(value_at(example, self.text_b), self.text_b, where)
            label = None
            if self.label:
                value = value_at(example, self.label)
                if isinstance(feature, tfds.features.ClassLabel):
                    label = None if value < 0 else feature.int2str(int(value))
                else:
                    label = value.decode() if isinstance(value, bytes) else str(value)
            yield TextRow(text=text, text_b=text_b, label=label, where=where)

    def _examples(self, builder: Any) -> Iterator[tuple[str, Any]]:
        """Gives each example with its place."""
        import tensorflow_datasets as tfds

        # One file after another: the default interleaves sixteen.
        in_order = tfds.ReadConfig(interleave_cycle_length=1)
        examples = builder.as_dataset(
            split=self.split, shuffle_files=False, read_config=in_order
        )
        found = tfds.as_numpy(examples)
        if self.order_by is not None:
            order_by = self.order_by
            found = sorted(found, key=lambda example: int(value_at(example, order_by)))
        for index, example in enumerate(found):
            yield f"tfds:{self.name}/{self.split}#{index}", example

    def _builder(self) -> Any:
        """Finds the builder and checks features; does not download."""
        import tensorflow_datasets as tfds

        try:
            builder = tfds.builder(self.name, data_dir=self.data_dir)
        except ValueError as error:  # DatasetNotFoundError is one
            raise InputError(
                f"no data set {self.name!r} in TensorFlow Datasets"
                f"{f' or {self.data_dir}' if self.data_dir else ''}: "
                f"{_first_line(error)}"
            ) from error
        features = builder.info.features or {}
        for feature in (self.text, self.text_b, self.label, self.order_by):
            if feature is None:
                continue
            try:
                value_at(features, feature)
            except (KeyError, TypeError):
                raise InputError(
                    f"no feature {feature!r} in {', '.join(sorted(features))}: "
                    f"tfds:{self.name}"
                ) from None
        return builder

    def _prepared(self) -> Any:
        """Returns the builder once its data are on disk and the split is known."""
        import requests
        import tensorflow_datasets as tfds

        builder = self._builder()
        try:
            builder.download_and_prepare()  # does nothing if it is prepared
        except (
            requests.RequestException,
            tfds.core.download.util.DownloadError,
            urllib.error.URLError,
            ConnectionError,
            TimeoutError,
        ) as error:
            raise InputError(
                f"the download of the data set {self.name!r} failed: prepare it under "
                "data_dir on a machine with the network, or give local files to Table "
                f"or TextLines ({_first_line(error)})"
            ) from error
        self._check_split(builder)
        return builder

    def _check_split(self, builder: Any) -> None:
        try:
            _ = builder.info.splits[self.split].num_examples
        except (KeyError, ValueError) as error:
            raise InputError(
                f"no split {self.split!r} in {', '.join(builder.info.splits)}: "
                f"tfds:{self.name}"
            ) from error

    def fingerprint(self) -> str:
        """Returns the hash of name, version, split sizes and settings.

        Downloads the data set if it is not prepared: only then are its sizes known.
        """
        builder = self._prepared()
        splits = builder.info.splits
        sizes = [
            [name, splits[name].num_examples, splits[name].num_bytes]
            for name in sorted(splits)
        ]
        return digest(
            "Tfds",
            [builder.info.full_name, sizes, self.split],
            [self.text, self.text_b, self.label],
            *([self.order_by] if self.order_by else []),
        )

    def check(self) -> None:
        """Looks for builder and features, and the split if that is on disk."""
        builder = self._builder()
        if builder.info.splits:
            self._check_split(builder)

    def survey(self, read: Read, seconds: float) -> Survey:
        """Extrapolates to the number of examples that the data set declares."""
        total = self._prepared().info.splits[self.split].num_examples
        seen = 0

        def items() -> Iterator[Any]:
            nonlocal seen
            for item in read(self):
                seen += 1
                yield item

        found = counted(items(), lambda: min(1.0, seen / max(1, total)), seconds)
        # Each example is a row, but a blank document is left out.
        return dataclasses.replace(found, exact=found.exact or read is rows_of)


def value_at(nested: Any, path: str) -> Any:
    """Returns the value at a path of keys: value_at({"a": {"b": 1}}, "a/b") -> 1."""
    for key in path.split("/"):
        nested = nested[key]
    return nested


def _to_text(value: object, feature: str, where: str) -> str:
    if not isinstance(value, bytes):
        raise InputError(
            f"feature {feature!r} must be a text, received "
            f"{type(value).__name__}: {where}"
        )
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"text must be UTF-8, received another encoding in {feature!r}: {where}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
