"""The times of several functions, taken in turns."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from pd_bert.system import interrupt

_WARM_UP = 3
_TURNS = 10

Clock = Callable[[], float]


def interleaved(
    functions: Mapping[str, Callable[[], object]],
    *,
    runs: int,
    clock: Clock = time.perf_counter,
) -> dict[str, np.ndarray]:
    """Returns the seconds of `runs` calls of each function, float64 [runs], by name.

    First each is called a few times untimed. Then they take turns of about a tenth of
    their calls, so that a machine that slows down slows all of them. The first call of
    a turn is not timed: it finds the processor's caches filled by another function.
    """
    for function in functions.values():
        for _ in range(_WARM_UP):
            interrupt.check()
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    turns = min(_TURNS, runs)
    for turn in range(1, turns + 1):
        for name, function in functions.items():
            function()
            while len(seconds[name]) < runs * turn // turns:
                interrupt.check()
                begin = clock()
                function()
                seconds[name].append(clock() - begin)
    return {name: np.array(each) for name, each in seconds.items()}
