"""The results of a search: a table, search.json and best.gin."""

import dataclasses
import datetime
import functools
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from pd_bert.search.points import Point, Points
from pd_bert.values import to_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchReport:
    """The finished trials of a search, in the order of its points.

    `identity` is the search's. Neither the order nor the best of equals depends on
    which process ran a trial, or when.
    """

    identity: Mapping[str, Any]
    points: Points
    trials: Sequence[FrozenTrial]

    @functools.cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The trials of search.json; `value` is the mean of `values`, one per seed."""
        return [
            {
                "trial": trial.number,
                "params": to_json(self.points.point(trial.params)),
                "state": _state(trial),
                "value": trial.value if trial.state == TrialState.COMPLETE else None,
                "values": trial.user_attrs.get("values"),
                "failure": _failure(trial),
                "seconds": trial.user_attrs["seconds"],
            }
            for trial in self._ordered
        ]

    @property
    def best(self) -> dict[str, Any] | None:
        """The row of the highest value, the first of equals."""
        valued = [row for row in self.rows if row["value"] is not None]
        return max(valued, key=lambda row: row["value"], default=None)

    @property
    def best_point(self) -> Point:
        """The values of the macros in the best trial; there must be one."""
        assert self.best is not None
        trial = self._ordered[self.rows.index(self.best)]
        return self.points.point(trial.params)

    @property
    def _ordered(self) -> list[FrozenTrial]:
        return sorted(self.trials, key=lambda t: self.points.number(t.params))

    def json(self) -> dict[str, Any]:
        """Returns the content of search.json."""
        return {
            **self.identity,
            "split": "dev",
            "best": self.best,
            "trials": self.rows,
        }

    def table(self) -> str:
        """Returns one line per point: values, mean ± sd over seeds, state, seconds."""
        names = list(self.rows[0]["params"])
        head = (*names, f"dev {self.identity['metric']} %", "seeds", "state", "seconds")
        lines = [head]
        for row in self.rows:
            lines.append(
                (
                    *(str(row["params"][name]) for name in names),
                    _spread(row["values"]) if row["value"] is not None else "–",
                    str(len(row["values"])) if row["value"] is not None else "–",
                    row["state"] + (" (best)" if row == self.best else ""),
                    f"{row['seconds']:.0f}",
                )
            )
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(map(str.rjust, line, widths)).rstrip() for line in lines
        )

    def best_gin(self, bindings: Sequence[str], journal: str) -> str:
        """Returns best.gin: the macros of the best point, to run the recipe with."""
        best = self.best
        assert best is not None
        name, stage, metric = (self.identity[k] for k in ("recipe", "stage", "metric"))
        ended = sum(row["value"] is not None for row in self.rows)
        today = datetime.datetime.now(datetime.UTC).date()
        return "\n".join(
            [
                f"# The best setting of the recipe '{name}': give it after that.",
                f"# {stage}: dev {metric} {best['value']:.4f}, mean of "
                f"{len(best['values'])} run(s), trial {best['trial']} of {journal}.",
                f"# {today}; {len(self.rows)} trials, of which {ended} ran to the end.",
                *bindings,
                "",
            ]
        )


def _state(trial: FrozenTrial) -> str:
    """complete, pruned or diverged."""
    return (_failure(trial) or "complete").partition(":")[0]


def _failure(trial: FrozenTrial) -> str | None:
    if trial.state == TrialState.COMPLETE:
        return None
    return str(trial.user_attrs["failure"])


def _spread(values: Sequence[float]) -> str:
    mean = f"{100 * statistics.mean(values):.1f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {100 * statistics.stdev(values):.1f}"
