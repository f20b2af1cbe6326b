"""The base of the stages that take some examples of a data set."""

import abc
import dataclasses

import numpy as np
import tqdm

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.work import Work, WriteRecords
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.data.selection import write_selection, write_selection_manifest
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.system import interrupt
from pd_bert.system.atomic import written_aside

_CARRIED = ("labels", "inputs", "sequence_length", "vocabulary_size", "teacher_network")
# Of an example: a hash, its place when they are sorted, a lot, whether it is kept; of
# these some twice while NumPy sorts.
_BYTES_PER_EXAMPLE = 112


@dataclasses.dataclass(frozen=True, kw_only=True)
class Select(Stage):
    """Some examples of a stage's data set, with all their features."""

    @property
    @abc.abstractmethod
    def whole(self) -> Stage:
        """The stage whose data set it is."""

    @abc.abstractmethod
    def choose(self, context: Context, records: Records) -> dict[str, np.ndarray]:
        """`keep`, bool [count], with what else is worth remembering of the choice."""

    def share_work(self, context: Context) -> None:
        if not (context.scratch / "chosen.npz").exists():
            return  # its owner chooses, once for all
        records = self._records(context)
        self._write(context, records, self._chosen(context, records)["keep"])

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        whole = inputs[self.field_of(self.whole)]
        return dataclasses.replace(
            super().outline(inputs, survey),
            labels=whole.labels,
            inputs=whole.inputs,
            sequence_length=whole.sequence_length,
            teacher=whole.teacher,
            every_head=whole.every_head,
        )

    def _records(self, context: Context) -> Records:
        return Records(context.artifact(self.whole).directory)

    def _chosen(self, context: Context, records: Records) -> dict[str, np.ndarray]:
        """The choice; who comes next, helper or a restarted run, reads it."""
        path = context.scratch / "chosen.npz"
        if not path.exists():
            chosen = self.choose(context, records)
            with written_aside(path) as aside, aside.open("wb") as file:
                np.savez(file, **chosen)  # type: ignore[arg-type]
        with np.load(path) as file:
            return dict(file)

    def _write(self, context: Context, records: Records, keep: np.ndarray) -> None:
        with tqdm.tqdm(
            desc=context.where, total=int(keep.sum()), unit=" examples", mininterval=1
        ) as bar:
            write_selection(
                records,
                keep,
                directory=context.directory,
                processes=context.runtime.workers,
                progress=bar.update,
                stop=interrupt.check,
            )

    def _finish(self, context: Context, records: Records) -> Info:
        """The manifest, the vocabulary, and what the artifact says of them."""
        whole = context.artifact(self.whole)
        vocabulary = whole.vocabulary()
        manifest = write_selection_manifest(
            records,
            directory=context.directory,
            settings=self.settings(context.runtime),
        )
        vocabulary.write(context.directory / "vocab.txt")
        return {
            **vocabulary_info(vocabulary),
            **{key: whole[key] for key in _CARRIED if key in whole.info},
            "count": manifest["count"],
            "bytes": manifest["bytes"],
        }


def selected(whole: ExpectedRecords, count: int, *, exact: bool) -> ExpectedRecords:
    """Describes `count` examples of a data set."""
    share = count / max(1, whole.count)
    return dataclasses.replace(
        whole,
        count=count,
        bytes=round(share * whole.bytes),
        exact=exact,
        shards=max(1, min(whole.shards, round(2 * share * whole.shards))),
    )


def selection_work(
    whole: ExpectedRecords, taken: ExpectedRecords, *, compared: int = 0
) -> Work:
    """The work of taking examples of a data set.

    `compared` is how many examples are read to choose them, of whatever data sets.
    """
    block = whole.parsed_bytes(-(-whole.count // whole.shards))
    return WriteRecords(
        records=taken,
        parsed=compared + whole.count,
        held_bytes=_BYTES_PER_EXAMPLE * whole.count + block,
        scratch_bytes=whole.count,
    )


def require_positive(title: str, size: int | None) -> None:
    """Raises InputError for a size below 1."""
    if size is not None and size < 1:
        raise InputError(f"{title}: size is at least 1, received {size}")
