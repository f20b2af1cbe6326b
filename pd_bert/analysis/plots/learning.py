"""How training went: a value against steps."""

import dataclasses
from collections.abc import Sequence

from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class History:
    """What a stage logged: `values` (as long as `steps`) at `steps`, ascending.

    `kind` is the stage's kind ("pretrain", "distill" …), `name` the stage as readers
    know it.
    """

    kind: str
    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def learning(histories: Sequence[History], *, y_label: str, window: int = 1) -> Figure:
    """A panel a kind, a line a stage. `y_label` says the unit: "loss (nats)".

    With `window` above 1 each point is the mean of that many logged values, and the
    axis says so. Values that are not finite are left out.
    """
    raise NotImplementedError
