import json

import numpy as np
import pytest

from pd_bert.curation.cleaning import clean, hashes
from pd_bert.curation.token_statistics import TokenStatistics, similarity
from pd_bert.curation.tokenized import Tokenized
from pd_bert.curation.transfer_report import TransferReport
from pd_bert.data.columns import Sequences
from pd_bert.errors import InputError
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

VOCABULARY = Vocabulary(tokens=(*SPECIAL_TOKENS, *"abcde"))
UNK, CLS, SEP, A, B, C, D, E = 1, 2, 3, 5, 6, 7, 8, 9


def tokenized(*texts: list[int]) -> Tokenized:
    packed = [[CLS, *text, SEP] for text in texts]
    ends = np.cumsum([len(text) for text in packed])
    values = np.asarray([i for text in packed for i in text], np.int32)
    return Tokenized(
        Sequences(values, np.concatenate([[0], ends])), np.diff(ends, prepend=0)
    )


def counted(*texts: list[int]) -> TokenStatistics:
    return TokenStatistics.of([tokenized(*texts)], VOCABULARY)


def report(transfer, labeled, held_out=()) -> TransferReport:
    parts = [tokenized(*transfer)]
    cleaning = clean(
        hashes(parts),
        train=hashes([tokenized(*labeled)]),
        held_out={"dev": hashes([tokenized(*held_out)] if held_out else [])},
    )
    return TransferReport(
        cleaning=cleaning,
        transfer=TokenStatistics.of(parts, VOCABULARY, cleaning.keep),
        labeled=counted(*labeled),
        vocabulary=VOCABULARY,
    )


def test_tokens_lengths_and_empty_texts_are_counted() -> None:
    found = counted([A, A, B, UNK], [], [A] * 7, [UNK] * 511)
    assert found.counts[[A, B, C]].tolist() == [9, 1, 0]
    assert found.counts[[UNK, CLS, SEP]].tolist() == [0, 0, 0]
    assert found.unknown == 512
    assert found.unknown_rate == pytest.approx(512 / 522)
    # Of 6, 2, 9 and 513 pieces: bins end at 8, 16, …, 512.
    assert found.lengths.tolist() == [2, 1, *[0] * 10, 1]
    assert found.empty == 1


def test_parts_and_what_is_not_kept() -> None:
    parts = [tokenized([A], [B, B]), tokenized([C], [D])]
    keep = np.array([False, True, True, False])
    found = TokenStatistics.of(parts, VOCABULARY, keep)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 0, 2, 1, 0, 0]
    assert found.lengths.sum() == 2


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Ranks of a, b, c: 1 2 3 against 1 2 3, 3 2 1 and 2 1 3.
        ([A, B, B, C, C, C], [A, *[B] * 5, *[C] * 9], 1.0),
        ([A, B, B, C, C, C], [A, A, A, B, B, C], -1.0),
        ([A, B, B, C, C, C], [A, A, B, C, C, C], 0.5),
        # Nothing in common: frequencies 1 2 0 0 against 0 0 1 2, ranks 3 4 1½ 1½ and
        # 1½ 1½ 3 4: the sum of products is −4, of squares 4½.
        ([A, B, B], [C, D, D], -8 / 9),
        # Special tokens and unknown words do not count.
        ([A, B, B, *[UNK] * 9], [A, B, B], 1.0),
        ([A, B], [A, B], None),
        ([A], [], None),
    ],
)
def test_similarity_is_the_rank_correlation_over_either_sides_tokens(
    one, other, expected
) -> None:
    found = similarity(counted(one), counted(other))
    assert found == (None if expected is None else pytest.approx(expected))
    assert similarity(counted(other), counted(one)) == found


def test_a_report_tells_all_and_is_json() -> None:
    found = report(
        [[A, B, B], [A, B, B], [C], [D, UNK, D, D], [E]],
        [[A, A, B], [C, C, C, C], [E]],
        held_out=[[E]],
    )
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["size_before"] == 5 and told["size"] == 3
    assert told["duplicates"] == 1 and told["leaks"] == {"dev": 1}
    assert told["leaked"] == 1 and told["in_train"] == 0
    assert told["unknown_rate"] == {"transfer": 1 / 8, "labeled": 0.0}
    assert told["tokens"] == {"transfer": 4, "labeled": 4}
    assert told["tokens_in_common"] == 3
    assert told["only_in_transfer"] == [["d", 3]]
    assert told["only_in_labeled"] == [["e", 1]]
    assert told["lengths"]["transfer"][0] == 3
    assert len(told["lengths"]["up_to"]) == len(told["lengths"]["labeled"]) == 13
    # a, b, c, d, e: 1 2 1 3 0 against 2 1 4 0 1; ranks 2½ 4 2½ 5 1 and 4 2½ 5 1 2½.
    assert told["similarity"] == pytest.approx(-5.0 / 9.5)
    assert found.facts == {"transfer_size": 3, "similarity": told["similarity"]}
    assert found.summary() == (
        "3 of 5 texts; 1 duplicates, 1 leaks (dev 1) removed; similarity to train "
        "-0.53; unknown 12.5 %"
    )
    lines = {line[0]: line[1:] for line in found.lines()}
    assert lines["texts"] == ("3", "3")
    assert lines["leaks of dev"] == ("1", "")
    assert lines["only here, 1"] == ("d 3", "e 1")


def test_what_nobody_can_learn_from_is_refused() -> None:
    with pytest.raises(InputError, match=r"here: .* 0 of 2 texts; 1 dup.* \(dev 1\)"):
        report([[A], [A]], [[A]], held_out=[[A]]).require_usable("here")
    with pytest.raises(InputError, match=r"of 2 in the transfer set and 1 in the lab"):
        report([[A, B, UNK]], [[C, UNK]]).require_usable("here")
    report([[A, B]], [[A]]).require_usable("here")
