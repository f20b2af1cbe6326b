"""A figure that a recipe draws from its results."""

import dataclasses
import re
from collections.abc import Mapping

from pd_bert.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric over a column of the results, a line for each value of another.

    A column is a key of a row of results.json, of the row's `axes` or of its `facts`:
    `parameters`, `size`, `task`, `method`, `STUDENT`, `transfer_size`, `similarity` …
    The value at a point is the mean over seeds of the primary metric on `split`, in
    percent, or of the column `y`. With `panels`, also a column, each of its values has
    a panel of its own. With `meta_score` it is the mean over tasks of the means of
    their metrics on dev (Turc et al. 2019, Section 5), for each seed that has every
    task.

    `methods` are those that are drawn, in that order; all of them without it. `kind`
    is that of the rows: `evaluate`, or `score` for means that the recipe takes.
    `paper` holds the paper's own numbers to show beside it, line → x → percent, and
    `paper_label` says where they are from.
    """

    name: str
    title: str
    x: str
    x_label: str
    lines: str = "method"
    panels: str | None = None
    y: str | None = None
    y_label: str = ""
    meta_score: bool = False
    split: str = "dev"
    kind: str = "evaluate"
    methods: tuple[str, ...] = ()
    log_x: bool = False
    paper: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    paper_label: str = ""

    def check(self) -> None:
        """Raises InputError for a name that is no file's, or numbers without source."""
        if not re.fullmatch("[a-z0-9_]+", self.name):
            raise InputError(
                "a figure's name is of small letters, digits and _, since files are "
                f"named after it; received {self.name!r}"
            )
        if self.y and not self.y_label:
            raise InputError(
                f"figure {self.name}: an axis says what it shows, with the unit; "
                f"y = {self.y!r} has no y_label"
            )
        if self.paper and not self.paper_label:
            raise InputError(
                f"figure {self.name}: numbers of a paper need a paper_label that says "
                "where they are from; received none"
            )
