import numpy as np
import pytest

from pd_bert.errors import InputError
from pd_bert.text.masking import Masking
from pd_bert.text.vocabulary import Vocabulary

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Ids 5 to 504 begin a word, 505 to 1004 continue one.
VOCABULARY = Vocabulary(
    tokens=(
        *SPECIALS,
        *(f"w{i}" for i in range(500)),
        *(f"##w{i}" for i in range(500)),
    )
)
PAD, CLS, SEP, MASK = 0, 2, 3, 4
OPTIONS = {"seed": 1, "epoch": 0, "vocabulary": VOCABULARY}


def random_rows(count, width=128, seed=0):
    """[CLS] pieces [SEP] pieces [SEP], padded; about a half of the pieces continue."""
    random = np.random.default_rng(seed)
    lengths = random.integers(4, width + 1, count)
    token_ids = random.integers(5, len(VOCABULARY), (count, width)).astype(np.int32)
    rows = np.arange(count)
    token_ids[:, 0] = CLS
    token_ids[rows, lengths // 2] = SEP
    token_ids[rows, lengths - 1] = SEP
    token_ids[np.arange(width) >= lengths[:, None]] = PAD
    return token_ids, lengths, rows + 10**12


def words_of(row, length):
    """Lists of positions, by the rule of BERT's reference code, per segment."""
    words = []
    for position in range(length):
        if row[position] in (CLS, SEP, PAD):
            words.append([])
        elif row[position] >= 505 and words[-1]:
            words[-1].append(position)
        else:
            words.append([position])
    return [word for word in words if word]


def test_one_row():
    token_ids = np.array([[CLS, 11, 12, 13, SEP, PAD]])
    masking = Masking(max_predictions=3, mask_fraction=1.0, random_fraction=0.0)
    masked = masking(token_ids, np.array([5]), np.array([7]), **OPTIONS)
    (position, *unused) = masked["masked_positions"][0]
    assert position in (1, 2, 3) and unused == [0, 0]
    assert masked["masked_ids"].tolist() == [[10 + position, 0, 0]]
    assert masked["masked_weights"].tolist() == [[1.0, 0.0, 0.0]]
    expected = token_ids.copy()
    expected[0, position] = MASK
    assert masked["token_ids"].tolist() == expected.tolist()
    assert token_ids[0, position] == 10 + position, "the input is left alone"
    dtypes = {name: str(array.dtype) for name, array in masked.items()}
    assert dtypes == {
        "token_ids": "int32",
        "masked_positions": "int32",
        "masked_ids": "int32",
        "masked_weights": "float32",
    }


def test_golden():
    """Masks are part of a recipe's result: a changed hash must not pass unseen.

    The values were computed with Python's integers, apart from the implementation.
    """
    token_ids = np.arange(5, 65)[None]
    masked = Masking()(token_ids, np.array([60]), np.array([42]), **OPTIONS)
    positions = masked["masked_positions"][0, :9]
    assert positions.tolist() == [2, 12, 26, 27, 28, 49, 53, 55, 59]
    assert masked["token_ids"][0, positions].tolist() == [4, 4, 701, 4, 4, 4, 4, 4, 106]


@pytest.mark.parametrize("whole_word", [False, True])
def test_what_is_masked(whole_word):
    token_ids, lengths, example_ids = random_rows(2000)
    masking = Masking(whole_word=whole_word)
    masked = masking(token_ids, lengths, example_ids, **OPTIONS)
    for row in range(2000):
        number = int(masked["masked_weights"][row].sum())
        positions = masked["masked_positions"][row]
        chosen = positions[:number]
        wanted = min(20, max(1, round(0.15 * int(lengths[row]))))
        candidates = np.isin(token_ids[row], (CLS, SEP, PAD), invert=True).sum()
        if not whole_word:
            assert number == min(wanted, candidates)
        assert 1 <= number <= wanted
        assert masked["masked_weights"][row].tolist() == [1.0] * number + [0.0] * (
            20 - number
        )
        assert (np.diff(chosen) > 0).all() and not positions[number:].any()
        assert (chosen < lengths[row]).all()
        originals = token_ids[row, chosen]
        assert masked["masked_ids"][row, :number].tolist() == originals.tolist()
        assert not np.isin(originals, (CLS, SEP, PAD)).any()
        changed = np.nonzero(masked["token_ids"][row] != token_ids[row])[0]
        assert set(changed) <= set(chosen)


def test_fractions():
    token_ids, lengths, example_ids = random_rows(5000)
    masked = Masking()(token_ids, lengths, example_ids, **OPTIONS)
    rows, slots = np.nonzero(masked["masked_weights"])
    new = masked["token_ids"][rows, masked["masked_positions"][rows, slots]]
    old = masked["masked_ids"][rows, slots]
    assert np.mean(new == MASK) == pytest.approx(0.8, abs=0.01)
    assert np.mean(new == old) == pytest.approx(0.1, abs=0.01)
    replaced = new[(new != MASK) & (new != old)]
    assert replaced.size / new.size == pytest.approx(0.1, abs=0.01)
    assert replaced.mean() == pytest.approx(len(VOCABULARY) / 2, rel=0.05)
    assert replaced.min() < 20 and replaced.max() > len(VOCABULARY) - 20


def test_every_position_is_equally_likely():
    token_ids = np.full((20_000, 22), 5)
    token_ids[:, 0], token_ids[:, -1] = CLS, SEP
    example_ids = np.arange(20_000)
    masked = Masking()(token_ids, np.full(20_000, 22), example_ids, **OPTIONS)
    used = masked["masked_weights"] == 1
    counts = np.bincount(masked["masked_positions"][used], minlength=22)
    assert counts[0] == counts[21] == 0
    assert counts[1:21] == pytest.approx(20_000 * 3 / 20, rel=0.06)


@pytest.mark.parametrize("whole_word", [False, True])
def test_a_row_is_masked_the_same_in_any_batch(whole_word):
    token_ids, lengths, example_ids = random_rows(200, width=64)
    masking = Masking(whole_word=whole_word)
    whole = masking(token_ids, lengths, example_ids, **OPTIONS)
    again = masking(token_ids, lengths, example_ids, **OPTIONS)
    order = np.random.default_rng(3).permutation(200)[:77]
    padded = np.pad(token_ids[order], [(0, 0), (0, 36)])
    part = masking(padded, lengths[order], example_ids[order], **OPTIONS)
    part["token_ids"] = part["token_ids"][:, :64]
    for name, array in whole.items():
        np.testing.assert_array_equal(again[name], array)
        np.testing.assert_array_equal(part[name], array[order])


@pytest.mark.parametrize("change", [{"seed": 2}, {"epoch": 1}, {"seed": -1}])
def test_seed_and_epoch_change_the_masks(change):
    token_ids, lengths, example_ids = random_rows(200)
    first = Masking()(token_ids, lengths, example_ids, **OPTIONS)
    other = Masking()(token_ids, lengths, example_ids, **(OPTIONS | change))
    same = (first["masked_positions"] == other["masked_positions"]).all(axis=1)
    assert same.mean() < 0.1


def test_whole_words():
    token_ids, lengths, example_ids = random_rows(1000)
    masking = Masking(whole_word=True)
    masked = masking(token_ids, lengths, example_ids, **OPTIONS)
    for row in range(1000):
        number = int(masked["masked_weights"][row].sum())
        chosen = set(masked["masked_positions"][row, :number].tolist())
        wanted = min(20, max(1, round(0.15 * int(lengths[row]))))
        words = words_of(token_ids[row], lengths[row])
        if min(map(len, words)) > wanted:
            continue
        untouched = [word for word in words if not chosen & set(word)]
        for word in words:
            assert chosen >= set(word) or word in untouched
        # Words are passed over only where they do not fit.
        assert all(number + len(word) > wanted for word in untouched)


def test_a_word_longer_than_the_number_is_masked_in_part():
    token_ids = np.array([[CLS, 5, *range(505, 525), SEP]])
    masking = Masking(whole_word=True)
    masked = masking(token_ids, np.array([23]), np.array([0]), **OPTIONS)
    assert masked["masked_positions"][0, :4].tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("whole_word", [False, True])
def test_rows_without_a_candidate(whole_word):
    token_ids = np.array([[CLS, SEP, PAD], [CLS, 5, SEP], [PAD, PAD, PAD]])
    masking = Masking(whole_word=whole_word)
    masked = masking(token_ids, np.array([2, 3, 0]), np.arange(3), **OPTIONS)
    assert masked["masked_weights"].sum(axis=1).tolist() == [0, 1, 0]
    assert masked["token_ids"][0].tolist() == [CLS, SEP, PAD]
    none = masking(token_ids[:0], np.zeros(0, int), np.zeros(0, int), **OPTIONS)
    assert none["token_ids"].shape == (0, 3)
    assert none["masked_ids"].shape == (0, 20)


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 0.0},
        {"rate": 1.5},
        {"max_predictions": 0},
        {"mask_fraction": 0.95},
        {"random_fraction": -0.1},
    ],
)
def test_refuses(options):
    with pytest.raises(InputError, match=next(iter(options))):
        Masking(**options)
