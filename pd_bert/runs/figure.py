"""A figure that a recipe draws from its results."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from pd_bert.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric over a column of the results, with one line per value of another.

    A column is a key of a row of results.json, of the row's `axes` or of its `facts`:
    `parameters`, `size`, `task`, `STUDENT`, `transfer_size`, `similarity` … or
    `speed_up`, a model's examples per second over those of its task's teacher. A point
    is the mean over seeds of the primary metric on `split`, in percent, or of the
    column `y`. With `meta_score` it is the mean over tasks of the means of their
    metrics on dev (Turc et al. 2019, Section 5), for each seed that has every task.
    With `panels`, also a column, there is one panel per value of it.

    Neighbors are joined by a line if `connected`, which suits an x with an order. Only
    `methods` are drawn, in that order; without it all are. `kind` is the kind of the
    rows: `evaluate`, or `score` for means that the recipe computes. `paper` holds the
    paper's own numbers to show beside it, line → x → percent; `paper_label` names their
    source, task and models.
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
    connected: bool = True
    paper: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    paper_label: str = ""

    def check(self) -> None:
        """Raises InputError for a name unfit for files, or numbers without a source."""
        if not re.fullmatch("[a-z0-9_]+", self.name):
            raise InputError(
                "a figure's name has small letters, digits and _, since files are "
                f"named after it; received {self.name!r}"
            )
        if self.y and not self.y_label:
            raise InputError(
                f"figure {self.name}: an axis has a label with the unit; "
                f"y = {self.y!r} has no y_label"
            )
        if self.paper and not self.paper_label:
            raise InputError(
                f"figure {self.name}: numbers of a paper need a paper_label that names "
                "their source; received none"
            )


def figure_of(data: Any) -> Figure:
    """Returns the figure of an object in figures.json, without importing anything.

    Raises InputError for an object that is not a figure of this version.
    """
    settings = data.get("settings") if isinstance(data, Mapping) else None
    if not isinstance(settings, Mapping):
        raise InputError(f"a figure is an object with settings; received {data!r}")
    known = {field.name: field for field in dataclasses.fields(Figure)}
    if strange := settings.keys() - known.keys():
        raise InputError(f"a figure has no setting {', '.join(sorted(strange))}")
    for name, field in known.items():
        needed = field.default is field.default_factory is dataclasses.MISSING
        if needed and name not in settings:
            raise InputError(f"a figure needs the setting {name}; received none")
    for name, value in settings.items():
        allowed = _TYPES.get(name, str)
        optional = name in ("panels", "y") and value is None
        if not optional and not isinstance(value, allowed):
            raise InputError(
                f"a figure's {name} is of another type; received {value!r}"
            )
    for points in settings.get("paper", {}).values():
        if not isinstance(points, Mapping) or not all(
            isinstance(each, int | float) for each in points.values()
        ):
            raise InputError(f"a paper's numbers are line, x, number; found {points!r}")
    methods = tuple(map(str, settings.get("methods", ())))
    figure = Figure(**{**settings, "methods": methods})
    figure.check()
    return figure


_TYPES: Mapping[str, Any] = {
    "methods": list,
    "paper": Mapping,
    "log_x": bool,
    "connected": bool,
    "meta_score": bool,
}
