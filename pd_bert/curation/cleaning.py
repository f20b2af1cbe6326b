"""Which texts of a transfer set stay: no repeated ones, none that models are judged on.

Texts are compared by hashes of 16 bytes, so that sets of millions fit in memory.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from pd_bert.curation.tokenized import Tokenized
from pd_bert.data.draw import draw

_HASH_BYTES = 16


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Cleaning:
    """The texts of a transfer set D_T that are kept, and why the others are not.

    `keep` is bool [texts]. Of equal texts the first one stays, the others are
    `duplicates`. What stays and occurs in a held-out split is a leak: `leaks` are those
    of each split, `leaked` those of any, so a text of two splits counts once there.
    `not_drawn` are clean texts beyond the wanted size. `in_train` are kept texts that
    occur in the labeled data to train on too; the paper's D_T holds those. So
    texts = kept + duplicates + leaked + not_drawn.
    """

    keep: np.ndarray
    duplicates: int
    leaks: Mapping[str, int]
    leaked: int
    not_drawn: int
    in_train: int

    @property
    def size_before(self) -> int:
        return len(self.keep)

    @property
    def size(self) -> int:
        return int(self.keep.sum())


def hashes(parts: Iterable[Tokenized]) -> np.ndarray:
    """A hash of each text's token ids and segments, bytes S16 [texts]."""
    found = [np.zeros(0, f"S{_HASH_BYTES}")]
    for part in parts:
        digests = (
            hashlib.blake2b(
                start.to_bytes(4, "little") + part.token_ids[row].tobytes(),
                digest_size=_HASH_BYTES,
            ).digest()
            for row, start in enumerate(part.segment_start.tolist())
        )
        # NumPy strips zeros at the end of bytes, of equal lengths here: no two meet.
        found.append(np.frombuffer(b"".join(digests), f"S{_HASH_BYTES}"))
    return np.concatenate(found)


def clean(
    transfer: np.ndarray,
    *,
    train: np.ndarray,
    held_out: Mapping[str, np.ndarray],
    size: int | None = None,
    seed: int = 0,
) -> Cleaning:
    """Cleans a transfer set, given the `hashes` of it, of D_L and of other splits.

    With `size` so many are kept, or all if there are no more, drawn by hashes of (seed,
    position): a smaller draw is a part of a larger one.
    """
    distinct, first = np.unique(transfer, return_index=True)
    keep = np.zeros(len(transfer), np.bool_)
    keep[first] = True
    leaks = {}
    for split, hashes_of_split in held_out.items():
        rows = _rows_of(hashes_of_split, distinct, first)
        leaks[split] = len(rows)
        keep[rows] = False
    clean_texts = int(keep.sum())
    if size is not None and size < clean_texts:
        drawn = draw(np.flatnonzero(keep), size, seed)
        keep[:] = False
        keep[drawn] = True
    return Cleaning(
        keep=keep,
        duplicates=len(transfer) - len(distinct),
        leaks=leaks,
        leaked=len(distinct) - clean_texts,
        not_drawn=clean_texts - int(keep.sum()),
        in_train=int(keep[_rows_of(train, distinct, first)].sum()),
    )


def _rows_of(wanted: np.ndarray, distinct: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The rows, of those that `distinct` (sorted) names, that hold a wanted hash."""
    if not len(distinct):
        return first
    wanted = np.unique(wanted)
    at = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
    rows: np.ndarray = first[at[distinct[at] == wanted]]
    return rows
