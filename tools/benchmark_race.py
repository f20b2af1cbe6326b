"""Contestants in processes of their own, which take turns, and figures over them."""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_WORKERS = pathlib.Path(__file__).resolve().with_name("benchmark_workers.py")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured figure: the median over the turns, and their extremes."""

    name: str
    unit: str
    target: float
    at_most: bool = False
    measured: float
    low: float
    high: float
    note: str = ""

    @classmethod
    def over(cls, values: Sequence[float], **kwargs: Any) -> "Figure":
        return cls(
            measured=statistics.median(values),
            low=min(values),
            high=max(values),
            **kwargs,
        )

    @property
    def met(self) -> bool:
        if self.at_most:
            return self.measured <= self.target
        return self.measured >= self.target

    def line(self) -> str:
        sign = "≤" if self.at_most else "≥"
        name = f"{self.name} ({self.note})" if self.note else self.name
        return (
            f"| {name} | {sign} {self.target:g} {self.unit} | {self.measured:.2f}"
            f"{'' if self.met else ' (missed)'} | {self.low:.2f}–{self.high:.2f} |"
        )


class Worker:
    """A contestant in a process of its own.

    `program` is the file with contestants, in the folder `tools` of a checkout, and
    `python` the interpreter.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        name: str,
        *,
        program: pathlib.Path = _WORKERS,
        python: str = sys.executable,
        **options: Any,
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115, closed by close()
        self._process = subprocess.Popen(
            [python, str(program), name, str(folder), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "PYTHONPATH": str(
                    program.parents[1]
                ),  # not what happens to be installed
            },
        )

    def wait(self) -> None:
        """Until it is ready to measure."""
        self._answer()

    def measure(self) -> float:
        """Returns examples per second."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        if answer := self._process.stdout.readline():
            return answer
        self._log.seek(0)
        tail = self._log.read().decode(errors="replace")[-4000:]
        raise RuntimeError(f"a contestant ended:\n{tail}")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def race(
    contestants: Mapping[str, Callable[[], Worker]], turns: int
) -> dict[str, list[float]]:
    """Returns examples per second of each contestant; they take turns: A B A B …"""
    workers: dict[str, Worker] = {}
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    try:
        for name, start in contestants.items():
            workers[name] = start()
            workers[name].wait()  # one by one: their traces need memory
        for turn in range(turns):
            for name, worker in workers.items():
                rates[name].append(worker.measure())
                say(f"  {turn + 1}/{turns} {name}: {rates[name][-1]:.0f} ex/s")
    finally:
        for worker in workers.values():
            worker.close()
    return rates


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def say(text: str) -> None:
    """Prints the progress, apart from the figures."""
    print(text, file=sys.stderr, flush=True)
