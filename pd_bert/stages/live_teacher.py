"""A teacher that runs inside the student's step."""

import dataclasses

from pd_bert.stages.base import Stage


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveTeacher:
    """The model of a stage, frozen, under the name by which objectives read it.

    It computes the outputs that they read, and no others. Without a live teacher of its
    name, an objective reads what a label stage has stored in the records.
    """

    name: str = "teacher"
    model: Stage
