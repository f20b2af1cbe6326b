"""How often a data set holds each token, and how long its texts are."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import scipy.stats

from pd_bert.curation.tokenized import Tokenized
from pd_bert.data.pipeline import DEFAULT_BUCKETS
from pd_bert.text.vocabulary import Vocabulary

LENGTH_BINS = DEFAULT_BUCKETS
"""The last length of each bin, in word pieces; one bin more has all that is longer."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TokenStatistics:
    """Counts over all texts of a data set.

    `counts` is int64 [V], how often each token occurs, special tokens left at 0;
    `unknown` is how often [UNK] does. `lengths` is int64 [bins], the texts of each bin
    of `LENGTH_BINS`, with [CLS] and [SEP]; `empty` is how many hold nothing else.
    """

    counts: np.ndarray
    unknown: int
    lengths: np.ndarray
    empty: int

    @classmethod
    def of(
        cls,
        parts: Iterable[Tokenized],
        vocabulary: Vocabulary,
        keep: np.ndarray | None = None,
    ) -> "TokenStatistics":
        """Counts the texts that `keep` (bool [texts]) names, or all."""
        counts = np.zeros(len(vocabulary), np.int64)
        bins = np.zeros(len(LENGTH_BINS) + 1, np.int64)
        empty = row = 0
        # An unknown word is a piece of text; the other special tokens are not.
        own = np.setdiff1d(vocabulary.special_ids, [vocabulary.unk_id])
        for part in parts:
            lengths, values = part.token_ids.lengths, part.token_ids.values
            if keep is not None:
                kept = keep[row : row + len(lengths)]
                row += len(lengths)
                values = values[np.repeat(kept, lengths)]
                lengths = lengths[kept]
            counts += np.bincount(values, minlength=len(vocabulary))
            bins += np.bincount(length_bins(lengths), minlength=len(bins))
            texts = np.repeat(np.arange(len(lengths)), lengths)
            pieces = np.bincount(texts[~np.isin(values, own)], minlength=len(lengths))
            empty += int((pieces == 0).sum())
        unknown = int(counts[vocabulary.unk_id])
        counts[list(vocabulary.special_ids)] = 0
        return cls(counts=counts, unknown=unknown, lengths=bins, empty=empty)

    @property
    def unknown_rate(self) -> float:
        """The share of word pieces that are [UNK]; 0 where there are none."""
        pieces = int(self.counts.sum()) + self.unknown
        return self.unknown / pieces if pieces else 0.0


def length_bins(lengths: np.ndarray) -> np.ndarray:
    """The number of each length's bin, int64.

    >>> length_bins(np.array([2, 8, 9, 600])).tolist()
    [0, 0, 1, 12]
    """
    return np.searchsorted(LENGTH_BINS, lengths)


def similarity(one: TokenStatistics, other: TokenStatistics) -> float | None:
    """S of two data sets, −1 to 1 (Turc et al. 2019, on domain shift).

    Spearman's rank correlation of their token-frequency lists. The paper does not say
    which tokens the lists hold; here they are the word pieces that occur in either data
    set, without special tokens, and one that a side lacks has frequency 0 there. None
    where there is no rank to compare: a side without tokens, or with all alike.
    """
    either = (one.counts > 0) | (other.counts > 0)
    lists = one.counts[either], other.counts[either]
    if any(len(np.unique(counts)) < 2 for counts in lists):
        return None
    return float(scipy.stats.spearmanr(*lists).statistic)
