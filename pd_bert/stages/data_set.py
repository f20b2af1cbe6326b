"""A data set inside the artifact of a stage."""

from typing import NamedTuple

from pd_bert.data.records import Records
from pd_bert.stages.base import Context, Stage


class DataSet(NamedTuple):
    """The records in a folder of a stage's artifact; "" is the artifact itself."""

    stage: Stage
    folder: str = ""

    def records(self, context: Context) -> Records:
        """Reads its manifest."""
        return Records(context.artifact(self.stage).directory / self.folder)
