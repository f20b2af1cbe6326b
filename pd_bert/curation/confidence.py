"""How sure a teacher was of the labels that it gave."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.special

from pd_bert.curation.token_statistics import LENGTH_BINS, length_bins
from pd_bert.data.columns import Columns, Sequences
from pd_bert.data.records import Records
from pd_bert.system import interrupt

_BINS = 10


def confidence(records: Records, labels: Sequence[str]) -> dict[str, Any] | None:
    """The largest probability of each of the `teacher_logits`, summed up.

    These are one per example or, of a head of tokens, one per token with a
    `label_weight` above 0. `mean`; `histogram`, how many are in each of ten bins of
    equal width from 0 to 1; `by_length`, the mean in each bin of lengths (word pieces,
    the last bin has all that is longer), null where there is none; `labels`, the share
    of each label that is the most probable. None for a regression, whose one output is
    no probability.
    """
    if len(labels) < 2:
        return None
    histogram = np.zeros(_BINS, np.int64)
    counts = np.zeros(len(LENGTH_BINS) + 1, np.int64)
    sums = np.zeros(len(counts))
    predicted = np.zeros(len(labels), np.int64)
    for shard in range(len(records.shard_counts)):
        interrupt.check()
        columns = records.columns([shard])
        logits, lengths = _answers(columns)
        # In float64: rounding must not put a sum of float32 above 1.
        largest = scipy.special.softmax(logits.astype(np.float64), axis=1).max(axis=1)
        histogram += np.histogram(largest, _BINS, (0, 1))[0]
        bins = length_bins(lengths)
        counts += np.bincount(bins, minlength=len(counts))
        sums += np.bincount(bins, largest, minlength=len(counts))
        predicted += np.bincount(logits.argmax(axis=1), minlength=len(labels))
    means = [float(s / n) if n else None for s, n in zip(sums, counts, strict=True)]
    total = max(1, int(counts.sum()))
    shares = (predicted / total).tolist()
    return {
        "mean": float(sums.sum() / total),
        "histogram": histogram.tolist(),
        "by_length": {
            "up_to": [*LENGTH_BINS, None],
            "examples": counts.tolist(),
            "mean": means,
        },
        "labels": dict(zip(labels, shares, strict=True)),
    }


def _answers(columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """The logits [n, labels], and the length of the example that each is of, [n]."""
    tokens, logits = columns["token_ids"], columns["teacher_logits"]
    assert isinstance(tokens, Sequences)
    if not isinstance(logits, Sequences):
        return logits, tokens.lengths
    lengths = np.repeat(tokens.lengths, logits.lengths)
    weights = columns.get("label_weight")
    if not isinstance(weights, Sequences):
        return logits.values, lengths
    return logits.values[weights.values > 0], lengths[weights.values > 0]
