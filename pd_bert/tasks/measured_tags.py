"""Tags of sentences from the numbers that are measured of a tagger."""

from collections.abc import Mapping, Sequence

import numpy as np

from pd_bert.sources.tag_schemes import OUTSIDE
from pd_bert.tasks.phrases import phrases_beyond

Sentences = list[list[str]]


def measured_tags(
    measured: Mapping[str, np.ndarray], labels: Sequence[str]
) -> tuple[Sentences, Sentences]:
    """Returns the gold tags of each sentence, and the answers.

    `answer` and `label`, int [sentences, …], hold a number from 1 for each word, and 0
    elsewhere. `missed` and `continued` [sentences], where they are given, say what
    comes after them (`phrases.count_beyond`); it is answered by O.
    """
    gold, answer = (_tags(measured[name], labels) for name in ("label", "answer"))
    if "missed" not in measured:
        return gold, answer
    missed, continued = measured["missed"], measured["continued"]
    for row in np.flatnonzero((missed > 0) | (continued > 0)).tolist():
        unread = phrases_beyond(gold[row], int(missed[row]), int(continued[row]))
        gold[row] += unread
        answer[row] += [OUTSIDE] * len(unread)
    return gold, answer


def _tags(numbers: np.ndarray, labels: Sequence[str]) -> Sentences:
    names = np.array(labels, object)
    of_words = numbers > 0
    tags = names[numbers[of_words].astype(np.int64) - 1].tolist()
    ends = np.cumsum(of_words.sum(axis=1)).tolist()
    return [tags[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
