"""What an evaluated model said of each example of a split."""

import dataclasses
import pathlib
import zipfile
from collections.abc import Iterable

import numpy as np
import scipy.special

from pd_bert.analysis.runs import artifact_info
from pd_bert.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictions:
    """A model's logits on a split, as an evaluation stores them.

    `example_id` is int64 [n], the row in the split's records; `logits` float32
    [n, labels], or [n, 1] of a regression; `label` [n] the gold label: an index of the
    logits, int64, or a score, float32. `names` are those of the labels.
    """

    example_id: np.ndarray
    logits: np.ndarray
    label: np.ndarray
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.example_id)
        if self.logits.ndim != 2 or len(self.logits) != count:
            raise InputError(
                f"logits are [examples, labels]; received {list(self.logits.shape)} "
                f"for {count} examples"
            )
        if self.label.shape != (count,):
            raise InputError(
                f"labels are [examples]; received {list(self.label.shape)} for {count}"
            )
        finite = np.isfinite(self.logits).all(axis=1)
        if not finite.all():
            raise InputError(
                f"logits are finite; those of {int((~finite).sum())} of {count} "
                "examples are not"
            )

    def alike(self, other: "Predictions") -> bool:
        """Whether both are of the same examples with the same gold labels."""
        return (
            self.logits.shape == other.logits.shape
            and np.array_equal(self.example_id, other.example_id)
            and np.array_equal(self.label, other.label)
        )

    @property
    def is_regression(self) -> bool:
        return self.logits.shape[1] == 1

    @property
    def predicted(self) -> np.ndarray:
        """The index of the likeliest label, or the score; [n]."""
        return self.logits[:, 0] if self.is_regression else self.logits.argmax(axis=1)

    @property
    def probabilities(self) -> np.ndarray:
        """Of a classifier: float64 [n, labels]."""
        return np.asarray(scipy.special.softmax(self.logits.astype(np.float64), axis=1))

    def label_name(self, index: int) -> str:
        return self.names[index] if index < len(self.names) else str(index)


def read_predictions(
    artifact: pathlib.Path, split: str, *, names: tuple[str, ...] = ()
) -> Predictions | None:
    """Those of an evaluation's artifact; None if it stored none of this split.

    Raises InputError if the file is not what an evaluation writes.
    """
    path = artifact / "predictions" / f"{split}.npz"
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            held = {key: arrays[key] for key in ("example_id", "logits", "label")}
        return Predictions(**held, names=names)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"predictions hold the arrays example_id, logits and label; {path}: {error}"
        ) from error


class PredictionFiles:
    """Reads each file of predictions once; `faults` says which could not be read."""

    def __init__(self) -> None:
        self._read: dict[tuple[pathlib.Path, str], Predictions | None] = {}
        self.faults: list[str] = []

    def of(
        self, artifacts: Iterable[pathlib.Path], split: str
    ) -> tuple[Predictions, ...]:
        """Those of each artifact; () unless all have them, on the same examples."""
        found = [self._one(artifact, split) for artifact in artifacts]
        whole = [each for each in found if each is not None]
        if len(whole) < len(found) or not all(map(whole[0].alike, whole)):
            return ()
        return tuple(whole)

    def _one(self, artifact: pathlib.Path, split: str) -> Predictions | None:
        key = artifact, split
        if key not in self._read:
            self._read[key] = None
            try:
                names = tuple(artifact_info(artifact).get("labels") or ())
                self._read[key] = read_predictions(artifact, split, names=names)
            except InputError as error:
                self.faults.append(f"Predictions are left out: {error}.")
        return self._read[key]
