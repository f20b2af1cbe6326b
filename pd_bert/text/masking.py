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

# Independent draws for one position are told apart by their stream.
_CHOICE, _ACTION, _REPLACEMENT = 1, 2, 3

# The order of positions is drawn as a key: 48 random bits, then 16 of the position,
# so that keys never tie. What may not be drawn sorts behind every key.
_POSITION_BITS = np.uint64(0xFFFF)
_NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Masking:
    """Chooses tokens to predict (Devlin et al. 2019, Sections 3.1 and A.1).

    Of a row with `n` tokens, specials included, `round(rate * n)` are chosen, at least
    1 and at most `max_predictions`; [CLS], [SEP] and [PAD] never. A chosen token turns
    into [MASK] (`mask_fraction`), into a random token of the whole vocabulary
    (`random_fraction`), or stays.

    With `whole_word`, the pieces of a word are chosen together: words are drawn in
    random order, and one that would exceed the number is passed over. If none fits,
    the first pieces of the first word drawn are chosen.

    Raises `InputError` if a number is out of its range.
    """

    rate: float = 0.15
    max_predictions: int = 20
    mask_fraction: float = 0.8
    random_fraction: float = 0.1
    whole_word: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise InputError(f"rate is over 0 and at most 1: got {self.rate}")
        if self.max_predictions < 1:
            raise InputError(
                f"max_predictions is 1 or more: got {self.max_predictions}"
            )
        fractions = (self.mask_fraction, self.random_fraction)
        if min(fractions) < 0 or sum(fractions) > 1:
            raise InputError(
                f"mask_fraction and random_fraction are 0 or more, and at most 1 "
                f"together: got {self.mask_fraction} and {self.random_fraction}"
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
        """Masks a batch, each row by (seed, epoch, example id) and its tokens alone.

        Neither the batch, nor the place in it, nor the padding changes a row. A row
        without any token to mask gets weights of 0; the preparation of pre-training
        data never writes one.

        Example, one row, max_predictions=3:
            token_ids [[2, 11, 12, 13, 3, 0]], lengths [5], example_ids [7]
            -> token_ids [[2, 11, 4, 13, 3, 0]], masked_positions [[2, 0, 0]],
               masked_ids [[12, 0, 0]], masked_weights [[1., 0., 0.]]

        Args:
            token_ids: integers [B, L], L < 65,536.
            lengths: integers [B], the real tokens of each row.
            example_ids: int64 [B].

        Returns:
            token_ids int32 [B, L], masked_positions int32 [B, M] ascending,
            masked_ids int32 [B, M] (the original ids) and masked_weights float32
            [B, M], with M = max_predictions; what is unused is 0.
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
        """What stands in for the chosen `ids` [N]: [MASK], a random id, or the id."""
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
    """Bool [B, L]: the `wanted` [B] candidates with the lowest keys."""
    most = int(wanted.max(initial=0))
    if most == 0:
        return np.zeros_like(candidates)
    keys = _position_keys(candidates, row_keys)
    lowest = np.sort(np.partition(keys, most - 1, axis=1)[:, :most], axis=1)
    last = np.take_along_axis(lowest, np.maximum(wanted - 1, 0)[:, None], axis=1)
    # A row that wants none has no candidates, so nothing of it is chosen here.
    return candidates & (keys <= last)


def _choose_words(
    candidates: np.ndarray,
    continuation: np.ndarray,
    wanted: np.ndarray,
    row_keys: np.ndarray,
) -> np.ndarray:
    """Bool [B, L]: whole words in random order, of at most `wanted` [B] pieces.

    A piece that continues a word, but follows no candidate, begins a word itself.
    """
    batch, length = candidates.shape
    follows = np.zeros_like(candidates)
    follows[:, 1:] = candidates[:, :-1]
    starts = candidates & ~(continuation & follows)
    # Of each piece, its word's number in the batch. Every row counts one more word
    # than it has, so that what precedes its first word has a number too.
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
    for row in unfit:  # rare: a row of nothing but words longer than it may mask
        chosen[row, start[row, 0] : start[row, 0] + wanted[row]] = True
    return chosen


def _position_keys(drawable: np.ndarray, row_keys: np.ndarray) -> np.ndarray:
    """uint64 [B, L]: random keys, distinct within a row, of the drawable positions."""
    positions = np.arange(drawable.shape[1], dtype=np.uint64)
    keys = _draw(row_keys[:, None], positions, _CHOICE)
    return np.where(drawable, (keys & ~_POSITION_BITS) | positions, _NEVER)


def _row_keys(seed: int, epoch: int, example_ids: np.ndarray) -> np.ndarray:
    """uint64 [B]: one key for each (seed, epoch, example id)."""
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
    """uint64: random bits for each position of a row and for each stream."""
    counter = (positions.astype(np.uint64) << np.uint64(2)) | np.uint64(stream)
    return _mix(row_keys + counter * _INCREMENT)


def _mix(bits: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: a bijection of uint64 that scatters all bits."""
    bits = (bits ^ (bits >> np.uint64(30))) * _MULTIPLIER_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MULTIPLIER_2
    return bits ^ (bits >> np.uint64(31))
