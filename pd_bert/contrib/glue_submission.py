"""Stage: predictions for GLUE's test sets as the zip file that its server takes."""

import dataclasses
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pd_bert.contrib.check_submission import HEADER, check_submission
from pd_bert.contrib.glue_files import GLUE_FILES, GlueFile
from pd_bert.costs.work import Fixed, Works
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.stages.predict import Predict
from pd_bert.training.runtime import Runtime

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GlueSubmission(Stage):
    """Writes `submission.zip`, which holds one file per test set of GLUE.

    The tasks are known by their names: cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte and
    wnli, with the unlabeled splits `test` and, for mnli, `test_mismatched` and `ax`.
    The server wants all eleven files. With `fill_missing` one that was not predicted
    gets the same placeholder in every row, and the artifact lists it; else it is an
    error. Without `official_counts` test sets may have any number of rows, for trials.
    """

    predictions: tuple[Predict, ...]
    fill_missing: bool = False
    official_counts: bool = True

    kind: ClassVar[str] = "submission"

    def result_columns(self) -> Info:
        return {**self.predictions[0].result_columns(), "task": "glue"}

    def check(self) -> None:
        super().check()
        where = f"{self.kind} {self.name}"
        if not self.predictions:
            raise InputError(
                f"{where}: a submission needs predictions for at least one task, "
                "received none"
            )
        known = list(dict.fromkeys(file.task for file in GLUE_FILES))
        tasks = [each.task_data.task.name for each in self.predictions]
        for index, task in enumerate(tasks):
            if task not in known:
                raise InputError(
                    f"{where}: GLUE's tasks are {', '.join(known)}; received {task!r}"
                )
            if task in tasks[:index]:
                raise InputError(
                    f"{where}: a task is submitted once; received {task} twice"
                )
        if (missing := self._missing()) and not self.fill_missing:
            raise InputError(
                f"{where}: the server wants {len(GLUE_FILES)} files; nothing predicts "
                f"{', '.join(missing)}; GlueSubmission.fill_missing = True puts a "
                "placeholder there"
            )

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        known = {self.inputs()[field]: each for field, each in inputs.items()}
        for file in GLUE_FILES:
            source = self._source(file)
            if source is None:
                continue
            labels, predicted = known[source].labels, known[source].predicted
            if labels is not None and predicted is not None:
                self._require(file, labels, predicted, self.where)
        return Outline()  # the tasks' models may have different vocabularies

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        return (Fixed(seconds=0.1, disk_bytes=1_000_000),)

    def run(self, context: Context) -> Info:
        path = context.directory / "submission.zip"
        missing = self._missing()
        counts = {}
        with zipfile.ZipFile(path, "w") as archive:
            for file in GLUE_FILES:
                source = self._source(file)
                if source is None:
                    answers = [file.placeholder] * file.rows
                else:
                    artifact = context.artifact(source)
                    self._require(
                        file, artifact.labels, artifact["predicted"], context.where
                    )
                    answers = _read(artifact.directory / f"{file.split}.tsv")
                lines = [HEADER]
                lines += [
                    f"{index}\t{file.written(answer)}"
                    for index, answer in enumerate(answers)
                ]
                # A fixed time: equal predictions give equal bytes.
                entry = zipfile.ZipInfo(file.file, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, "\n".join(lines) + "\n")
                counts[file.file] = len(answers)
        check_submission(path, official_counts=self.official_counts)
        if missing:
            print(
                f"{context.where}: a placeholder in every row of {', '.join(missing)}, "
                "which nothing predicts",
                flush=True,
            )
        return {
            "files": counts,
            "placeholders": missing,
            "size_bytes": path.stat().st_size,
        }

    def _source(self, file: GlueFile) -> Predict | None:
        for each in self.predictions:
            task = each.task_data.task
            if task.name == file.task and file.split in task.unlabeled_splits:
                return each
        return None

    def _missing(self) -> list[str]:
        return [file.file for file in GLUE_FILES if self._source(file) is None]

    def _require(
        self, file: GlueFile, labels: Sequence[str], rows: Mapping[str, int], where: str
    ) -> None:
        """Raises InputError unless these labels and rows can be submitted."""
        named = [label for label, _ in file.values]
        if named and (others := set(labels) - set(named)):
            raise InputError(
                f"{where}: the labels of {file.task} are {', '.join(named)} for "
                f"{file.file}; received {', '.join(sorted(others))}"
            )
        if self.official_counts and rows[file.split] != file.rows:
            raise InputError(
                f"{where}: {file.file} must have {file.rows:,} rows; the split "
                f"{file.split} of {file.task} has {rows[file.split]:,}"
            )


def _read(path: pathlib.Path) -> list[str]:
    lines = path.read_text().removesuffix("\n").split("\n")
    return [line.split("\t")[1] for line in lines[1:]]
