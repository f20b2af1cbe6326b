"""Masking of tokens for the masked language model, a pure function of each row."""

import dataclasses

import numpy as np

from pd_bert.errors import InputError
from pd_bert.text.vocabulary import Vocabulary

# splitmix64: the increment is that of Steele, Lea & Flood, "Fast splittable
# pseudorandom number generators" (OOPSLA 2014); the multipliers and shifts are
# variant 13 of D. Stafford, "Better bit mixing" (2011), as in S. Vigna's splitmix64.c.
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)

# Independent draws for one position have different streams.
_CHOICE, _ACTION, _REPLACEMENT = 1, 2, 3

# The order of positions is drawn as a key: 48 random bits, then 16 of the position,
# so that keys never tie. Positions that must not be drawn sort behind every key.
_POSITION_BITS = np.uint64(0xFFFF)
_NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Masking:
    """The choice of tokens to predict (Devlin et al. 2019, Sections 3.1 and A.1).

    In a row with `n` tokens, special ones included, `round(rate * n)` are chosen, at
    least 1 and at most `max_predictions`, but never [CLS], [SEP] or [PAD]. A chosen
    token becomes [MASK] (`mask_fraction`), a random token of the whole vocabulary
    (`random_fraction`), or stays as it is.

    With `whole_word`, the pieces of a word are chosen together: words are drawn in
    random order, and a word that would exceed the number is skipped. If no word fits,
    the first pieces of the first word are chosen.

    Raises InputError if a number is out of its range.
    """

    rate: float = 0.15
    max_predictions: int = 20
    mask_fraction: float = 0.8
    random_fraction: float = 0.1
    whole_word: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise InputError(f"rate must be over 0 and at most 1; received {self.rate}")
        if self.max_predictions < 1:
            raise InputError(
                f"max_predictions must be at least 1; received {self.max_predictions}"
            )
        fractions = (self.mask_fraction, self.random_fraction)
        if min(fractions) < 0 or sum(fractions) > 1:
            raise InputError(
                "mask_fraction and random_fraction must be at least 0, and their sum "
                f"at most 1; received {self.mask_fraction} and {self.random_fraction}"
            )

    def __call__(
        self,
        token_ids: np.ndarray,
        lengths: np.ndarray,
        example_ids: np.ndarray,
        *,
        seed: int,
        epoch: int,
        vocabulary: Vocabulary,
    ) -> dict[str, np.ndarray]:
        """Masks each row of a batch by (seed, epoch, example id) and its own tokens.

        The result for a row does not depend on the other rows, on its place in the
        batch or on the padding. A row without any token to mask gets weights of 0; the
        preparation of pre-training data never writes such a row.

        Example, one row, max_predictions=3:
            token_ids [[2, 11, 12, 13, 3, 0]], lengths [5], example_ids [7]
            -> token_ids [[2, 11, 4, 13, 3, 0]], masked_positions [[2, 0, 0]],
               masked_ids [[12, 0, 0]], masked_weights [[1., 0., 0.]]

        Args:
            token_ids: integers [B, L], L < 65,536.
            lengths: integers [B], the number of tokens of each row without padding.
            example_ids: int64 [B].

        Returns:
            token_ids int32 [B, L], masked_positions int32 [B, M] ascending,
            masked_ids int32 [B, M] (the original ids) and masked_weights float32
            [B, M], with M = max_predictions; unused places are 0.
        """
        token_ids = np.array(token_ids, dtype=np.int32)
        batch, length = token_ids.shape
        assert length <= _POSITION_BITS
        candidates = np.arange(length) < np.asarray(lengths)[:, None]
        for special_id in (vocabulary.cls_id, vocabulary.sep_id, vocabulary.pad_id):
            candidates &= token_ids != special_id
        # np.rint rounds halves to even, as does the round() of the reference code.
        wanted = np.rint(np.asarray(lengths) * self.rate).astype(np.int64)
        wanted = np.clip(wanted, 1, self.max_predictions)
        wanted = np.minimum(wanted, candidates.sum(axis=1))

        row_keys = _row_keys(seed, epoch, np.asarray(example_ids))
        if self.whole_word:
            continuation = vocabulary.continuation[token_ids]
            chosen = _choose_words(candidates, continuation, wanted, row_keys)
        else:
            chosen = _choose_tokens(candidates, wanted, row_keys)

        rows, positions = np.nonzero(chosen)
        first = np.cumsum(chosen.sum(axis=1)) - chosen.sum(axis=1)
        slots = np.arange(rows.size) - first[rows]
        originals = token_ids[rows, positions]
        token_ids[rows, positions] = self._replace(
            originals, row_keys[rows], positions, vocabulary
        )
        shape = (batch, self.max_predictions)
        masked_positions = np.zeros(shape, np.int32)
        masked_ids = np.zeros(shape, np.int32)
        masked_weights = np.zeros(shape, np.float32)
        masked_positions[rows, slots] = positions
        masked_ids[rows, slots] = originals
        masked_weights[rows, slots] = 1.0
        return {
            "token_ids": token_ids,
            "masked_positions": masked_positions,
            "masked_ids": masked_ids,
            "masked_weights": masked_weights,
        }

    def _replace(
        self,
        ids: np.ndarray,
        row_keys: np.ndarray,
        positions: np.ndarray,
        vocabulary: Vocabulary,
    ) -> np.ndarray:
        """Returns the inputs for chosen `ids` [N]: [MASK], a random id, or the id."""
        bits = _draw(row_keys, positions, _ACTION)
        action = (bits >> np.uint64(11)) * 2.0**-53  # uniform in [0, 1)
        # The high half of a product with the vocabulary's size is uniform below it.
        bits = _draw(row_keys, positions, _REPLACEMENT) >> np.uint64(32)
        random_ids = (bits * np.uint64(len(vocabulary))) >> np.uint64(32)
        is_mask = action < self.mask_fraction
        is_random = ~is_mask & (action < self.mask_fraction + self.random_fraction)
        return np.select(
            [is_mask, is_random],
            [vocabulary.mask_id, random_ids.astype(np.int32)],
            ids,
        )


def _choose_tokens(
    candidates: np.ndarray, wanted: np.ndarray, row_keys: np.ndarray
) -> np.ndarray:
    """Returns bool [B, L]: the `wanted` [B] candidates with the lowest keys."""
    most = int(wanted.max(initial=0))
    if most == 0:
        return np.zeros_like(candidates)
    keys = _position_keys(candidates, row_keys)
    lowest = np.sort(np.partition(keys, most - 1, axis=1)[:, :most], axis=1)
    last = np.take_along_axis(lowest, np.maximum(wanted - 1, 0)[:, None], axis=1)
    # A row of which none is wanted has no candidates, so none is chosen here.
    return candidates & (keys <= last)


def _choose_words(
    candidates: np.ndarray,
    continuation: np.ndarray,
    wanted: np.ndarray,
    row_keys: np.ndarray,
) -> np.ndarray:
    """Returns bool [B, L]: random whole words of at most `wanted` [B] pieces.

    A continuation piece that does not follow a candidate counts as the start of a word.
    """
    batch, length = candidates.shape
    follows = np.zeros_like(candidates)
    follows[:, 1:] = candidates[:, :-1]
    starts = candidates & ~(continuation & follows)
    # The number, in the batch, of each piece's word. Every row counts one more word
    # than it has, so that the tokens before its first word have a number too.
    word = np.cumsum(starts, axis=1) + np.arange(batch)[:, None] * (length + 1)
    sizes = np.bincount(word[candidates], minlength=batch * (length + 1))

    most_words = int(starts.sum(axis=1).max(initial=0))
    keys = np.sort(_position_keys(starts, row_keys), axis=1)[:, :most_words]
    is_word = keys != _NEVER
    start = np.where(is_word, keys & _POSITION_BITS, np.uint64(0)).astype(np.int64)
    words = np.take_along_axis(word, start, axis=1)
    word_sizes = sizes[words]

    taken = np.zeros(sizes.size, np.bool_)
    count = np.zeros(batch, np.int64)
    for index in range(most_words):
        fits = is_word[:, index] & (count + word_sizes[:, index] <= wanted)
        taken[words[fits, index]] = True
        count += np.where(fits, word_sizes[:, index], 0)
        if (count == wanted).all():
            break
    chosen = candidates & taken[word]

    (unfit,) = np.nonzero((count == 0) & (wanted > 0))
    for row in unfit:  # rare: every word is longer than the row may mask
        chosen[row, start[row, 0] : start[row, 0] + wanted[row]] = True
    return chosen


def _position_keys(drawable: np.ndarray, row_keys: np.ndarray) -> np.ndarray:
    """Returns uint64 [B, L]: random keys of drawable positions, distinct per row."""
    positions = np.arange(drawable.shape[1], dtype=np.uint64)
    keys = _draw(row_keys[:, None], positions, _CHOICE)
    return np.where(drawable, (keys & ~_POSITION_BITS) | positions, _NEVER)


def _row_keys(seed: int, epoch: int, example_ids: np.ndarray) -> np.ndarray:
    """Returns uint64 [B]: one key per (seed, epoch, example id)."""
    keys = np.zeros(example_ids.shape, np.uint64)
    wrap = 0xFFFFFFFFFFFFFFFF
    for value in (
        np.full_like(keys, seed & wrap),
        np.full_like(keys, epoch & wrap),
        example_ids.astype(np.int64).view(np.uint64),
    ):
        keys = _mix((keys ^ value) + _INCREMENT)
    return keys


def _draw(row_keys: np.ndarray, positions: np.ndarray, stream: int) -> np.ndarray:
    """Returns uint64: random bits per position of a row and per stream."""
    counter = (positions.astype(np.uint64) << np.uint64(2)) | np.uint64(stream)
    return _mix(row_keys + counter * _INCREMENT)


def _mix(bits: np.ndarray) -> np.ndarray:
    """Applies the finalizer of splitmix64, a bijection that mixes all bits."""
    bits = (bits ^ (bits >> np.uint64(30))) * _MULTIPLIER_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MULTIPLIER_2
    return bits ^ (bits >> np.uint64(31))
