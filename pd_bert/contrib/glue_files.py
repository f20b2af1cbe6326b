"""The files of a submission to the GLUE server."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class GlueFile:
    """One of the eleven files: predictions for one test set.

    `values` are (label name, what is written for it) pairs, () where scores from 0 to 5
    are written. `rows` is the official number; `placeholder` is the label or
    score that stands for a missing prediction.
    """

    name: str
    task: str
    split: str = "test"
    rows: int
    values: tuple[tuple[str, str], ...]
    placeholder: str

    @property
    def file(self) -> str:
        """Its name in the zip file."""
        return f"{self.name}.tsv"

    def written(self, prediction: str) -> str | None:
        """Returns the text of a label name or a score; None for an unknown label.

        A score out of its range becomes the nearest one within: "5.2" -> "5.000".
        """
        if self.values:
            return dict(self.values).get(prediction)
        return f"{min(max(float(prediction), 0.0), 5.0):.3f}"


def _by_number(*labels: str) -> tuple[tuple[str, str], ...]:
    return tuple((label, str(number)) for number, label in enumerate(labels))


def _by_name(*labels: str) -> tuple[tuple[str, str], ...]:
    return tuple((label, label) for label in labels)


_NLI = _by_name("entailment", "neutral", "contradiction")
_TWO_WAY = _by_name("entailment", "not_entailment")

GLUE_FILES = (
    GlueFile(
        name="CoLA",
        task="cola",
        rows=1_063,
        values=_by_number("unacceptable", "acceptable"),
        placeholder="acceptable",
    ),
    GlueFile(
        name="SST-2",
        task="sst2",
        rows=1_821,
        values=_by_number("negative", "positive"),
        placeholder="positive",
    ),
    GlueFile(
        name="MRPC",
        task="mrpc",
        rows=1_725,
        values=_by_number("not_equivalent", "equivalent"),
        placeholder="equivalent",
    ),
    GlueFile(name="STS-B", task="stsb", rows=1_379, values=(), placeholder="2.5"),
    GlueFile(
        name="QQP",
        task="qqp",
        rows=390_965,
        values=_by_number("not_duplicate", "duplicate"),
        placeholder="not_duplicate",
    ),
    GlueFile(
        name="MNLI-m", task="mnli", rows=9_796, values=_NLI, placeholder="entailment"
    ),
    GlueFile(
        name="MNLI-mm",
        task="mnli",
        split="test_mismatched",
        rows=9_847,
        values=_NLI,
        placeholder="entailment",
    ),
    GlueFile(
        name="QNLI", task="qnli", rows=5_463, values=_TWO_WAY, placeholder="entailment"
    ),
    GlueFile(
        name="RTE", task="rte", rows=3_000, values=_TWO_WAY, placeholder="entailment"
    ),
    GlueFile(
        name="WNLI",
        task="wnli",
        rows=146,
        values=_by_number("not_entailment", "entailment"),
        placeholder="not_entailment",
    ),
    GlueFile(
        name="AX",
        task="mnli",
        split="ax",
        rows=1_104,
        values=_NLI,
        placeholder="entailment",
    ),
)
"""All that the server asks for; AX, the diagnostic set, is for MNLI's model."""
