import os
import subprocess
import sys

import pytest
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.text.train_vocabulary import train_vocabulary
from pd_bert.text.wordpiece import WordPiece

TEXTS = [
    "The film was wonderful, the acting was wonderful.",
    "The café's owner acted in the film; acting is an art.",
    "Wonderful actors act wonderfully, and artful actors act artfully.",
] * 3

PRINT_FINGERPRINT = f"""
from pd_bert.text.train_vocabulary import train_vocabulary
print(train_vocabulary({TEXTS!r}, size=90).fingerprint)
"""


def test_specials_then_characters_then_pieces():
    tokens = train_vocabulary(TEXTS, size=100).tokens
    assert tokens[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert tokens[5:8] == ("'", ",", ".")
    assert {"a", "##a", "act", "wonderful", "film"} <= set(tokens)
    assert len(tokens) <= 100


def test_uncased_is_lower_case_without_accents():
    letters = set("".join(train_vocabulary(TEXTS, size=100).tokens[5:]))
    assert "é" not in letters and "T" not in letters and "e" in letters
    cased = set("".join(train_vocabulary(TEXTS, size=100, lowercase=False).tokens[5:]))
    assert "é" in cased and "T" in cased


def test_texts_have_few_unknown_words():
    vocabulary = train_vocabulary(TEXTS, size=100)
    pieces = WordPiece(vocabulary)(tf.constant(TEXTS)).flat_values.numpy()
    assert (pieces == vocabulary.unk_id).mean() < 0.01


def test_neither_threads_nor_runs_nor_the_order_change_it():
    here = train_vocabulary(reversed(TEXTS), size=90).fingerprint
    for threads, parallel in (("1", "false"), ("3", "true"), ("3", "true")):
        environment = os.environ | {
            "RAYON_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": parallel,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        command = [sys.executable, "-c", PRINT_FINGERPRINT]
        there = subprocess.check_output(command, env=environment, text=True)
        assert there.strip() == here


def test_texts_are_read_once():
    assert train_vocabulary(iter(TEXTS), size=90) == train_vocabulary(TEXTS, size=90)


def test_rare_characters_give_way():
    texts = [*TEXTS, "zebra 漢字"]
    tokens = train_vocabulary(texts, size=60).tokens
    assert len(tokens) <= 60
    assert "漢" not in tokens


@pytest.mark.parametrize("texts", [[], ["", "  \n"]])
def test_no_words(texts):
    with pytest.raises(
        InputError, match=f"at least one word; received {len(texts)} texts"
    ):
        train_vocabulary(texts, size=100)


def test_no_character_is_frequent_enough():
    with pytest.raises(InputError, match="min_frequency=9 times"):
        train_vocabulary(["a b"], size=100, min_frequency=9)


def test_no_room_beside_the_specials():
    with pytest.raises(InputError, match="received 5"):
        train_vocabulary(TEXTS, size=5)
