"""The report of a real run: its page, its CSV files, and what is not finished."""

import csv
import html
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import xml.etree.ElementTree
from collections.abc import Callable

import numpy as np
import programs
import pytest

Start = Callable[..., programs.Program]

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_CHROMIUM = pathlib.Path("/usr/bin/chromium")
_SECONDS = 600.0


def report(*arguments: str) -> subprocess.CompletedProcess[str]:
    return programs.run("report", *arguments)


@pytest.fixture(scope="module")
def workdir(
    start_small: Start, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """Basic training and PD with two seeds; the gate of a third teacher failed."""
    folder = tmp_path_factory.mktemp("report")
    gin = str(pathlib.Path(__file__).with_name("report.gin"))
    process = start_small(folder / "run", files=(gin,), log=folder / "log")
    assert process.wait(_SECONDS) == 1
    assert "gate weak" in (folder / "log").read_text().splitlines()[-1]
    return folder / "run"


@pytest.fixture(scope="module")
def made(workdir: pathlib.Path) -> subprocess.CompletedProcess[str]:
    done = report(
        f"--workdir={workdir}",
        "--baseline=basic",
        "--max_size_mb=1000",
        "--title=<Mood> & more",
    )
    assert done.returncode == 0, done.stderr
    return done


def rows_of(path: pathlib.Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_tables_agree_with_results_json(
    workdir: pathlib.Path, made: subprocess.CompletedProcess[str]
) -> None:
    results = json.loads((workdir / "results.json").read_text())
    page = (workdir / "report" / "index.html").read_text()
    table = {row["method"]: row for row in rows_of(workdir / "report" / "runs.csv")}
    assert table.keys() == {"teacher", "basic", "pd", "weak"}
    for method, line in table.items():
        measured = [
            row
            for row in results
            if row["kind"] == "evaluate" and row["method"] == method
        ]
        values = [100 * row["metrics"]["dev"]["accuracy"] for row in measured]
        assert int(line["dev_n"]) == len(values)
        assert float(line["dev_mean"]) == pytest.approx(statistics.mean(values))
        latency = statistics.median(row["latency_ms"] for row in measured)
        assert float(line["latency_ms"]) == pytest.approx(latency)
        shown = f"{statistics.mean(values):.1f}"
        if len(values) > 1:
            assert float(line["dev_sd"]) == pytest.approx(statistics.stdev(values))
            shown += f" ± {statistics.stdev(values):.1f}"
        assert f">{method}</th>" in page and shown in page
        assert re.search(rf"mood +{method} .*{re.escape(shown)}", made.stdout)
    assert table["pd"]["baseline"] == "basic small"
    assert table["basic"]["baseline"] == ""
    figure = rows_of(workdir / "report" / "figure-accuracy.csv")
    assert [(f["line"], f["x"], f["n"], f["source"]) for f in figure] == [
        ("small", "basic", "2", "run"),
        ("small", "pd", "2", "run"),
        ("small", "basic", "1", "paper"),
        ("small", "pd", "1", "paper"),
    ]
    assert figure[1]["mean"] == table["pd"]["dev_mean"]
    assert figure[3]["mean"] == "73.5"


def test_the_best_student_is_named_everywhere(
    workdir: pathlib.Path, made: subprocess.CompletedProcess[str]
) -> None:
    (best, *_) = rows_of(workdir / "report" / "best.csv")
    table = {row["method"]: row for row in rows_of(workdir / "report" / "runs.csv")}
    means = {m: float(r["dev_mean"]) for m, r in table.items() if m != "teacher"}
    assert best["rank"] == "1" and float(best["dev_mean"]) == max(means.values())
    page = (workdir / "report" / "index.html").read_text()
    assert f"mood: {html.escape(best['reason'])}" in page
    assert f"mood: {best['reason']}" in made.stdout


def test_predictions_agree_with_the_metrics(
    workdir: pathlib.Path, made: subprocess.CompletedProcess[str]
) -> None:
    table = {row["method"]: row for row in rows_of(workdir / "report" / "runs.csv")}
    counts: dict[str, dict[bool, int]] = {}
    for row in rows_of(workdir / "report" / "confusion.csv"):
        side = counts.setdefault(row["model"].split()[0], {True: 0, False: 0})
        side[row["gold"] == row["predicted"]] += int(row["count"])
    assert counts.keys() == table.keys()
    for method, side in counts.items():
        accuracy = 100 * side[True] / (side[True] + side[False])
        assert accuracy == pytest.approx(float(table[method]["dev_mean"]))
    difference = float(table["pd"]["dev_mean"]) - float(table["basic"]["dev_mean"])
    assert float(table["pd"]["difference"]) == pytest.approx(difference)
    bins = rows_of(workdir / "report" / "calibration.csv")
    assert sum(int(b["count"]) for b in bins if b["model"] == "pd small") == 48


def test_disagreements_are_texts_of_the_split(
    workdir: pathlib.Path,
    made: subprocess.CompletedProcess[str],
    small_data: pathlib.Path,
) -> None:
    lines = (small_data / "dev.tsv").read_text().splitlines()[1:]
    found = rows_of(workdir / "report" / "disagreements.csv")
    assert len(found) == 20
    gaps = [float(row["divergence"]) for row in found]
    assert gaps == sorted(gaps, reverse=True)
    for row in found:
        text, gold = lines[int(row["row"])].split("\t")
        assert row["gold"] == gold
        # What the small vocabulary lacks is [UNK], and texts are cut.
        words = re.findall(r"\w+", text)
        read = [w for w in re.findall(r"\w+", row["text"]) if w != "UNK"]
        assert read and set(read) <= set(words)


def test_what_is_not_finished_is_listed(
    workdir: pathlib.Path, made: subprocess.CompletedProcess[str]
) -> None:
    found = rows_of(workdir / "report" / "unfinished.csv")
    assert [(row["stage"].rpartition("-")[0], row["state"]) for row in found] == [
        ("gate-weak", "failed"),
        ("label-weak", "not begun"),
    ]
    assert "labels are made by a teacher" in found[0]["error"]
    page = (workdir / "report" / "index.html").read_text()
    assert "2 stages are unfinished or failed" in page and found[0]["stage"] in page
    assert "Unfinished or failed stages: 2" in made.stdout


def test_the_page_stands_alone_and_is_escaped(
    workdir: pathlib.Path, made: subprocess.CompletedProcess[str]
) -> None:
    page = (workdir / "report" / "index.html").read_text()
    assert "<h1>&lt;Mood&gt; &amp; more</h1>" in page
    assert "<script" not in page
    # Links to other places, but for the names of XML's namespaces.
    assert not re.findall(
        r'(?:src|href)="(?!#|data:|[a-z0-9_-]+\.(?:csv|svg)")[^"]*"', page
    )
    for name in re.findall(r'href="([a-z0-9_-]+\.(?:csv|svg))"', page):
        assert (workdir / "report" / name).is_file()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for used in re.findall(r'href="#([^"]+)"', page):
        assert used in ids
    for drawn in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        xml.etree.ElementTree.fromstring(drawn)
    assert not list((workdir / "report").glob(".*"))


def test_it_opens_in_a_browser(
    workdir: pathlib.Path,
    made: subprocess.CompletedProcess[str],
    tmp_path: pathlib.Path,
) -> None:
    if not _CHROMIUM.exists():
        pytest.skip(f"needs {_CHROMIUM}")
    page = workdir / "report" / "index.html"
    switches = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        f"--user-data-dir={tmp_path} --enable-logging=stderr --dump-dom"
    )
    done = subprocess.run(
        [str(_CHROMIUM), *switches.split(), page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert "CONSOLE" not in done.stderr, done.stderr
    drawn = re.findall(r"<svg[^>]*>\s*<title[^>]*>([^<]*)</title>", done.stdout)
    assert drawn[0] == "Accuracy of each method"
    for title in (
        "mood: dev accuracy (%) against latency of one example (ms)",
        "mood: dev accuracy (%) against size of the weights (MB)",
        "Training loss",
        "Dev accuracy during training",
        "mood: calibration on dev",
        "mood: pd small on dev",
        "clean-transfer: lengths of the texts, as far as the model sees them",
    ):
        assert title in drawn
    assert '<ul class="tree">' in done.stdout


def test_several_directories(workdir: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A run without plan, journal, predictions and logs beside the other."""
    old = tmp_path / "old"
    (old / "stages").mkdir(parents=True)
    rows = json.loads((workdir / "results.json").read_text())
    kept = [row for row in rows if row["stage"] == "evaluate-pd"]
    for row in kept:
        for key in ("fingerprint", "fingerprint_without_seeds"):
            row[key] = f"other{row[key]}"
    (old / "results.json").write_text(json.dumps(kept))
    output = tmp_path / "both"
    done = report(f"--workdir={workdir}", f"--workdir={old}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    found = {
        (row["method"], row["working directory"])
        for row in rows_of(output / "runs.csv")
    }
    assert {("pd", "run"), ("pd", "old"), ("basic", "")} <= found


def test_bad_input_is_one_line_and_broken_files_are_listed(
    workdir: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    for arguments, message in (
        ([f"--workdir={tmp_path}"], "has neither"),
        ([f"--workdir={workdir}", "--baseline=none"], "--baseline is one of"),
        ([f"--workdir={workdir}", "--split=train"], "--split is one of"),
    ):
        done = report(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ") and message in done.stderr
        assert done.stderr.count("\n") == 1
    broken = tmp_path / "broken"
    shutil.copytree(workdir, broken, symlinks=True)
    (path,) = broken.glob("stages/evaluate-teacher-*/predictions/dev.npz")
    np.savez(path, logits=np.zeros([2, 2]))
    (broken / "figures.json").write_text("[{")
    output = tmp_path / "whole"
    done = report(f"--workdir={broken}", f"--output={output}", "--baseline=basic")
    assert done.returncode == 0, done.stderr
    page = (output / "index.html").read_text()
    for text in (done.stdout, page):
        assert str(path) in text and str(broken / "figures.json") in text
    assert "2 files or figures could not be read" in page
    done = report(f"--workdir={workdir}", f"--output={path}")
    assert done.returncode == 1 and "output is a folder" in done.stderr
