"""Measures the training step of a BiLSTM student against Keras and PyTorch.

  .venv/bin/python tools/benchmark_bilstm.py
  .venv/bin/python tools/benchmark_bilstm.py --torch_python=torch_venv/bin/python

Every contestant is a process of its own; they take turns, and each figure is the median
over the turns of the ratio of examples per second within a turn. PyTorch takes part if
`--torch_python` names an interpreter that has it and NumPy. The machine should have
nothing else to do.
"""

import functools
import pathlib
from collections.abc import Callable

from absl import app, flags
from benchmark_race import Figure, Worker, race, ratios, say

_TORCH = flags.DEFINE_string("torch_python", None, "An interpreter with torch.")
_REPEATS = flags.DEFINE_integer("repeats", 5, "Turns of each contestant.", 1)
_SIZES = flags.DEFINE_list("sizes", ["300x600", "50x200"], "E x H, separated by commas")
_BATCHES = flags.DEFINE_list("batches", ["32", "512"], "Batch sizes.")
_LENGTH = flags.DEFINE_integer("length", 32, "Word pieces of a text.", 1)
_VOCABULARY = flags.DEFINE_integer("vocabulary", 10_000, "Word pieces.", 10)
_JIT = flags.DEFINE_bool("jit", False, "Also the step compiled by XLA.")

_WORKERS = pathlib.Path(__file__).with_name("bilstm_workers.py")
_NOWHERE = pathlib.Path()


def _figures(size: str, batch: int) -> list[Figure]:
    embedding, units = map(int, size.split("x"))
    start = functools.partial(
        Worker,
        _NOWHERE,
        program=_WORKERS,
        embedding=embedding,
        units=units,
        batch=batch,
        length=_LENGTH.value,
        vocabulary=_VOCABULARY.value,
    )
    contestants: dict[str, Callable[[], Worker]] = {
        "pd_bert": lambda: start(name="pd_bert", jit=False),
        "Keras": lambda: start(name="keras_fit"),
    }
    if _JIT.value:
        contestants["pd_bert, jit"] = lambda: start(name="pd_bert", jit=True)
    if _TORCH.value is not None:
        python = _TORCH.value
        contestants["torch"] = lambda: start(name="torch_lstm", python=python)
    rates = race(contestants, _REPEATS.value)
    others = [name for name in rates if name != "pd_bert"]
    return [
        Figure.over(
            ratios(rates["pd_bert"], rates[other]),
            name=f"E = {embedding}, H = {units}, batch {batch}: pd_bert / {other}",
            unit="×",
            target=1.0,
        )
        for other in others
    ]


def _main(_: list[str]) -> None:
    print("| figure | target | median | range |\n|---|---|---|---|")
    for size in _SIZES.value:
        for batch in map(int, _BATCHES.value):
            say(f"{size}, batch {batch}")
            for figure in _figures(size, batch):
                print(figure.line(), flush=True)


if __name__ == "__main__":
    app.run(_main)
