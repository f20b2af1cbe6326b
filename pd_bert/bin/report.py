"""Makes a report of finished runs: an HTML page, tables as CSV, figures as SVG.

  pd-bert-report --workdir=runs/quickstart --baseline=basic
  pd-bert-report --workdir=runs/a --workdir=runs/b --output=reports/both \\
      --max_latency_ms=5 --max_size_mb=20

The page needs no network and no other file; open it in a browser, or print it. A report
of runs that are unfinished or failed lists what is missing. The program also prints the
table of runs, and the best student within the limits.
"""

import pathlib
import shlex
import sys

from absl import flags

from pd_bert.analysis.evidence import gather
from pd_bert.bin import program
from pd_bert.report.report import Report
from pd_bert.report.sections.best_student import best_text
from pd_bert.report.sections.run_table import text_table

_WORKDIR = flags.DEFINE_multi_string(
    "workdir", None, "A run's working directory", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The folder for the page, CSV and SVG files; default: report in the first WORKDIR.",
)
_BASELINE = flags.DEFINE_string(
    "baseline", None, "The method that all others are compared with, e.g. basic."
)
_SPLIT = flags.DEFINE_string(
    "split", None, "The split to compare on; default: test where there is one."
)
_MAX_LATENCY_MS = flags.DEFINE_float(
    "max_latency_ms",
    None,
    "Print the best student on dev with at most these milliseconds per example.",
    lower_bound=0,
)
_MAX_SIZE_MB = flags.DEFINE_float(
    "max_size_mb",
    None,
    "Print the best student on dev with at most these megabytes (10⁶ bytes).",
    lower_bound=0,
)
_TITLE = flags.DEFINE_string("title", None, "The page's title.")


def _main() -> None:
    directories = [pathlib.Path(name) for name in _WORKDIR.value]
    evidence = gather(
        directories,
        split=_SPLIT.value,
        baseline=_BASELINE.value,
        max_latency_ms=_MAX_LATENCY_MS.value,
        max_size_mb=_MAX_SIZE_MB.value,
    )
    report = Report(
        evidence=evidence,
        title=_TITLE.value or f"Report: {', '.join(evidence.runs.recipes)}",
        command=shlex.join(["pd-bert-report", *sys.argv[1:]]),
    )
    output = pathlib.Path(_OUTPUT.value or directories[0] / "report")
    path = report.write(output)
    print(f"{text_table(evidence)}\n")
    if best := best_text(evidence):
        print(best)
    if missing := len(evidence.runs.unfinished):
        print(f"Unfinished or failed stages: {missing}")
    for fault in evidence.faults:
        print(fault)
    print(f"Report: {path}")


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
