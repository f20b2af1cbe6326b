"""Compares the speeds of this checkout with those of another commit, in turns.

  git worktree add --detach ../before COMMIT
  PYTHONPATH=. .venv/bin/python tools/benchmark_commits.py --before=../before

Each contestant of tools/benchmark.py runs from both checkouts, which take turns:
before, after, before … A figure is the median of the turns' ratios, with the least and
the greatest of them. The text is that of docstrings. The machine should have nothing
else to do.
"""

import functools
import json
import pathlib
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from typing import Any

from absl import app, flags
from benchmark_race import Worker, race, ratios, say

from pd_bert.contrib.docstrings import Docstrings
from pd_bert.text.train_vocabulary import train_vocabulary

_BEFORE = flags.DEFINE_string("before", None, "The other checkout.", required=True)
_ONLY = flags.DEFINE_list("only", None, "Names of contestants; default: all.")
_REPEATS = flags.DEFINE_integer("repeats", 5, "Turns of each contestant.", 1)
_ROWS = flags.DEFINE_integer("rows", 2000, "Texts to label and distill.", 1)
_OUTPUT = flags.DEFINE_string("output", None, "The JSON file to write.")

_HERE = pathlib.Path(__file__).resolve().parents[1]
_CHARACTERS = 5_000_000
_CONTESTANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("step", {"size": "tiny"}),
    ("step", {"size": "tiny", "bfloat16": True}),
    ("step", {"size": "mini", "bfloat16": True}),
    ("feed", {}),
    ("distill_stored", {}),
    ("distill_live", {}),
    ("students_together", {"batch_size": 128}),
    ("students_apart", {"batch_size": 128}),
    ("label", {}),
)


def _write_inputs(folder: pathlib.Path) -> None:
    """`corpus.txt`, `transfer.txt` and `vocab.txt`."""
    documents = list(Docstrings().documents())
    texts = (text for document in documents for text in document)
    train_vocabulary(texts, size=30522).write(folder / "vocab.txt")
    written, lines = 0, []
    for document in documents:
        lines += [*document, ""]
        written += sum(map(len, document))
        if written > _CHARACTERS:
            break
    (folder / "corpus.txt").write_text("\n".join(lines))
    rows = [row.text for row, _ in zip(Docstrings().rows(), range(_ROWS.value))]  # noqa: B905 (the shorter)
    (folder / "transfer.txt").write_text("\n".join(rows) + "\n")


def main(arguments: Sequence[str]) -> None:
    if len(arguments) > 1:
        raise app.UsageError(f"flags only; received {' '.join(arguments[1:])}")
    roots = {"before": pathlib.Path(_BEFORE.value).resolve(), "after": _HERE}
    figures = []
    with tempfile.TemporaryDirectory(prefix="pd_bert_benchmark.") as name:
        folders = {each: pathlib.Path(name) / each for each in roots}
        for folder in folders.values():
            folder.mkdir()
        _write_inputs(folders["after"])
        for each in ("corpus.txt", "transfer.txt", "vocab.txt"):
            shutil.copyfile(folders["after"] / each, folders["before"] / each)
        for contestant, options in (("data", {}), *_CONTESTANTS):
            if _ONLY.value and contestant not in ("data", *_ONLY.value):
                continue
            shown = " ".join([contestant, *(f"{k}={v}" for k, v in options.items())])
            say(shown)
            starts = {
                each: functools.partial(
                    Worker,
                    folders[each],
                    contestant,
                    program=root / "tools/benchmark_workers.py",
                    **options,
                )
                for each, root in roots.items()
            }
            rates = race(starts, 0 if contestant == "data" else _REPEATS.value)
            if contestant == "data":
                continue
            found = ratios(rates["after"], rates["before"])
            figures.append(
                {
                    "contestant": shown,
                    "ratio": statistics.median(found),
                    "low": min(found),
                    "high": max(found),
                    "examples_per_second": rates,
                }
            )
            last = figures[-1]
            line = f"{last['ratio']:.3f} | {last['low']:.3f}–{last['high']:.3f}"
            print(f"| {shown} | {line} |", flush=True)
            if _OUTPUT.value:  # after each: a long run may be stopped
                text = json.dumps(figures, indent=2, ensure_ascii=False)
                pathlib.Path(_OUTPUT.value).write_text(f"{text}\n")


if __name__ == "__main__":
    app.run(main)
