"""Places for the boxes of a directed graph, in layers (Sugiyama et al. 1981)."""

import dataclasses
import graphlib
import itertools
from collections.abc import Mapping, Sequence

_SWEEPS = 12
_THREAD = 0.04  # the height of a way that passes a layer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layered:
    """A box's layer (from 0) and the y of its middle, downwards from 0.

    `ways` has, for each (input, reader), the (layer, y) at which its arrow passes the
    layers between them, so that no arrow crosses a box. `height` is that of all.
    """

    layers: int
    height: float
    places: Mapping[str, tuple[int, float]]
    ways: Mapping[tuple[str, str], tuple[tuple[int, float], ...]]


def layered(
    inputs: Mapping[str, Sequence[str]], heights: Mapping[str, float], *, gap: float
) -> Layered:
    """Each box in the layer after the last of its inputs', near to what it reads.

    `inputs` has the ids that each id reads, `heights` the height of each box; boxes of
    one layer are at least `gap` apart.

    Raises graphlib.CycleError if one is among its own inputs.
    """
    depth: dict[str, int] = {}
    for one in graphlib.TopologicalSorter(inputs).static_order():
        depth[one] = 1 + max((depth[source] for source in inputs[one]), default=-1)
    count = max(depth.values(), default=-1) + 1
    nodes: list[list[str]] = [[] for _ in range(count)]
    for one in inputs:
        nodes[depth[one]].append(one)
    tall = dict(heights)
    near: dict[str, list[str]] = {}  # neighbours in the layers beside
    threads: dict[tuple[str, str], list[str]] = {}
    for reader, sources in inputs.items():
        for source in sources:
            # All readers of one input share its way through a layer.
            passed = [
                f"{source}\0{layer}"
                for layer in range(depth[source] + 1, depth[reader])
            ]
            for layer, thread in enumerate(passed, start=depth[source] + 1):
                if thread not in tall:
                    tall[thread] = _THREAD
                    nodes[layer].append(thread)
                depth[thread] = layer
            chain = [source, *passed, reader]
            for left, right in itertools.pairwise(chain):
                if right not in near.setdefault(left, []):
                    near[left].append(right)
                    near.setdefault(right, []).append(left)
            threads[source, reader] = passed
    middle = _arrange(nodes, near, depth, tall, gap)
    return Layered(
        layers=count,
        height=max((y + tall[one] / 2 for one, y in middle.items()), default=0.0),
        places={one: (depth[one], middle[one]) for one in inputs},
        ways={
            edge: tuple((depth[thread], middle[thread]) for thread in passed)
            for edge, passed in threads.items()
        },
    )


def _arrange(
    nodes: list[list[str]],
    near: Mapping[str, Sequence[str]],
    depth: Mapping[str, int],
    tall: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """The y of each middle: neighbours' means, forth and back, kept apart."""
    middle: dict[str, float] = {}
    for layer in nodes:
        _stack(layer, dict.fromkeys(layer, 0.0), tall, gap, middle)
    forth = range(1, len(nodes))
    back = range(len(nodes) - 2, -1, -1)
    for sweep in range(_SWEEPS):
        for index in forth if sweep % 2 == 0 else back:
            beside = index - 1 if sweep % 2 == 0 else index + 1
            wanted = {}
            for one in nodes[index]:
                found = [middle[other] for other in near.get(one, ())]
                if sweep < _SWEEPS // 2:  # only from the side that is settled
                    found = [
                        middle[other]
                        for other in near.get(one, ())
                        if depth[other] == beside
                    ]
                wanted[one] = sum(found) / len(found) if found else middle[one]
            if sweep < _SWEEPS // 2:  # then the order stays
                nodes[index].sort(key=wanted.__getitem__)
            _stack(nodes[index], wanted, tall, gap, middle)
    top = min((y - tall[one] / 2 for one, y in middle.items()), default=0.0)
    return {one: y - top for one, y in middle.items()}


def _stack(
    layer: Sequence[str],
    wanted: Mapping[str, float],
    tall: Mapping[str, float],
    gap: float,
    middle: dict[str, float],
) -> None:
    """Puts a layer's nodes, in order, near where they are wanted, without overlap."""
    down: list[float] = []
    for index, one in enumerate(layer):
        y = wanted[one]
        if index:
            last = layer[index - 1]
            y = max(y, down[-1] + (tall[last] + tall[one]) / 2 + gap)
        down.append(y)
    up: list[float] = []
    for index, one in enumerate(reversed(layer)):
        y = wanted[one]
        if index:
            last = layer[len(layer) - index]
            y = min(y, up[-1] - (tall[last] + tall[one]) / 2 - gap)
        up.append(y)
    # Both keep the distances, so their mean does, and it pushes neither way.
    for one, low, high in zip(layer, down, reversed(up), strict=True):
        middle[one] = (low + high) / 2
