"""What a report writes, and what it leaves alone."""

import csv
import json
import re
import shutil

import pytest

from pd_bert.analysis.evidence import gather
from pd_bert.errors import InputError
from pd_bert.report.content import Table, anchor
from pd_bert.report.report import Report
from pd_bert.report.sections.recipe_figures import recipe_figures
from pd_bert.report.sections.run_table import text_table


@pytest.fixture
def report(tmp_path, row, write_run, write_predictions):
    rows = [
        row("pd", 0.8, task="a b", axes={"T": "-x"}),
        row("pd", 0.7, task="a b", axes={"T": "=1+1"}),
        row("d", 0.7, task="a_b"),
    ]
    workdir = write_run(tmp_path / "run", rows)
    for each in rows:
        write_predictions(workdir, each, [0, 1, 1], [0, 1, 0])
    return Report(evidence=gather([workdir]), title="t", command="c")


def test_text_that_a_spreadsheet_would_run_is_marked(tmp_path, report):
    report.write(tmp_path / "out")
    with (tmp_path / "out" / "runs.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [each["T"] for each in found] == ["'-x", "'=1+1", ""]
    assert [float(each["dev_mean"]) for each in found] == [80, 70, 70]


def test_a_run_without_a_finished_evaluation_has_a_page(tmp_path, row, write_run):
    trained = row("pd", 0.5, kind="distill", stage="distill-pd", metrics=None)
    workdir = write_run(tmp_path / "run", [trained])
    wanted = [{"artifact": f"evaluate-pd-{1:012}"}]
    (workdir / "plan.json").write_text(json.dumps(wanted))
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "plan.json").write_text(json.dumps(wanted))
    paper = {"pd": {"tiny": 85.5}}
    settings = {"name": "f", "title": "t", "x": "size", "x_label": "size"}
    figures = [
        {"settings": settings},
        {"settings": {**settings, "name": "g", "paper": paper, "paper_label": "p"}},
    ]
    (workdir / "figures.json").write_text(json.dumps(figures))
    wants = tmp_path / "wants"
    shutil.copytree(begun, wants)
    (wants / "results.json").write_text("[]")
    for directories in ([workdir], [workdir, begun], [begun], [wants]):
        evidence = gather(directories, baseline="d", max_size_mb=1)
        page = Report(evidence=evidence, title="t", command="c").write(tmp_path / "out")
        text = page.read_text()
        assert "No evaluation is finished" in text and wanted[0]["artifact"] in text
        assert ("distill" in text) == (workdir in directories)
        assert text_table(evidence).startswith("No evaluation")


def test_files_of_an_earlier_report_do_not_stay(tmp_path, report):
    output = tmp_path / "out"
    page = report.write(output)
    drawn = {path.name for path in output.glob("*.svg")}
    assert set(re.findall(r'href="(.*?\.svg)"', page.read_text())) == drawn
    assert (output / min(drawn)).read_text() in page.read_text()
    assert (output / "confusion.csv").is_file()
    for name in ("mine.csv", "old_figure.csv"):
        (output / name).write_text("")
    text = page.read_text()
    page.write_text(text.replace("</main>", '<a href="old_figure.csv">x</a></main>'))
    for path in (tmp_path / "run" / "stages").glob("*/predictions/*"):
        path.unlink()
    later = gather([tmp_path / "run"])
    Report(evidence=later, title="t", command="c").write(output)
    names = {path.name for path in output.iterdir()}
    assert {"runs.csv", "mine.csv"} <= names
    assert not {"confusion.csv", "old_figure.csv"} & names
    left = {name for name in names if name.endswith(".svg")}
    assert left < drawn and not any("confusion" in name for name in left)


def test_a_file_is_no_output(tmp_path, report):
    (tmp_path / "file").write_text("kept")
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="output is a folder"):
            report.write(output)
    assert (tmp_path / "file").read_text() == "kept"


def test_ids_are_unique_and_tables_have_row_headers(tmp_path, report):
    page = report.write(tmp_path / "out").read_text()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert anchor("a b") != anchor("a_b")
    assert '<th scope="row" class="name">a_b</th>' in page
    assert page.count('tabindex="0"') == page.count('class="scroll"')


def test_labels_in_any_script_give_no_warning(
    tmp_path, row, write_run, write_predictions, recwarn
):
    held = row("学生", 0.8, task="اختبار")
    workdir = write_run(tmp_path / "run", [held])
    write_predictions(workdir, held, [0, 1, 1], [0, 1, 0])
    page = Report(evidence=gather([workdir]), title="t", command="c").write(
        tmp_path / "out"
    )
    assert "学生" in page.read_text(encoding="utf-8")
    assert not [w for w in recwarn if "Glyph" in str(w.message)]


def test_the_papers_numbers_stand_beside_the_runs(tmp_path, row, write_run):
    """In one row where both have the place, else each in its own."""
    rows = [
        row("pd", 0.7, axes={"TEXTS": 1}, facts={"similarity": 1.0}),
        row("pd", 0.6, axes={"TEXTS": 2}, facts={"similarity": 0.52}),
    ]
    workdir = write_run(tmp_path / "run", rows)
    settings = {
        "name": "runs",
        "title": "t",
        "x": "similarity",
        "x_label": "S",
        "paper": {"pd": {"1.0": 87.2, "0.43": 82.4}, "d": {"1.0": 84.1}},
        "paper_label": "P",
    }
    (workdir / "figures.json").write_text(json.dumps([{"settings": settings}]))
    section = recipe_figures(gather([workdir]))
    assert [file.name for file in section.files] == ["figure-runs"]
    (table,) = (each for each in section.blocks if isinstance(each, Table))
    assert table.header == ("method", "S", "paper", "this run")
    assert table.rows == (
        ("pd", "0.43", "82.4", "–"),
        ("pd", "0.52", "–", "60.0"),
        ("pd", "1", "87.2", "70.0"),
        ("d", "1", "84.1", "–"),
    )


def test_a_long_cell_is_wrapped_so_that_numbers_stay_in_sight(tmp_path, row, write_run):
    held = row("teacher", 0.9, kind="gate", stage="gate-teacher", metrics=None)
    workdir = write_run(tmp_path / "run", [held])
    order = [f"package_{number}" for number in range(14)]
    info = {
        "kind": "gate",
        "lineage": {},
        "gate": {"passed": True, "metric": 0.605, "best_permutation": order},
    }
    (workdir / held["artifact"] / "artifact.json").write_text(json.dumps(info))
    page = Report(evidence=gather([workdir]), title="t", command="c").write(tmp_path)
    text = page.read_text()
    assert f'<td class="long">{", ".join(order)}</td>' in text
    assert "<td>60.5</td>" in text
    (style,) = re.findall(r"td\.long \{ (text-align.*?) \}", text)
    rules = dict(rule.split(": ") for rule in style.rstrip(";").split("; "))
    assert rules["white-space"] == "pre-line"
    assert rules["overflow-wrap"] == "anywhere"
    assert "30rem" in rules["max-width"]
