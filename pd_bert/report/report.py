"""A report: a page, and its tables and figures as files."""

import csv
import dataclasses
import datetime
import io
import pathlib
import re
from collections.abc import Callable

from pd_bert.analysis.evidence import Evidence
from pd_bert.errors import InputError
from pd_bert.report.content import Cell, Csv, Section
from pd_bert.report.page import page
from pd_bert.report.sections.answers import answers
from pd_bert.report.sections.artifacts import artifacts
from pd_bert.report.sections.best_student import best_student
from pd_bert.report.sections.compression import compression
from pd_bert.report.sections.disagreements import disagreements
from pd_bert.report.sections.learning_curves import learning_curves
from pd_bert.report.sections.recipe_figures import recipe_figures
from pd_bert.report.sections.run_table import run_table
from pd_bert.report.sections.teaching import teaching
from pd_bert.report.sections.tradeoff import tradeoff
from pd_bert.report.sections.unfinished_stages import unfinished_stages
from pd_bert.system.atomic import written_aside

_GENERATOR = '<meta name="generator" content="pd_bert">'
_LINK = re.compile(r'<a href="([a-z0-9_-]+\.(?:csv|svg))">')

SECTIONS: tuple[Callable[[Evidence], Section], ...] = (
    best_student,
    run_table,
    recipe_figures,
    tradeoff,
    compression,
    teaching,
    learning_curves,
    answers,
    disagreements,
    artifacts,
    unfinished_stages,
)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """Evidence as sections of a page; `command` is the command line that made it."""

    evidence: Evidence
    title: str
    command: str

    def write(self, directory: pathlib.Path) -> pathlib.Path:
        """Writes index.html, CSV and SVG files into `directory`; returns the page.

        The directory is made if it is missing. Each file is written whole or not at
        all, the page last; other files of an earlier report there are removed.

        Raises InputError if `directory` is a file or in one.
        """
        sections = [section(self.evidence) for section in SECTIONS]
        path = directory / "index.html"
        text = page(
            self.evidence,
            [section for section in sections if section.blocks],
            title=self.title,
            command=self.command,
            created=datetime.datetime.now(datetime.UTC),
        )
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(
                f"a report's output is a folder, which may be new; {directory} is or "
                "is in a file"
            ) from error
        files: dict[str, str] = {}
        for section in sections:
            for each in section.written_files:
                files[f"{each.name}.csv"] = _csv_text(each)
            files |= {f"{each.name}.svg": str(each.svg) for each in section.drawings}
        for name in _linked(path) - files.keys():
            (directory / name).unlink(missing_ok=True)
        for name, content in files.items():
            _write(directory / name, content)
        _write(path, text)
        return path


def _linked(path: pathlib.Path) -> set[str]:
    """The files that the page of an earlier report names as its own."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    return set(_LINK.findall(text)) if _GENERATOR in text else set()


def _csv_text(file: Csv) -> str:
    """RFC 4180, except that lines end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(file.header)
    writer.writerows([_safe(cell) for cell in row] for row in file.rows)
    return text.getvalue()


def _safe(cell: Cell) -> Cell:
    """Marks text that a spreadsheet would take for a formula as text."""
    if not isinstance(cell, str) or not cell.startswith(
        ("=", "+", "-", "@", "\t", "\r")
    ):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _write(path: pathlib.Path, text: str) -> None:
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="")
