"""A paper's own numbers on the compression of a student."""

import dataclasses

from pd_bert.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaperCompression:
    """The numbers of a student in a paper, to stand beside measured ones.

    `metric` is in percent, `compression` the teacher's parameters over the student's,
    and `speed_up` has (batch size, teacher's time over the student's) pairs; None and
    () where the paper has none. `label` names paper, models, texts and machines.
    """

    name: str
    label: str
    metric: float | None = None
    parameters: int | None = None
    compression: float | None = None
    speed_up: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.label:
            raise InputError(
                f"the numbers of a paper need a label that names their source; "
                f"{self.name} has none"
            )
        pairs = tuple((int(size), float(times)) for size, times in self.speed_up)
        object.__setattr__(self, "speed_up", pairs)
