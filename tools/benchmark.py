"""Measures pd_bert on this machine and says how it stands against its targets.

  .venv/bin/python tools/benchmark.py --output=benchmarks.json
  .venv/bin/python tools/benchmark.py --only=step,feed --repeats=9
  .venv/bin/python tools/benchmark.py --input=FILE --markdown=docs/benchmarks.md

Without --data the text is that of docstrings. With it, DIR/books/books.txt.gz,
DIR/sst2/train.tsv.gz and DIR/vocab/bert_uncased.txt. docs/benchmarks.md explains each
figure. The machine should have nothing else to do.
"""

import dataclasses
import datetime
import gzip
import importlib.metadata
import itertools
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from absl import app, flags
from benchmark_race import Figure, Worker, race, ratios, say
from process_memory import peak_of

_PARTS = ("prepare", "step", "feed", "distill", "label", "students", "sweep")
_ONLY = flags.DEFINE_list("only", list(_PARTS), "Parts, of " + ", ".join(_PARTS) + ".")
_OUTPUT = flags.DEFINE_string("output", None, "The JSON file to write.")
_INPUT = flags.DEFINE_string("input", None, "Measure nothing, read this JSON file.")
_MARKDOWN = flags.DEFINE_string("markdown", None, "The text to put the table into.")
_DATA = flags.DEFINE_string("data", None, "A folder with real text.")
_REPEATS = flags.DEFINE_integer("repeats", 5, "Turns of each contestant.", 1)
_MEGABYTES = flags.DEFINE_integer("megabytes", 100, "Text for `prepare`.", 1)
_ROWS = flags.DEFINE_integer("rows", 4000, "Texts to label and distil.", 1)
_LARGE = flags.DEFINE_bool("large", False, "Also `prepare` ten times that text.")

_TOOLS = pathlib.Path(__file__).parent
_BFLOAT16 = ("avx512_bf16", "amx_bf16")
_CORPUS_MEGABYTES = 20

_PREPARE = """\
from __gin__ import dynamic_registration
from pd_bert import api as pd
pd.TextLines.files = '{text}'
pd.ReadVocabulary.file = '{vocabulary}'
pd.PrepareCorpus.source = @pd.TextLines()
pd.PrepareCorpus.vocabulary = @pd.ReadVocabulary()
pd.PrepareCorpus.sequence_length = 128
pd.PrepareCorpus.next_sentence = True
pd.Runtime.processes = 2
pd.Recipe.name = 'benchmark'
pd.Recipe.stages = (@pd.PrepareCorpus(),)
"""

_SWEEP = """\
include 'recipes/quickstart.gin'
from __gin__ import dynamic_registration
from pd_bert import api as pd
METHOD = @pd/pd.Evaluate()
pd.Docstrings.packages = ('keras', 'rich', 'sklearn')
LABELED = 500
TRANSFER_SIZE = 1000
PRETRAIN_STEPS = 40
TEACHER_PRETRAIN_STEPS = 40
FINETUNE_EPOCHS = 2
TEACHER_EPOCHS = 2
DISTILL_EPOCHS = 2
pd.Recipe.name = 'sweep'
pd.Recipe.axes = {{'STUDENT': [{sizes}], 'METHOD': [{methods}], 'SEED': {seeds}}}
pd.Recipe.stages = (@teacher/pd.Evaluate(), %METHOD)
"""


def prepare(folder: pathlib.Path) -> Iterator[Figure]:
    """Text → TFRecord, by the program that users run."""
    text = folder / "prepare.txt"
    sizes = [_MEGABYTES.value, *([10 * _MEGABYTES.value] if _LARGE.value else [])]
    for megabytes in sizes:
        _write_text(text, megabytes)
        speeds, pss, rss = [], [], []
        for turn in range(min(_REPEATS.value, 3) if megabytes == sizes[0] else 1):
            speed, memory = _prepare_once(folder, text)
            speeds.append(speed)
            pss.append(memory.pss / 1e9)
            rss.append(memory.rss / 1e9)
            say(f"  {turn + 1}: {speed:.1f} MB/s, {pss[-1]:.2f} GB")
        of = f"{megabytes} MB of text"
        yield Figure.over(
            speeds, name="prepare: text to TFRecord", unit="MB/s", target=10, note=of
        )
        peak = {"unit": "GB", "target": 1.5, "at_most": True, "note": of}
        yield Figure.over(pss, name="prepare: peak memory of all processes", **peak)
        yield Figure.over(rss, name="prepare: peak sum of resident sets", **peak)
    text.unlink()


def _prepare_once(folder: pathlib.Path, text: pathlib.Path) -> tuple[float, Any]:
    gin, run = folder / "prepare.gin", folder / "prepare"
    gin.write_text(_PREPARE.format(text=text, vocabulary=folder / "vocab.txt"))
    shutil.rmtree(run, ignore_errors=True)
    command = [sys.executable, "-m", "pd_bert.bin.run"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, f"--gin_file={gin}", f"--workdir={run}"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        memory = peak_of(process)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(log.read().decode(errors="replace")[-4000:])
    artifact = json.loads((run / "latest/prepare-corpus/artifact.json").read_text())
    shutil.rmtree(run)
    return text.stat().st_size / 1e6 / artifact["seconds"], memory


def step(folder: pathlib.Path) -> Iterator[Figure]:
    """A masked-LM step against `BertMaskedLM.fit`."""
    for size in ("tiny", "mini", "small"):
        say(f" {size}")

        def ours(size: str = size, **options: Any) -> Callable[[], Worker]:
            return lambda: Worker(folder, "step", size=size, **options)

        contestants = {
            "fit": lambda size=size: Worker(folder, "fit", size=size),
            "float32": ours(),
        }
        if _has_bfloat16():
            contestants["bfloat16"] = ours(bfloat16=True)
        if size == "tiny":
            contestants["jit"] = ours(jit=True)
        rates = race(contestants, _REPEATS.value)
        fit = rates.pop("fit")
        best = max(rates, key=lambda name: statistics.median(rates[name]))
        note = f"{statistics.median(fit):.0f} examples/s"
        name = f"step: {size.capitalize()}"
        yield Figure.over(
            ratios(rates["float32"], fit),
            name=f"{name}, float32, over Keras fit",
            unit="×",
            target=1.0,
            note=f"fit: {note}",
        )
        yield Figure.over(
            ratios(rates[best], fit),
            name=f"{name}, best precision, over Keras fit",
            unit="×",
            target=1.25,
            note=best,
        )


def feed(folder: pathlib.Path) -> Iterator[Figure]:
    """The input pipeline against what the fastest model eats."""
    options = {"bfloat16": _has_bfloat16()}
    rates = race(
        {
            "feed": lambda: Worker(folder, "feed"),
            "step": lambda: Worker(folder, "step", size="tiny", **options),
        },
        _REPEATS.value,
    )
    yield Figure.over(
        ratios(rates["feed"], rates["step"]),
        name="feed: masked-LM input pipeline over Tiny's step",
        unit="×",
        target=5,
        note=f"{statistics.median(rates['feed']):.0f} examples/s",
    )


def distill(folder: pathlib.Path) -> Iterator[Figure]:
    """Stored logits in length buckets against a live teacher at full length."""
    rates = race(
        {
            name: lambda name=name: Worker(folder, name)
            for name in ("distill_stored", "distill_live")
        },
        _REPEATS.value,
    )
    yield Figure.over(
        ratios(rates["distill_stored"], rates["distill_live"]),
        name="distill: stored logits and buckets over a live teacher, padded",
        unit="×",
        target=4,
        note=f"{statistics.median(rates['distill_stored']):.0f} examples/s",
    )


def label(folder: pathlib.Path) -> Iterator[Figure]:
    """Labelling a data set against the teacher's bare forward pass."""
    rates = race(
        {name: lambda name=name: Worker(folder, name) for name in ("label", "forward")},
        _REPEATS.value,
    )
    yield Figure.over(
        ratios(rates["label"], rates["forward"]),
        name="label: the stage over the teacher's forward pass",
        unit="×",
        target=0.9,
        note=f"{statistics.median(rates['label']):.0f} examples/s",
    )


def students(folder: pathlib.Path) -> Iterator[Figure]:
    """Four Tiny students trained together over the four one after another."""
    for name, options in (
        ("stored logits, batches of 128", {"batch_size": 128}),
        ("stored logits, batches of 32", {"batch_size": 32}),
        ("a live teacher, batches of 128", {"batch_size": 128, "live": True}),
    ):
        yield _students(folder, name, options)


def _students(folder: pathlib.Path, name: str, options: Mapping[str, Any]) -> Figure:
    names = ("students_together", "students_apart")
    rates = race(
        {each: lambda each=each: Worker(folder, each, **options) for each in names},
        _REPEATS.value,
    )
    return Figure.over(
        ratios(rates["students_apart"], rates["students_together"]),
        name=f"students: four Tiny together over one after another, {name}",
        unit="×",
        target=0.8,
        at_most=True,
        note=f"{statistics.median(rates['students_together']):.0f} examples/s",
    )


def sweep(folder: pathlib.Path) -> Iterator[Figure]:
    """A sweep in one working directory over its runs, each in one of its own."""
    sizes, seeds = ("tiny", "l2_h256"), (0, 1)
    methods = ("basic", "d", "pf", "pd")
    together = _sweep_once(folder, sizes, methods, seeds)
    say(f"  together: {together:.0f} s")
    apart = 0.0
    for size, method, seed in itertools.product(sizes, methods, seeds):
        apart += _sweep_once(folder, (size,), (method,), (seed,))
        say(f"  {size} {method} {seed}: {apart:.0f} s so far")
    yield Figure.over(
        [together / apart],
        name="sweep: 2 sizes, 4 methods, 2 seeds over its runs made apart",
        unit="×",
        target=0.5,
        at_most=True,
        note=f"{together:.0f} s and {apart:.0f} s",
    )


def _sweep_once(
    folder: pathlib.Path,
    sizes: Sequence[str],
    methods: Sequence[str],
    seeds: Sequence[int],
) -> float:
    """Seconds of a run, from the start of its process to its end."""
    gin, run = folder / "sweep.gin", folder / "sweep"
    text = _SWEEP.format(
        sizes=", ".join(f"@{size}/pd.Bert" for size in sizes),
        methods=", ".join(f"@{method}/pd.Evaluate" for method in methods),
        seeds=list(seeds),
    )
    gin.write_text(text)
    shutil.rmtree(run, ignore_errors=True)
    command = [sys.executable, "-m", "pd_bert.bin.run"]
    begin = time.monotonic()
    subprocess.run(
        [*command, f"--gin_file={gin}", f"--workdir={run}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    return time.monotonic() - begin


def _write_text(path: pathlib.Path, megabytes: int) -> None:
    """Documents, a segment a line, repeated until there are so many megabytes."""
    written = 0
    with path.open("wb") as file:
        for line in itertools.chain.from_iterable(itertools.repeat(_Lines())):
            file.write(line)
            written += len(line)
            if written >= megabytes * 1e6:
                return


class _Lines:
    """The lines of the text, from the start at each iteration."""

    def __iter__(self) -> Iterator[bytes]:
        if _DATA.value:
            books = pathlib.Path(_DATA.value) / "books/books.txt.gz"
            with gzip.open(books, "rb") as file:
                yield from file
            yield b"\n"
            return
        from pd_bert.contrib.docstrings import Docstrings

        for document in Docstrings().documents():
            yield "".join(f"{segment}\n" for segment in [*document, ""]).encode()


def _write_inputs(folder: pathlib.Path) -> None:
    """`corpus.txt`, `transfer.txt` and `vocab.txt`."""
    _write_text(folder / "corpus.txt", _CORPUS_MEGABYTES)
    if _DATA.value:
        data = pathlib.Path(_DATA.value)
        shutil.copyfile(data / "vocab/bert_uncased.txt", folder / "vocab.txt")
        with gzip.open(data / "sst2/train.tsv.gz", "rt") as file:
            rows: Iterable[str] = [line.split("\t")[0] for line in file][1:]
    else:
        from pd_bert.contrib.docstrings import Docstrings
        from pd_bert.text.train_vocabulary import train_vocabulary

        texts = (text for document in Docstrings().documents() for text in document)
        train_vocabulary(texts, size=30522).write(folder / "vocab.txt")
        rows = (row.text for row in Docstrings().rows())
    chosen = itertools.islice(rows, _ROWS.value)
    (folder / "transfer.txt").write_text("".join(f"{row}\n" for row in chosen))


def _has_bfloat16() -> bool:
    return any(flag in _cpu("flags").split() for flag in _BFLOAT16)


def _cpu(field: str) -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""


def _circumstances() -> dict[str, Any]:
    git = ["git", "-C", str(_TOOLS)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
    packages = ("tensorflow", "tensorflow-text", "keras", "keras-nlp", "numpy")
    now = datetime.datetime.now(datetime.UTC)
    return {
        "date": now.isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": {
            "cpu": _cpu("model name"),
            "cores": os.cpu_count(),
            "bfloat16": [flag for flag in _BFLOAT16 if flag in _cpu("flags").split()],
        },
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
        },
        "text": "books and SST-2" if _DATA.value else "docstrings",
        "repeats": _REPEATS.value,
    }


def _measure() -> dict[str, Any]:
    report = {**_circumstances(), "figures": []}
    with tempfile.TemporaryDirectory(prefix="pd_bert_benchmark.") as name:
        folder = pathlib.Path(name)
        _write_inputs(folder)
        if {"feed", "distill", "label", "students"} & set(_ONLY.value):
            say("data")
            worker = Worker(folder, "data")
            try:
                worker.wait()
            finally:
                worker.close()
        for part in (prepare, step, feed, distill, label, students, sweep):
            if part.__name__ not in _ONLY.value:
                continue
            say(part.__name__)
            for figure in part(folder):
                report["figures"].append(dataclasses.asdict(figure))
                print(figure.line(), flush=True)
                if _OUTPUT.value:  # after each: a long run may be stopped
                    text = json.dumps(report, indent=2, ensure_ascii=False)
                    pathlib.Path(_OUTPUT.value).write_text(f"{text}\n")
    return report


def _table(report: Mapping[str, Any]) -> str:
    machine, versions = report["machine"], report["versions"]
    bfloat16 = ", ".join(machine["bfloat16"]) or "no bfloat16 instructions"
    lines = [Figure(**figure).line() for figure in report["figures"]]
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    made = (
        f"{report['date'][:10]}, commit {report['commit'][:10]}, {machine['cores']} "
        f"cores of {machine['cpu']} ({bfloat16}); {used}. Text: {report['text']}; "
        f"{report['repeats']} turns."
    )
    header = ["| figure | target | measured | spread |", "|---|---|---|---|"]
    return "\n".join([made, "", *header, *lines])


def _fill(path: pathlib.Path, table: str) -> None:
    """Puts the table between the marks."""
    begin, end = "<!-- measured -->", "<!-- end -->"
    head, _, rest = path.read_text().partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise app.UsageError(f"{path} needs the marks {begin} and {end}")
    path.write_text(f"{head}{begin}\n{table}\n{end}{tail}")


def main(arguments: Sequence[str]) -> None:
    if len(arguments) > 1:
        raise app.UsageError(f"flags only; received {' '.join(arguments[1:])}")
    if unknown := set(_ONLY.value) - set(_PARTS):
        raise app.UsageError(f"--only knows {', '.join(_PARTS)}; received {unknown}")
    # As an exception, so that contestants and temporary files go too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if _INPUT.value:
        report = json.loads(pathlib.Path(_INPUT.value).read_text())
    else:
        report = _measure()
    if _MARKDOWN.value:
        _fill(pathlib.Path(_MARKDOWN.value), _table(report))


if __name__ == "__main__":
    app.run(main)
