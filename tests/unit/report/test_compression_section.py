"""The section on students against their teachers, from stored artifacts."""

import csv
import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from pd_bert.analysis.evidence import Evidence, gather
from pd_bert.report.content import Drawing, Paragraph, Section, Table
from pd_bert.report.report import Report
from pd_bert.report.sections.compression import compression

Row = Callable[..., dict[str, Any]]
WriteRun = Callable[..., pathlib.Path]

PAPER = {
    "class": "pd_bert.export.paper_compression.PaperCompression",
    "settings": {
        "name": "E = 50",
        "label": "somebody 2020",
        "metric": 86.46,
        "parameters": 5_100_000,
        "compression": 35.1,
        "speed_up": [[1, 16.0], [32, 51.0]],
    },
}


def side(method: str, size: str, parameters: int, ms: float, **others: Any) -> Any:
    """A model whose batches of 32 take ten times as long as one text."""
    return {
        "method": method,
        "size": size,
        "task": "ner",
        "fingerprint": f"{method} {size}",
        "parameters": parameters,
        "without_embeddings": parameters // 2,
        "size_bytes": 4 * parameters,
        "speeds": {
            "1": {
                "median_ms": ms,
                "p95_ms": 2 * ms,
                "examples_per_second": 1000 / ms,
            },
            "32": {
                "median_ms": 10 * ms,
                "p95_ms": 16 * ms,
                "examples_per_second": 3200 / ms,
            },
        },
        **others,
    }


def info(student: Any, teacher: Any, **others: Any) -> dict[str, Any]:
    times = teacher["speeds"]["1"]["median_ms"] / student["speeds"]["1"]["median_ms"]
    ratio = teacher["parameters"] / student["parameters"]
    names = ("parameters", "without_embeddings", "size_bytes")
    return {
        "kind": "compression",
        "lineage": {},
        "student": student,
        "teacher": teacher,
        "ratios": {
            **dict.fromkeys(names, ratio),
            "speed_up": {"1": times, "32": times},
        },
        "length": 32,
        "runs": 100,
        "signature": "token_ids",
        "paper": None,
        **others,
    }


def f1(value: float) -> dict[str, Any]:
    return {"metrics": {"dev": {"f1": value}}, "primary_metric": "f1"}


@pytest.fixture
def evidence(
    tmp_path: pathlib.Path, row: Row, write_run: WriteRun
) -> Callable[..., Evidence]:
    """(artifacts of compressions) → the evidence of a run with them."""

    def make(*infos: dict[str, Any]) -> Evidence:
        rows = [
            row("lstm", 0.5, kind="compression", stage="compression-lstm", metrics=None)
            for _ in infos
        ]
        workdir = write_run(tmp_path / "run", rows)
        for each, content in zip(rows, infos, strict=True):
            (workdir / each["artifact"] / "artifact.json").write_text(
                json.dumps(content)
            )
        return gather([workdir])

    return make


def table_of(section: Section) -> Table:
    (table,) = (each for each in section.blocks if isinstance(each, Table))
    return table


def test_students_stand_below_their_teacher(evidence) -> None:
    """Once: it is shown by the median of its turns, ratios by those of the pair."""
    large, small = (
        side("lstm", "e300", 30_000_000, 8.0),
        side("lstm", "e50", 5_000_000, 2.0),
    )
    slower, faster = (side("teacher", "base", 180_000_000, ms) for ms in (42.0, 38.0))
    section = compression(
        evidence(info(large, slower), info(small, faster, paper=PAPER))
    )
    table = table_of(section)
    assert table.header == (
        "model",
        "parameters, M",
        "without embeddings, M",
        "MB",
        "batch of 1, ms",
        "batch of 32, examples/s",
    )
    assert table.rows == (
        ("teacher base", "180.0", "90.0", "720.0", "40.00 (80.00)", "80 (50)"),
        (
            "lstm e300",
            "30.0\n6.0×",
            "15.0\n6.0×",
            "120.0\n6.0×",
            "8.00 (16.00)\n5.2×",
            "400 (250)\n5.2×",
        ),
        (
            "lstm e50",
            "5.0\n36.0×",
            "2.5\n36.0×",
            "20.0\n36.0×",
            "2.00 (4.00)\n19.0×",
            "1,600 (1,000)\n19.0×",
        ),
        ("paper: E = 50", "5.1\n35.1×", "–", "–", "16.0×", "51.0×"),
    )
    assert "100 times per batch size" in table.caption
    assert "exactly 32 word pieces, as ids" in table.caption
    (label,) = (each for each in section.blocks if isinstance(each, Paragraph))
    assert label.text == "The paper's numbers, E = 50: somebody 2020."
    assert not [each for each in section.blocks if isinstance(each, Drawing)]


def test_metrics_are_drawn_against_size_and_time(evidence) -> None:
    student = side("lstm", "e50", 5_000_000, 2.0, **f1(0.86))
    other = side("lstm", "e300", 30_000_000, 8.0, **f1(0.88))
    teacher = side("teacher", "base", 180_000_000, 40.0, **f1(0.92))
    section = compression(
        evidence(info(student, teacher, paper=PAPER), info(other, teacher))
    )
    table = table_of(section)
    assert table.header[1] == "f1 %"
    assert [row[1] for row in table.rows] == ["92.0", "86.0", "86.5", "88.0"]
    drawn = [each for each in section.blocks if isinstance(each, Drawing)]
    assert [each.name for each in drawn] == [
        "compression-ner-size",
        "compression-ner-latency",
    ]
    assert drawn[0].caption.startswith(
        "ner: dev f1 (%) against size of the SavedModel (MB)."
    )
    assert drawn[1].caption.startswith(
        "ner: dev f1 (%) against median time of one text"
    )


def test_a_model_without_a_metric_has_a_dash(evidence) -> None:
    student = side("lstm", "e50", 5_000_000, 2.0, **f1(0.86))
    teacher = side("teacher", "base", 180_000_000, 40.0)
    section = compression(evidence(info(student, teacher)))
    assert [row[1] for row in table_of(section).rows] == ["–", "86.0"]
    (file,) = section.written_files
    values = [row[file.header.index("value")] for row in file.rows]
    assert values == [86.0, None]


def test_students_of_one_name_are_distinguished(evidence) -> None:
    teacher = side("teacher", "base", 180_000_000, 40.0)
    section = compression(
        evidence(
            *[info(side("lstm", "e50", 5_000_000, ms), teacher) for ms in (2.0, 3.0)]
        )
    )
    names = [row[0] for row in table_of(section).rows]
    assert names[0] == "teacher base" and len(set(names)) == 3
    assert all(re.fullmatch(r"lstm e50 \d{4}", name) for name in names[1:])


def test_the_page_and_the_csv_file_have_it(evidence, tmp_path: pathlib.Path) -> None:
    student = side("lstm", "e50", 5_000_000, 2.0, **f1(0.86))
    teacher = side("teacher", "base", 180_000_000, 40.0, **f1(0.92))
    found = evidence(info(student, teacher, paper=PAPER))
    page = Report(evidence=found, title="t", command="c").write(tmp_path / "out")
    text = page.read_text()
    assert 'id="compression"' in text and "35.1×" in text
    assert (tmp_path / "out" / "compression-ner-size.svg").is_file()
    with (tmp_path / "out" / "compression.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["side"], second["side"]) == ("student", "teacher")
    assert first["pair"] == second["pair"] == "lstm e50"
    assert float(first["parameters_ratio"]) == 36
    assert float(first["batch_32_speed_up"]) == 20
    assert float(second["batch_1_median_ms"]) == 40
    assert second["batch_1_speed_up"] == ""


def test_runs_without_it_have_no_section(tmp_path, row, write_run) -> None:
    found = gather([write_run(tmp_path / "run", [row("pd", 0.8)])])
    section = compression(found)
    assert not section.blocks and not section.written_files
    page = Report(evidence=found, title="t", command="c").write(tmp_path / "out")
    assert 'id="compression"' not in page.read_text()
