"""A task's judgement of a model's predictions before others learn from them."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judgement:
    """The evidence for or against a teacher; None where a figure does not apply.

    `reasons` are sentences against the teacher, () if there are none. `summary` is one
    line for the terminal. Figures are shares of 1.

    `metric` is the primary one; `majority` the same metric of always answering
    `majority_label`, the label for which it is highest: by accuracy the most frequent
    gold label, by F1 the one that counts. `best_permutation` are the label
    names in the order of the logits that gives the highest accuracy of all orders,
    `best_permutation_accuracy`. `agreement` counts examples: a row a gold label, a
    column an answer. `confidence` are `right` and `wrong` answers counted in ten equal
    bins of the largest probability, 0 to 1, and its `mean`.
    `expected_calibration_error` is that of Guo et al. (2017), Equation 3, over the
    same bins.
    """

    metric: float
    majority: float | None = None
    majority_label: str | None = None
    accuracy: float | None = None
    best_permutation: tuple[str, ...] | None = None
    best_permutation_accuracy: float | None = None
    agreement: tuple[tuple[int, ...], ...] | None = None
    confidence: dict[str, object] | None = None
    expected_calibration_error: float | None = None
    reasons: tuple[str, ...] = ()
    summary: str
