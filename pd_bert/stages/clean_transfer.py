"""Stage: a transfer set without repeated texts and without leaks."""

import dataclasses
import functools
import json
from typing import ClassVar

import numpy as np

from pd_bert.costs.work import Works
from pd_bert.curation.cleaning import Cleaning, clean, hashes
from pd_bert.curation.token_statistics import TokenStatistics
from pd_bert.curation.tokenized import of_examples, of_records
from pd_bert.curation.transfer_report import TransferReport
from pd_bert.data.records import Records
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines, require_known
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.select import Select, require_positive, selected, selection_work
from pd_bert.system import interrupt
from pd_bert.training.runtime import Runtime

_ALIKE = ("sequence_length", "inputs")
# So much, of D_T and of splits to measure on, is hashed for an estimate.
_SURVEYED_BYTES = 2_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class CleanTransfer(Select):
    """D_T as students learn from it, with a report on its texts.

    Of texts that are the same to the model the first one stays. Texts that occur in a
    split of the task other than train are leaks and removed: models are chosen and
    measured on those. Texts to train on may be in D_T, as they are in the paper's
    (Turc et al. 2019). Of what is left `size` texts are drawn at random, and InputError
    is raised if there are fewer; a smaller draw is a part of a larger one.

    `artifact.json` has the report under `transfer`; see `TransferReport`.
    """

    name: str = "transfer"
    transfer: Stage
    task_data: PrepareTask
    size: int | None = None
    seed: int = 0

    kind: ClassVar[str] = "clean"

    @property
    def whole(self) -> Stage:
        return self.transfer

    def result_columns(self) -> Info:
        return {**super().result_columns(), "task": self.task_data.task.name}

    def check(self) -> None:
        super().check()
        require_positive(self.title, self.size)

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        transfer, task_data = inputs["transfer"], inputs["task_data"]
        self._require_alike(transfer, task_data, self.where)
        outline = super().outline(inputs, survey)
        if survey is None or transfer.splits is None or task_data.splits is None:
            return outline
        # A small source is read to its end. Of others it is known how many texts are
        # repeated or leaked when all were read.
        data = transfer.splits[""]
        found = self._survey(inputs, survey)
        keep = np.ones(data.count, np.bool_) if found is None else found.keep
        count = int(keep.sum())
        records = selected(
            data,
            count if self.size is None else min(self.size, count),
            exact=found is not None,
        )
        if found is not None:
            lengths = data.lengths[keep]
            records = dataclasses.replace(records, read_lengths=lambda: lengths)
        return dataclasses.replace(outline, splits={"": records})

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        whole = inputs["transfer"].require_records()
        splits = require_known(inputs["task_data"].splits, "task_data")
        taken = outline.require_records()
        compared = whole.count + sum(each.count for each in splits.values())
        # Once for their hashes, and once for the report.
        return (selection_work(whole, taken, compared=2 * compared),)

    def choose(self, context: Context, records: Records) -> dict[str, np.ndarray]:
        splits = self._splits(context)
        of_split = {split: self._hashes(each) for split, each in splits.items()}
        found = clean(
            self._hashes(records),
            train=of_split.pop("train"),
            held_out=of_split,
            size=self.size,
            seed=self.seed,
        )
        counts = {
            field.name: getattr(found, field.name)
            for field in dataclasses.fields(found)
            if field.name != "keep"
        }
        return {"keep": found.keep, "counts": np.asarray(json.dumps(counts))}

    def run(self, context: Context) -> Info:
        transfer = context.artifact(self.transfer)
        task_data = context.artifact(self.task_data)
        self._require_alike(Outline.of(transfer), Outline.of(task_data), context.where)
        records, vocabulary = self._records(context), transfer.vocabulary()
        splits = self._splits(context)
        for each in (records, *splits.values()):
            each.check(vocabulary.fingerprint)
        chosen = self._chosen(context, records)
        cleaning = Cleaning(keep=chosen["keep"], **json.loads(str(chosen["counts"])))
        count = functools.partial(TokenStatistics.of, vocabulary=vocabulary)
        report = TransferReport(
            cleaning=cleaning,
            transfer=count(
                of_records(records, stop=interrupt.check), keep=cleaning.keep
            ),
            labeled=count(of_records(splits["train"], stop=interrupt.check)),
            vocabulary=vocabulary,
        )
        report.require_usable(context.where)
        if self.size is not None and cleaning.size < self.size:
            raise InputError(
                f"{context.where}: size is {self.size}, and {cleaning.size} texts are "
                f"left of {cleaning.size_before}: {cleaning.duplicates} are "
                f"duplicates, {cleaning.leaked} occur in dev, test or another split"
            )
        self._write(context, records, cleaning.keep)
        info = self._finish(context, records)
        print(f"{context.where}: {report.summary()}", flush=True)
        return {**info, "transfer": report.to_json(), "facts": report.facts}

    def _splits(self, context: Context) -> dict[str, Records]:
        """All that the prepared task holds, with labels or without."""
        directory = context.artifact(self.task_data).directory
        task = self.task_data.task
        return {
            split: Records(directory / split)
            for split in (*task.splits, *task.unlabeled_splits)
        }

    def _hashes(self, records: Records) -> np.ndarray:
        return hashes(of_records(records, stop=interrupt.check))

    def _require_alike(self, transfer: Outline, task: Outline, where: str) -> None:
        """Texts that were cut or joined otherwise would not be found to be the same."""
        for name in _ALIKE:
            one, other = getattr(transfer, name), getattr(task, name)
            if one is not None and other is not None and one != other:
                raise InputError(
                    f"{where}: transfer set and task must have the same {name}; "
                    f"{self.transfer.title} has {one}, {self.task_data.title} has "
                    f"{other}"
                )

    def _survey(self, inputs: Outlines, survey: Surveyor) -> Cleaning | None:
        """The cleaning itself where that takes no time; None elsewhere."""
        if not isinstance(self.transfer, PrepareTransfer):
            return None
        encodings = {
            **self.task_data.encodings(inputs["task_data"]),
            **self.transfer.encodings(inputs["transfer"]),
        }
        del encodings["train"]
        known = {
            **(inputs["task_data"].splits or {}),
            **(inputs["transfer"].splits or {}),
        }
        if sum(known[name].bytes for name in encodings) > _SURVEYED_BYTES:
            return None
        found = {}
        for name, encoding in encodings.items():
            examples = survey.encoded(encoding).examples
            if examples is None:
                return None
            found[name] = hashes([of_examples(examples)])
        transfer = found.pop("")
        return clean(
            transfer,
            train=transfer[:0],
            held_out=found,
            size=self.size,
            seed=self.seed,
        )
