import gzip
import json

import pytest
import tensorflow as tf

from pd_bert.text.vocabulary import Vocabulary
from pd_bert.text.wordpiece import WordPiece

TOKENS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("un", "##aff", "##able", "!", "cafe", "½", "…", "a", "##b", "b", "ก", "##ก"),
)
VOCABULARY = Vocabulary(tokens=TOKENS)


def split(text, **options):
    pieces = WordPiece(VOCABULARY, **options)(tf.constant([text]))
    return [TOKENS[index] for index in pieces.flat_values.numpy()]


def test_batch():
    pieces = WordPiece(VOCABULARY)(tf.constant(["Unaffable!", "", "café xyz"]))
    assert pieces.dtype == tf.int32
    assert pieces.to_list() == [[5, 6, 7, 8], [], [9, 1]]
    assert WordPiece(VOCABULARY)(tf.constant([], tf.string)).to_list() == []


def test_cased_keeps_case_and_accents():
    cased = WordPiece(Vocabulary(tokens=TOKENS, lowercase=False))
    texts = tf.constant(["un Un café", "un Un"])
    assert cased(texts).to_list() == [[5, 1, 1], [5, 1]]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("½ …", ["½", "…"]),
        ("UN\u0301ABLE", ["un", "##able"]),
        ("a\x00b a\x07b a\ufffdb a\u200bb", ["a", "##b"] * 4),
        ("a\tb\r\nb\u00a0b", ["a", "b", "b", "b"]),
        ("a漢b", ["a", "[UNK]", "b"]),
        ("𓀀𓁀 ꙮ", ["[UNK]", "[UNK]"]),
        ("[MASK]", ["[UNK]"] * 3),
        (b"a\xff\xc3b \xed\xa0\x80", ["a", "##b"]),
        (b"\xe2\x82", []),
        ("ก" * 100, ["ก", *["##ก"] * 99]),
        ("a" + "b" * 399, ["a", *["##b"] * 399]),
        ("a" + "b" * 400, ["[UNK]"]),
        ("a " * 50_000, ["a"] * 50_000),
        ("x" * 100_000, ["[UNK]"]),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_no_string_is_an_error(text, pieces):
    assert split(text) == pieces


@pytest.mark.parametrize(
    ("max_bytes", "pieces"),
    [(1, ["a"]), (4, ["a"]), (5, ["a", "ก"]), (7, ["a", "ก", "b"])],
)
def test_max_bytes_cuts_between_characters(max_bytes, pieces):
    assert split("a ก b", max_bytes=max_bytes) == pieces  # ก is three bytes


def test_max_bytes_is_positive():
    with pytest.raises(ValueError, match="received 0"):
        WordPiece(VOCABULARY, max_bytes=0)


def test_saved_model(tmp_path):
    module = WordPiece(VOCABULARY, max_bytes=1000)
    signature = tf.TensorSpec([None], tf.string)
    module.split = tf.function(module.__call__, input_signature=[signature])
    tf.saved_model.save(module, tmp_path)
    pieces = tf.saved_model.load(tmp_path).split(tf.constant(["Unaffable!", ""]))
    assert pieces.to_list() == [[5, 6, 7, 8], []]


def test_golden(shared_data):
    golden = shared_data / "golden/squad_questions_bert_uncased_wordpiece.jsonl.gz"
    with gzip.open(golden, "rt", encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    assert len(entries) == 10_570
    vocabulary = Vocabulary.read(shared_data / "vocab/bert_uncased.txt")
    texts = tf.constant([entry["text"] for entry in entries])
    assert WordPiece(vocabulary)(texts).to_list() == [entry["ids"] for entry in entries]
