"""Stage: a transfer set without repeated texts and without leaks."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from pd_bert.costs.cost import Cost, require_known
from pd_bert.costs.probe import Probe
from pd_bert.data.curation.cleaning import Cleaning, clean, hashes
from pd_bert.data.curation.token_statistics import TokenStatistics
from pd_bert.data.curation.tokenized import of_records, of_rows
from pd_bert.data.curation.transfer_report import TransferReport
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.select import Select, require_positive, selection_cost
from pd_bert.system import interrupt

_ALIKE = ("sequence_length", "inputs")
# So much, of D_T and of splits to measure on, is hashed for an estimate.
_SURVEYED_BYTES = 2_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class CleanTransfer(Select):
    """D_T as students shall learn from it, and what is to be known of it.

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

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        self._require_alike(inputs["transfer"], inputs["task_data"], where)
        # The labels are the task's; D_T has none yet.
        return super().promise(inputs, where)

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
        self._require_alike(transfer.info, task_data.info, context.where)
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

    def _require_alike(
        self, transfer: Mapping[str, Any], task: Mapping[str, Any], where: str
    ) -> None:
        """Texts that were cut or joined otherwise would not be found to be the same."""
        for key in _ALIKE:
            if key in transfer and key in task and transfer[key] != task[key]:
                raise InputError(
                    f"{where}: transfer set and task must have the same {key}; "
                    f"{self.transfer.title} has {transfer[key]}, "
                    f"{self.task_data.title} has {task[key]}"
                )

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        require_known(inputs, "task_data", "splits")
        self._require_alike(inputs["transfer"], inputs["task_data"], self.title)
        data = require_known(inputs, "transfer", "splits")[""]
        splits = inputs["task_data"]["splits"]
        # A small source is read to its end. Of others it is known how many texts are
        # repeated or leaked when all were read.
        found = self._survey(inputs, probe)
        keep = np.ones(data.count, np.bool_) if found is None else found.keep
        count = int(keep.sum())
        labeled = sum(each.count for each in splits.values())
        cost, expected = selection_cost(
            data,
            count if self.size is None else min(self.size, count),
            exact=found is not None,
            choosing=2 * (data.count + labeled),  # for hashes, then for the report
        )
        if found is not None:
            expected = dataclasses.replace(expected, lengths=data.lengths[keep])
        return cost, {**inputs["transfer"], "splits": {"": expected}}

    def _survey(self, inputs: Mapping[str, Info], probe: Probe) -> Cleaning | None:
        """The cleaning itself where that takes no time; None elsewhere."""
        if not isinstance(self.transfer, PrepareTransfer):
            return None
        splits = {**inputs["task_data"]["splits"], "": inputs["transfer"]["splits"][""]}
        del splits["train"]
        found = {}
        if sum(each.bytes for each in splits.values()) > _SURVEYED_BYTES:
            return None
        for stage, field in (
            (self.transfer, "transfer"),
            (self.task_data, "task_data"),
        ):
            for part in stage.parts({"vocabulary": inputs[field]}, probe):
                if part.folder == "train":
                    continue
                survey = probe.survey(part.source, part.read)
                if len(splits[part.folder].lengths) != survey.count or not survey.whole:
                    return None
                found[part.folder] = hashes(of_rows(survey.items, part.encode))
        transfer = found.pop("")
        return clean(
            transfer,
            train=transfer[:0],
            held_out=found,
            size=self.size,
            seed=self.seed,
        )
