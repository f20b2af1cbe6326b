import re

import numpy as np
import pytest

from pd_bert.errors import InputError
from pd_bert.text.vocabulary import Vocabulary

TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##able", "a")


def test_ids_and_continuation():
    vocabulary = Vocabulary(tokens=TOKENS)
    assert len(vocabulary) == 8
    assert vocabulary.special_ids == (0, 1, 2, 3, 4)
    assert (vocabulary.pad_id, vocabulary.unk_id, vocabulary.mask_id) == (0, 1, 4)
    assert (vocabulary.cls_id, vocabulary.sep_id) == (2, 3)
    assert vocabulary.continuation.dtype == np.bool_
    assert vocabulary.continuation.tolist() == [False] * 6 + [True, False]


def test_specials_may_stand_anywhere():
    vocabulary = Vocabulary(tokens=TOKENS[::-1])
    assert (vocabulary.pad_id, vocabulary.mask_id) == (7, 3)


def test_write_then_read_gives_the_same(tmp_path):
    vocabulary = Vocabulary(tokens=(*TOKENS, "é", "\u2028", "\x85"), lowercase=False)
    vocabulary.write(tmp_path / "vocab.txt")
    again = Vocabulary.read(tmp_path / "vocab.txt", lowercase=False)
    assert again == vocabulary
    assert again.fingerprint == vocabulary.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["vocab.txt"]


def test_fingerprint_depends_on_tokens_order_and_case():
    fingerprints = {
        Vocabulary(tokens=TOKENS).fingerprint,
        Vocabulary(tokens=TOKENS, lowercase=False).fingerprint,
        Vocabulary(tokens=TOKENS[::-1]).fingerprint,
        Vocabulary(tokens=TOKENS[:-1]).fingerprint,
    }
    assert len(fingerprints) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in fingerprints)


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(TOKENS).encode(),
        ("\n".join(TOKENS) + "\n").encode(),
        ("\r\n".join(TOKENS) + "\r\n\r\n").encode(),
        b"\xef\xbb\xbf" + "\n".join(TOKENS).encode(),
    ],
    ids=["no newline at the end", "newline", "CRLF", "byte order mark"],
)
def test_read_is_tolerant(tmp_path, content):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    assert Vocabulary.read(path).tokens == TOKENS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[PAD]\n[UNK]\n[CLS]\n\n[SEP]\n[MASK]\n", r"empty line \(.*vocab.txt:4\)"),
        (
            b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\na\n",
            r"received 'a' on line 6 and again on line 8 \(.*vocab.txt:8\)",
        ),
        (b"[PAD]\n[UNK]\n[SEP]\n", r"3 tokens without \[CLS\] \[MASK\] \(.*vocab.txt"),
        (b"", r"received 0 tokens"),
        (b"[PAD]\na\xff\n", r"UTF-8; received byte 0xff \(.*vocab.txt:2\)"),
    ],
    ids=["empty line", "duplicate", "no specials", "empty file", "not UTF-8"],
)
def test_read_refuses(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        Vocabulary.read(path)


def test_read_names_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"No such file.*absent\.txt"):
        Vocabulary.read(tmp_path / "absent.txt")


def test_a_token_holds_no_line_break():
    with pytest.raises(InputError, match="line break"):
        Vocabulary(tokens=(*TOKENS, "b\n"))
