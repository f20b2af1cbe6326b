"""Which artifact was made from which."""

import dataclasses
from collections.abc import Sequence

from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """An artifact: `id` (unique: the folder name), and the ids of those that it reads.

    `inputs` that no box has as its id are left out. `fingerprint` is shown by its first
    eight digits. A box that is not `finished` is dashed.
    """

    id: str
    kind: str
    name: str
    fingerprint: str = ""
    inputs: tuple[str, ...] = ()
    finished: bool = True


def lineage(boxes: Sequence[Box]) -> Figure:
    """Boxes with arrows from inputs to readers, in layers by the longest way to them.

    The figure grows with the number of boxes.

    Raises graphlib.CycleError if an artifact is among its own inputs.
    """
    raise NotImplementedError
