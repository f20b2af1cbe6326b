"""Statistics of a transfer set D_T beside those of the labeled data D_L."""

import dataclasses
import itertools
from typing import Any

import numpy as np

from pd_bert.curation.cleaning import Cleaning
from pd_bert.curation.token_statistics import (
    LENGTH_BINS,
    TokenStatistics,
    similarity,
)
from pd_bert.errors import InputError
from pd_bert.text.vocabulary import Vocabulary

_MOST_TOKENS = 10


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TransferReport:
    """How D_T was cleaned, and how like D_L it is.

    `transfer` are the statistics of the texts that were kept, `labeled` those of D_L,
    the texts to train on.
    """

    cleaning: Cleaning
    transfer: TokenStatistics
    labeled: TokenStatistics
    vocabulary: Vocabulary

    @property
    def similarity(self) -> float | None:
        """S of D_L and D_T; None where it is not defined."""
        return similarity(self.labeled, self.transfer)

    @property
    def facts(self) -> dict[str, float]:
        """The columns of results that a student on this D_T has."""
        found: dict[str, float] = {"transfer_size": self.cleaning.size}
        if self.similarity is not None:
            found["similarity"] = self.similarity
        return found

    def to_json(self) -> dict[str, Any]:
        """All figures; lengths are in word pieces with [CLS] and [SEP]."""
        transfer, labeled = self.transfer.counts, self.labeled.counts
        cleaning = self.cleaning
        return {
            "size_before": cleaning.size_before,
            "size": cleaning.size,
            "duplicates": cleaning.duplicates,
            "leaks": dict(cleaning.leaks),
            "leaked": cleaning.leaked,
            "not_drawn": cleaning.not_drawn,
            "in_train": cleaning.in_train,
            "empty": self.transfer.empty,
            "unknown_rate": {
                "transfer": self.transfer.unknown_rate,
                "labeled": self.labeled.unknown_rate,
            },
            "lengths": {
                "up_to": [*LENGTH_BINS, None],
                "transfer": self.transfer.lengths.tolist(),
                "labeled": self.labeled.lengths.tolist(),
            },
            "similarity": self.similarity,
            "tokens": {
                "transfer": int((transfer > 0).sum()),
                "labeled": int((labeled > 0).sum()),
            },
            "tokens_in_common": self._tokens_in_common,
            "only_in_transfer": self._frequent(np.where(labeled, 0, transfer)),
            "only_in_labeled": self._frequent(np.where(transfer, 0, labeled)),
        }

    def summary(self) -> str:
        """The figures that matter, in a line.

        `96,120 of 100,000 texts; 3,801 duplicates, 79 leaks (dev 31, test 48) removed;
        similarity to train 0.84; unknown 0.1 %`
        """
        cleaning = self.cleaning
        found = ", ".join(f"{split} {n:,}" for split, n in cleaning.leaks.items() if n)
        removed = f"{cleaning.duplicates:,} duplicates, {cleaning.leaked:,} leaks"
        removed += f" ({found})" if found else ""
        drawn = f"; {cleaning.not_drawn:,} not drawn" if cleaning.not_drawn else ""
        alike = "–" if self.similarity is None else f"{self.similarity:.2f}"
        return (
            f"{cleaning.size:,} of {cleaning.size_before:,} texts; {removed} removed"
            f"{drawn}; similarity to train {alike}; "
            f"unknown {100 * self.transfer.unknown_rate:.1f} %"
        )

    def lines(self) -> list[tuple[str, ...]]:
        """All figures as a table for people: what, in D_T, in D_L."""
        found = self.to_json()
        sides = ("transfer", "labeled")
        texts = [int(side.lengths.sum()) for side in (self.transfer, self.labeled)]
        rate = [f"{100 * found['unknown_rate'][side]:.2f} %" for side in sides]
        alike = "–" if self.similarity is None else f"{self.similarity:.3f}"
        lines: list[tuple[str, ...]] = [
            ("", "transfer", "labeled"),
            ("texts before cleaning", f"{found['size_before']:,}", ""),
            ("duplicates", f"{found['duplicates']:,}", ""),
            *(("leaks of " + s, f"{n:,}", "") for s, n in found["leaks"].items()),
            *([("not drawn", f"{left:,}", "")] if (left := found["not_drawn"]) else []),
            ("texts", f"{texts[0]:,}", f"{texts[1]:,}"),
            ("of them also labeled", f"{found['in_train']:,}", ""),
            ("without a word piece", f"{found['empty']:,}", f"{self.labeled.empty:,}"),
            ("unknown pieces", *rate),
            ("similarity", alike, ""),
            ("different tokens", *(f"{found['tokens'][side]:,}" for side in sides)),
            ("of them in both", f"{found['tokens_in_common']:,}", ""),
        ]
        lower = 1
        for last, *counts in zip(
            *(found["lengths"][key] for key in ("up_to", *sides)), strict=True
        ):
            name = f"{lower} to {last} pieces" if last else f"{lower} pieces or more"
            lower = (last or 0) + 1
            pairs = zip(counts, texts, strict=True)
            shares = [100 * n / max(1, of) for n, of in pairs]
            if any(counts):
                lines.append((name, *(f"{share:.1f} %" for share in shares)))
        only = [found[f"only_in_{side}"] for side in sides]
        for rank, pair in enumerate(itertools.zip_longest(*only, fillvalue=("", 0)), 1):
            cells = [f"{token} {n:,}" if n else "" for token, n in pair]
            lines.append((f"only here, {rank}", *cells))
        return lines

    def require_usable(self, where: str) -> None:
        """Raises InputError for a D_T from which no student can learn the task."""
        if not self.cleaning.size:
            raise InputError(
                f"{where}: a transfer set holds at least one text after cleaning; "
                f"received {self.summary()}"
            )
        if not self._tokens_in_common:
            known = self.to_json()["tokens"]
            raise InputError(
                f"{where}: transfer set and labeled data must share word pieces; of "
                f"{known['transfer']:,} in the transfer set and {known['labeled']:,} "
                "in the labeled data none is in both"
            )

    @property
    def _tokens_in_common(self) -> int:
        return int(((self.transfer.counts > 0) & (self.labeled.counts > 0)).sum())

    def _frequent(self, counts: np.ndarray) -> list[list[Any]]:
        """The most frequent tokens and their counts, [[token, count], …]."""
        order = np.argsort(-counts, kind="stable")[:_MOST_TOKENS]
        return [[self.vocabulary.tokens[i], int(counts[i])] for i in order if counts[i]]
