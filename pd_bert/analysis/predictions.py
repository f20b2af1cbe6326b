"""Predictions of evaluated models for the examples of a split."""

import dataclasses
import pathlib
import zipfile
from collections.abc import Iterable

import numpy as np

from pd_bert.analysis.runs import artifact_info
from pd_bert.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictions:
    """A model's answers on a split, as an evaluation stores them.

    `example_id` is int64 [n], the row in the split's records; `answers` are float
    [n, labels], a classifier's probabilities, or [n, 1], a regression's scores; `label`
    [n] is the gold label: an index of the probabilities, int64, or a score, float32.
    `names` are the names of the labels.
    """

    example_id: np.ndarray
    answers: np.ndarray
    label: np.ndarray
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.example_id)
        if self.answers.ndim != 2 or len(self.answers) != count:
            raise InputError(
                f"answers are [examples, labels]; received {list(self.answers.shape)} "
                f"for {count} examples"
            )
        if self.label.shape != (count,):
            raise InputError(
                f"labels are [examples]; received {list(self.label.shape)} for {count}"
            )
        finite = np.isfinite(self.answers).all(axis=1)
        if not finite.all():
            raise InputError(
                f"answers are finite; those of {int((~finite).sum())} of {count} "
                "examples are not"
            )

    def alike(self, other: "Predictions") -> bool:
        """Returns True if both are of the same examples with the same gold labels."""
        return (
            self.answers.shape == other.answers.shape
            and np.array_equal(self.example_id, other.example_id)
            and np.array_equal(self.label, other.label)
        )

    @property
    def is_regression(self) -> bool:
        return self.answers.shape[1] == 1

    @property
    def predicted(self) -> np.ndarray:
        """The index of the likeliest label, or the score; [n]."""
        if self.is_regression:
            return self.answers[:, 0]
        return self.answers.argmax(axis=1)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The name of each label, or its number where it has no name."""
        numbers = map(str, range(len(self.names), self.answers.shape[1]))
        return (*self.names, *numbers)


def read_predictions(
    artifact: pathlib.Path, split: str, *, names: tuple[str, ...] = ()
) -> Predictions | None:
    """Returns the predictions of an evaluation's artifact.

    None if it stored none of this split, or if its task does not have one answer per
    example. Raises InputError if the file is not what an evaluation writes.
    """
    path = artifact / "predictions" / f"{split}.npz"
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            example_id, label = arrays["example_id"], arrays["label"]
            if "score" in arrays:
                answers = arrays["score"][:, None]
            elif "probabilities" in arrays and arrays["probabilities"].ndim == 2:
                answers = arrays["probabilities"]
            else:
                return None
        return Predictions(
            example_id=example_id, answers=answers, label=label, names=names
        )
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            "predictions hold example_id, label and probabilities or a score; "
            f"{path}: {error}"
        ) from error


class PredictionFiles:
    """Reads each file of predictions once; `faults` lists the unreadable ones."""

    def __init__(self) -> None:
        self._read: dict[tuple[pathlib.Path, str], Predictions | None] = {}
        self.faults: list[str] = []

    def of(
        self, artifacts: Iterable[pathlib.Path], split: str
    ) -> tuple[Predictions, ...]:
        """Returns each artifact's predictions.

        () unless all artifacts have them, on the same examples.
        """
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
