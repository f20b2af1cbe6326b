"""The report: a page and CSV files."""

import csv
import dataclasses
import datetime
import io
import pathlib
from collections.abc import Callable

from pd_bert.analysis.content import Csv, Section
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.page import page
from pd_bert.analysis.sections.answers import answers
from pd_bert.analysis.sections.artifacts import artifacts
from pd_bert.analysis.sections.best_student import best_student
from pd_bert.analysis.sections.learning_curves import learning_curves
from pd_bert.analysis.sections.partings import partings
from pd_bert.analysis.sections.recipe_figures import recipe_figures
from pd_bert.analysis.sections.run_table import run_table
from pd_bert.analysis.sections.teaching import teaching
from pd_bert.analysis.sections.tradeoff import tradeoff
from pd_bert.analysis.sections.unfinished_stages import unfinished_stages
from pd_bert.data.atomic import written_aside

SECTIONS: tuple[Callable[[Evidence], Section], ...] = (
    best_student,
    run_table,
    recipe_figures,
    tradeoff,
    teaching,
    learning_curves,
    answers,
    partings,
    artifacts,
    unfinished_stages,
)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What evidence shows, as sections; `command` is how it was asked for."""

    evidence: Evidence
    title: str
    command: str

    def write(self, directory: pathlib.Path) -> pathlib.Path:
        """Writes index.html and the CSV files into `directory`; returns the page.

        The directory is made if it is missing. Each file is written whole or not at
        all, the page last.
        """
        sections = [section(self.evidence) for section in SECTIONS]
        directory.mkdir(parents=True, exist_ok=True)
        for section in sections:
            for file in section.files:
                _write(directory / f"{file.name}.csv", _csv_text(file))
        path = directory / "index.html"
        text = page(
            self.evidence,
            [section for section in sections if section.blocks],
            title=self.title,
            command=self.command,
            created=datetime.datetime.now(datetime.UTC),
        )
        _write(path, text)
        return path


def _csv_text(file: Csv) -> str:
    """RFC 4180, but for lines that end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(file.header)
    writer.writerows(file.rows)
    return text.getvalue()


def _write(path: pathlib.Path, text: str) -> None:
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="")
