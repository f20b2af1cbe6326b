"""Phrases in sequences of IOB2 tags."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pd_bert.sources.tag_schemes import OUTSIDE


class Phrase(NamedTuple):
    """The words `begin` up to, not with, `end`, and their common label."""

    label: str
    begin: int
    end: int


def phrases(tags: Sequence[str]) -> list[Phrase]:
    """Returns the phrases that IOB2 tags mark, in order.

    A model may answer what IOB2 does not allow. Then an inner tag that continues
    nothing begins a phrase, as scorers of the CoNLL shared tasks and seqeval read it.

    Example: B-PER I-PER O I-LOC -> (PER, 0, 2), (LOC, 3, 4)
    """
    found = []
    begin, label = 0, ""
    for index, tag in enumerate((*tags, OUTSIDE)):
        prefix, _, type_ = tag.partition("-")
        if prefix == "I" and type_ == label:
            continue
        if label:
            found.append(Phrase(label, begin, index))
        begin, label = index, type_
    return found


def tags_of_types(types: Iterable[str]) -> tuple[str, ...]:
    """Returns every tag of phrases of these types, sorted.

    Example: PER -> B-PER, I-PER, O
    """
    tags = {f"{prefix}-{type_}" for type_ in types for prefix in "BI"}
    return tuple(sorted({OUTSIDE, *tags}))


def count_beyond(tags: Sequence[str], kept: int) -> tuple[int, int]:
    """Returns how many phrases a model misses that reads only the first `kept` words.

    These are the number that begins after them, and 1 if one reaches beyond them.
    """
    if kept == len(tags):
        return 0, 0
    found = phrases(tags)
    missed = sum(phrase.begin >= kept for phrase in found)
    return missed, int(any(each.begin < kept < each.end for each in found))


def phrases_beyond(gold: Sequence[str], missed: int, continued: int) -> list[str]:
    """Returns tags after those of the words that were read, for `count_beyond`.

    Scored against O they count as the tags that a model did not read, whose types and
    lengths do not matter: it found none of their phrases.
    """
    inner = [f"I-{gold[-1][2:]}"] if continued else []
    return inner + ["B-unread"] * missed
