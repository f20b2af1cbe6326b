"""Windows for pre-training: what of the text is in them."""

import pytest

from pd_bert.data.encode_corpus import EncodeCorpus
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary


@pytest.mark.parametrize("sequence_length", [16, 31, 32, 128])
def test_little_of_long_segments_is_lost(tmp_path, sequence_length):
    words = [f"{chr(97 + i)}{chr(97 + j)}" for i in range(26) for j in range(26)]
    vocabulary = Vocabulary(tokens=(*SPECIAL_TOKENS, *words))
    vocabulary.write(tmp_path / "vocab.txt")
    encode = EncodeCorpus(
        vocabulary=tmp_path / "vocab.txt",
        lowercase=True,
        sequence_length=sequence_length,
        short_probability=0.0,
    )
    documents = [[" ".join(words * 3)] for _ in range(4)]
    windows = list(encode((0, documents)))
    assert {len(each["token_ids"]) <= sequence_length for each in windows} == {True}
    # The second segment of a random pair is another document's, and not counted.
    kept = 0
    for each in windows:
        first, ids = each["segment_start"], each["token_ids"]
        second = 0 if each["next_sentence_label"] else len(ids) - first - 1
        kept += first - 2 + second
    assert kept == pytest.approx(4 * 3 * len(words), rel=0.08)
