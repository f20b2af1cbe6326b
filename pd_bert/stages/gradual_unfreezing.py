"""Gradual unfreezing: a training in steps, from the top of the model downwards."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.outputs import joined
from pd_bert.stages.base import Stage
from pd_bert.stages.train import Train

_EMBEDDINGS = ("embeddings", "token_embedding")


def gradual_unfreezing(
    training: Callable[..., Train],
    steps: Sequence[Sequence[str]] | None = None,
    initial: Stage | None = None,
) -> Train:
    """Returns the last of several trainings, each of which trains more parts.

    The method of XtremeDistil (Mukherjee and Awadallah 2020, Section 4): at first
    everything but the top is frozen, and then one more group of parts is trained in
    each step, down to the embeddings. Each step begins with the best weights of the
    step before, and the first one with `initial`, where it is given.

    Args:
        training: a factory of the training, whose `trainable` and `initial` are set
            here. Objectives' own layers are trained in every step.
        steps: the parts (`Encoder.parts`, heads) that each step adds. None: the heads
            that objectives read, the pooler or projection, one layer after another
            from the last to the first, and the embeddings.

    Raises:
        InputError: `steps` is empty or has an empty step.
    """
    given: dict[str, Any] = {} if initial is None else {"initial": initial}
    groups = from_top(training(**given)) if steps is None else steps
    if not groups or not all(groups):
        raise InputError(
            "gradual_unfreezing: every step must add at least one part; received "
            f"{steps!r}"
        )
    parts: tuple[str, ...] = ()
    for group in groups:
        parts = (*parts, *group)
        stage = training(trainable=parts, **given)
        stage = dataclasses.replace(stage, name=f"{stage.name}-{group[-1]}")
        given = {"initial": stage}
    return stage


def from_top(stage: Train) -> list[tuple[str, ...]]:
    """Returns the parts of a training's model in groups, from output to input."""
    heads = stage.data.task.heads(())
    read = joined(each.reads.student for each in stage.objectives)
    names = [name for name in heads if read.heads is None or name in read.heads]
    encoder = list(reversed(_architecture(stage).shapes(1)))
    above = list(itertools.takewhile(lambda name: not _is_layer(name), encoder))
    layers = [name for name in encoder if _is_layer(name)]
    below = tuple(name for name in encoder if name in _EMBEDDINGS)
    groups = [tuple(names), *((name,) for name in (*above, *layers)), below]
    pooled = read.pooled or any(heads[name].wanted.pooled for name in names)
    unread = () if pooled else (("pooler",),)
    return [group for group in groups if group and group not in unread]


def _is_layer(name: str) -> bool:
    return name.startswith("layer_")


def _architecture(stage: Stage) -> Architecture:
    """The architecture of a training, or that of what it begins with."""
    found = getattr(stage, "architecture", None)
    if isinstance(found, Architecture):
        return found
    if isinstance(initial := getattr(stage, "initial", None), Stage):
        return _architecture(initial)
    raise InputError(
        f"{stage.where}: gradual unfreezing needs an architecture to know the parts; "
        "give one to the training, or give gradual_unfreezing.steps"
    )
