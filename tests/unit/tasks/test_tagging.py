"""Both ends of a tagging, its metrics and its judgement."""

import json
import pathlib
import re
from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from seqeval.metrics import f1_score, precision_score, recall_score

from pd_bert.data.source import Row, TextRow
from pd_bert.errors import InputError
from pd_bert.models.outputs import Outputs
from pd_bert.sources.conll import Conll
from pd_bert.sources.held import Held
from pd_bert.sources.tagged_words import TaggedWords
from pd_bert.sources.text_lines import TextLines
from pd_bert.tasks.labeled_task import numbers, task_over
from pd_bert.tasks.metrics import accuracy
from pd_bert.tasks.phrases import count_beyond, phrases, phrases_beyond
from pd_bert.tasks.tagging import Tagging
from pd_bert.tasks.word_answers import split_with_offsets
from pd_bert.text.tokenizer import Tokenizer
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

_PIECES = ("ada", "ber", "##t", "os", "##lo", "lives", "in", ".", "emile", "東", "京")
VOCABULARY = Vocabulary(tokens=(*SPECIAL_TOKENS, *_PIECES))
LABELS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
_NONE = Held(held=())


def row(
    text: str, tags: str = "", *, language: str | None = None, where: str = "f:1"
) -> TaggedWords:
    return TaggedWords(
        words=tuple(text.split()),
        tags=tuple(tags.split()),
        language=language,
        where=where,
    )


ROWS = (
    row("Ada Bert lives in Oslo .", "B-PER I-PER O O B-LOC O", language="en"),
    row("Oslo", "B-LOC", language="no"),
)


def tagging(*rows: Row, **settings: object) -> Tagging:
    return Tagging(name="t", train=Held(held=rows), dev=_NONE, **settings)


def test_find_labels() -> None:
    assert tagging(*ROWS).find_labels() == LABELS
    assert tagging(ROWS[1]).find_labels() == ("B-LOC", "I-LOC", "O")
    given = ("O", "B-LOC", "I-LOC")
    assert tagging(ROWS[1], labels=given).find_labels() == given


def test_encode_and_label_features() -> None:
    task = tagging(languages=("no", "en"))
    tokenizer = Tokenizer(VOCABULARY, sequence_length=9)
    texts = {"text": tf.constant([each.texts["text"] for each in ROWS])}
    encoded = task.encode(texts, tokenizer)
    pieces = [
        [VOCABULARY.tokens[index] for index in ids]
        for ids in encoded["token_ids"].to_list()
    ]
    assert pieces == [
        ["[CLS]", "ada", "ber", "##t", "lives", "in", "os", "##lo", "[SEP]"],
        ["[CLS]", "os", "##lo", "[SEP]"],
    ]
    assert encoded["label_weight"].to_list() == [
        [0, 1, 1, 0, 1, 1, 1, 0, 0],
        [0, 1, 0, 0],
    ]
    features = task.label_features(ROWS, encoded, LABELS)
    assert features.keys() == task.gold_spec.keys()
    assert [each.tolist() for each in features["label"]] == [
        [0, 1, 3, 0, 4, 4, 0, 0, 0],
        [0, 0, 0, 0],
    ]
    assert features["language"] == [1, 0]
    # "." is beyond the length, and is no phrase.
    assert (features["missed"], features["continued"]) == ([0, 0], [0, 0])
    assert "language" not in tagging().gold_spec


@pytest.mark.parametrize(
    ("tags", "kept", "expected"),
    [
        ("B-A I-A O B-B", 4, (0, 0)),
        ("B-A I-A O B-B", 2, (1, 0)),
        ("B-A I-A O B-B", 1, (1, 1)),
        ("B-A I-A O B-B", 0, (2, 0)),
        ("O O B-A B-A I-B O", 2, (3, 0)),
        ("O B-A I-A I-A", 2, (0, 1)),
    ],
)
def test_phrases_beyond_the_length_count_as_missed(
    tags: str, kept: int, expected: tuple[int, int]
) -> None:
    """The scores are those of the whole sentence with O for what was not read."""
    gold = tags.split()
    assert count_beyond(gold, kept) == expected
    answer = gold[:kept]
    shown = gold[:kept] + phrases_beyond(gold[:kept], *expected)
    cut = [answer + ["O"] * (len(shown) - kept)]
    whole = [answer + ["O"] * (len(gold) - kept)]
    for score in (f1_score, precision_score, recall_score):
        assert score([shown], cut, zero_division=0) == score(
            [gold], whole, zero_division=0
        )


def outputs_of(weight: np.ndarray, answers: Sequence[Sequence[int]]) -> Outputs:
    """Logits that answer, at the words of each row, these labels."""
    logits = np.full([*weight.shape, len(LABELS)], 0.0, np.float32)
    for at, own in enumerate(answers):
        for place, answer in zip(np.flatnonzero(weight[at]), own, strict=False):
            logits[at, place, answer] = 4.0
    return Outputs(logits={"label": tf.constant(logits)})


def served(texts: Sequence[str], answers: Sequence[Sequence[int]], length: int) -> list:
    """The words and entities that the served model gives for each text."""
    task = tagging()
    tokenizer = Tokenizer(VOCABULARY, sequence_length=length)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def encode(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return tokenizer.pad(task.encode({"text": text}, tokenizer))

    @tf.function
    def decode(logits: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return task.decode(Outputs(logits={"label": logits}), batch, LABELS)

    batch = encode(tf.constant(texts))
    given = outputs_of(batch["label_weight"].numpy(), answers).logits["label"]
    decoded = {name: value.numpy() for name, value in decode(given, batch).items()}
    shown = [
        task.present({n: v[index] for n, v in decoded.items()}, LABELS)
        for index in range(len(texts))
    ]
    assert json.loads(json.dumps(shown)) == shown
    return shown


def test_served_words_and_entities() -> None:
    text = " Ada  Bert\nlives in Oslo"
    (found, none) = served([text, ""], [[1, 3, 4, 4, 0], []], 16)
    assert [(w["text"], w["tag"], w["begin"], w["end"]) for w in found["words"]] == [
        ("Ada", "B-PER", 1, 4),
        ("Bert", "I-PER", 6, 10),
        ("lives", "O", 11, 16),
        ("in", "O", 17, 19),
        ("Oslo", "B-LOC", 20, 24),
    ]
    sure = pytest.approx(np.exp(4) / (np.exp(4) + 4), abs=1e-5)
    assert found["entities"] == [
        {"text": "Ada Bert", "label": "PER", "begin": 1, "end": 10, "score": sure},
        {"text": "Oslo", "label": "LOC", "begin": 20, "end": 24, "score": sure},
    ]
    assert none == {"entities": [], "words": []}


def test_words_beyond_the_length_are_returned_with_o() -> None:
    found, other = served(["Oslo Ada in", "in"], [[0, 1, 1], [4]], 5)
    assert [(w["tag"], w["score"] > 0) for w in found["words"]] == [
        ("B-LOC", True),
        ("B-PER", True),
        ("O", False),
    ]
    assert [word["tag"] for word in other["words"]] == ["O"]
    (none,) = served(["Oslo Ada"], [[]], 2)
    assert [word["tag"] for word in none["words"]] == ["O", "O"]


HARD = (
    "Émile à Oslo",
    "E\u0301mile e\u0301 ada\u0301",
    "İstanbul ıIiİ Oslo",
    "Straße ﬁn ½ … Oslo",
    "東京 は 日本 東京Oslo Oslo東京",
    "ada\x00bert \x01 Oslo",
    "\x7f \x85 \u200b ada",
    "\ufeffAda Bert",
    "\u202eOslo\u202c \u00ad Ada",
    "\ue000 \ufffd Ada",
    "😀 👩‍👩‍👧 🇳🇴 Ada😀 Oslo",
    "𐎀𐎁 𝒜da Oslo",
    "a\u00a0b c\u3000d e\u2003f Oslo",
    "नमस्ते ภาษาไทย 한국어 Oslo",
    "a\u0300\u0301\u0302 \u0301 Oslo",
    "x" * 500 + " Oslo",
    "\t\n  Ada \r\n\x0b\x0c Oslo  ",
    "ada\x1cbert \x1e\x1f Oslo",
    "\ufdfa \ufffe \U0010ffff Oslo",
    "",
    " \t\n ",
    "ada " * 200,
)


def test_offsets_are_of_the_original_characters() -> None:
    """Normalization drops, splits, joins and replaces characters of these."""
    for text, found in zip(
        HARD, served(HARD, [[0] * 500] * len(HARD), 24), strict=True
    ):
        expected = [
            (match[0], *match.span()) for match in re.finditer("[^ \t\n\v\f\r]+", text)
        ]
        words = found["words"]
        assert [(w["text"], w["begin"], w["end"]) for w in words] == expected
        assert all(text[w["begin"] : w["end"]] == w["text"] for w in words)
        for entity in found["entities"]:
            own = text[entity["begin"] : entity["end"]]
            assert " ".join(own.split(" ")) == entity["text"]


def test_every_word_that_is_read_has_one_first_piece() -> None:
    task = tagging()
    encoded = task.encode(
        {"text": tf.constant(HARD)}, Tokenizer(VOCABULARY, sequence_length=4096)
    )
    counts = tf.reduce_sum(encoded["label_weight"], axis=1).numpy()
    expected = [len(re.findall("[^ \t\n\v\f\r]+", text)) for text in HARD]
    assert counts.tolist() == expected


def test_bytes_that_are_no_utf_8_are_no_error() -> None:
    texts = [b"ada \xff\xfe oslo", b"\xe3\x81 a", b"\xf0\x9f\x98", b"a\xc3 \xa9b"]
    words, begin, end = split_with_offsets(tf.constant(texts))
    assert words.to_list() == [text.split() for text in texts]
    assert begin.row_lengths().numpy().tolist() == [3, 2, 1, 2]
    assert end.to_list()[0][0] == 3


def test_empty_batches() -> None:
    words, begin, end = split_with_offsets(tf.constant([], tf.string))
    assert [each.to_list() for each in (words, begin, end)] == [[], [], []]


def measured_of(
    task: Tagging, rows: Sequence[TaggedWords], answers: Sequence[str], length: int
) -> dict[str, np.ndarray]:
    """The measured arrays of rows, given the answers to all words of each row."""
    tokenizer = Tokenizer(VOCABULARY, sequence_length=length)
    encoded = task.encode(
        {"text": tf.constant([row.texts["text"] for row in rows])}, tokenizer
    )
    batch = tokenizer.pad(encoded)
    features = task.label_features(rows, encoded, LABELS)
    padded = tf.ragged.constant([each.tolist() for each in features.pop("label")])
    batch["label"] = tf.cast(padded.to_tensor(), tf.int32)
    batch |= {name: tf.constant(value) for name, value in features.items()}
    given = [[LABELS.index(tag) for tag in answer.split()] for answer in answers]
    outputs = outputs_of(batch["label_weight"].numpy(), given)
    measured = task.measure(outputs, batch, LABELS)
    assert all(len(value) == len(rows) for value in measured.values())
    return {name: value.numpy() for name, value in measured.items()}


def test_metrics_equal_seqeval() -> None:
    draw = np.random.default_rng(0)
    rows, answers = [], []
    for number in range(60):
        count = int(draw.integers(1, 9))
        tags: list[str] = []
        for _ in range(count):
            before = tags[-1] if tags else "O"
            choices = ["O", "B-LOC", "B-PER"]
            choices += [f"I{before[1:]}"] * 3 * (before != "O")
            tags.append(str(draw.choice(choices)))
        answer = [t if draw.random() < 0.7 else str(draw.choice(LABELS)) for t in tags]
        words = " ".join(draw.choice(["ada", "oslo", "in", "\u0301"], count))
        rows.append(row(words, " ".join(tags), language="de" if number % 3 else "en"))
        answers.append(" ".join(answer))
    task = tagging(languages=("de", "en"), primary="f1_worst")
    for length in (64, 7):
        found = task.metrics(measured_of(task, rows, answers, length), LABELS)
        kept = [length] * 60
        if length == 7:
            weights = task.encode(
                {"text": tf.constant([each.texts["text"] for each in rows])},
                Tokenizer(VOCABULARY, sequence_length=7),
            )["label_weight"]
            kept = tf.reduce_sum(weights, axis=1).numpy().astype(int).tolist()
            assert any(k < len(r.words) for k, r in zip(kept, rows, strict=True))
        given = [
            answer.split()[:count] + ["O"] * (len(row.words) - count)
            for answer, row, count in zip(answers, rows, kept, strict=True)
        ]
        gold = [list(each.tags) for each in rows]
        assert found["f1"] == pytest.approx(f1_score(gold, given))
        assert found["precision"] == pytest.approx(precision_score(gold, given))
        assert found["recall"] == pytest.approx(recall_score(gold, given))
        of_language = []
        for language in ("de", "en"):
            own = [i for i, each in enumerate(rows) if each.language == language]
            score = f1_score([gold[i] for i in own], [given[i] for i in own])
            assert found[f"f1_{language}"] == pytest.approx(score)
            of_language.append(score)
        assert found["f1_mean"] == pytest.approx(np.mean(of_language))
        assert found["f1_sd"] == pytest.approx(np.std(of_language, ddof=1))
        assert found["f1_worst"] == pytest.approx(min(of_language))
        assert task.score(found) == found["f1_worst"]


def test_gold_of_a_file_and_of_records_score_alike() -> None:
    """As pd-bert-evaluate measures: all words, O beyond the length."""
    task = tagging(languages=("en", "no"))
    answers = ["B-PER I-PER O O B-LOC O", "B-PER"]
    for length, f1 in ((16, 4 / 5), (6, 0.0)):
        found = task.metrics(measured_of(task, ROWS, answers, length), LABELS)
        kept = 6 if length == 16 else 3
        given = [[LABELS.index(t) + 1 for t in answer.split()] for answer in answers]
        given[0][kept:] = [5] * (6 - kept)
        answer = np.zeros([2, 6], np.int32)
        for at, own in enumerate(given):
            answer[at, : len(own)] = own
        gold = task.gold(ROWS, LABELS)
        assert gold["label"].tolist() == [[2, 4, 5, 5, 1, 5], [1, 0, 0, 0, 0, 0]]
        again = task.metrics({"answer": answer, **gold}, LABELS)
        assert found == again
        if f1:
            assert found["f1"] == pytest.approx(2 / 3)
            assert (found["f1_en"], found["f1_no"]) == (1.0, 0.0)


def test_rows_without_a_known_language_are_scored_together() -> None:
    task = tagging(languages=("en", "no"))
    rows = [row("Oslo", "B-LOC"), row("in", "O")]
    gold = task.gold(rows, LABELS)
    assert gold["language"].tolist() == [-1, -1]
    found = task.metrics({"answer": np.array([[1], [5]]), **gold}, LABELS)
    assert found == {"f1": 1.0, "precision": 1.0, "recall": 1.0}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row("a b", "O", where="f:7"), "f:7: every word needs a tag; received 2 words"),
        (row("a", where="f:8"), "f:8: every word needs a tag; received 1 words and no"),
        (row("a", "B-X", where="f:9"), "f:9: a tag must be one of the task's, B-LOC"),
        (TextRow(text="a", where="f:1"), "rows of type TaggedWords; received TextRow"),
    ],
)
def test_bad_rows(bad: Row, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        tagging().gold([bad], LABELS)


def test_bad_training_data() -> None:
    with pytest.raises(InputError, match="f:1: every word needs a tag"):
        tagging(ROWS[0], row("a")).find_labels()
    with pytest.raises(InputError, match="t, split train, has the tag O alone"):
        tagging(row("a b", "O O")).find_labels()
    with pytest.raises(InputError, match="has none of fi, sv"):
        tagging(*ROWS, languages=("en", "fi", "no", "sv")).find_labels()
    with pytest.raises(InputError, match=r"f:1: a row's language .* received no$"):
        tagging(*ROWS, languages=("en",)).find_labels()
    with pytest.raises(InputError, match="of the task's, en; received none"):
        tagging(row("a", "O"), languages=("en",)).find_labels()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"measures": (accuracy,)}, "not by measures; t has accuracy"),
        ({"labels": ("B-X", "O")}, "B-TYPE and I-TYPE of each type"),
        ({"labels": ("B-X", "I-X")}, "labels of a tagging are O"),
        ({"primary": "accuracy"}, "primary must be one of f1, precision, recall; t"),
        ({"primary": "f1_mean"}, "primary must be one of f1, precision, recall; t"),
        ({"languages": ("de",), "primary": "f1_sd"}, "f1_de, f1_mean, f1_worst; t"),
        ({"languages": ("de", "de")}, "different names"),
        ({"languages": ("mean",)}, "none of mean, sd, worst"),
        ({"languages": ("a b",)}, "letters, digits"),
    ],
)
def test_bad_settings(settings: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        tagging(**settings).check()


def test_describes_itself_for_the_served_model() -> None:
    task = tagging(languages=("de", "en"), primary="f1_mean")
    task.check()
    again = task_over(json.loads(json.dumps(task.describe())))
    assert isinstance(again, Tagging)
    assert (again.languages, again.primary) == (("de", "en"), "f1_mean")


def test_phrases_are_those_of_seqeval() -> None:
    assert phrases(["B-A", "I-A", "O", "I-B", "I-C", "B-C", "I-C"]) == [
        ("A", 0, 2),
        ("B", 3, 4),
        ("C", 4, 5),
        ("C", 5, 7),
    ]
    from seqeval.metrics.sequence_labeling import get_entities

    draw = np.random.default_rng(1)
    for _ in range(300):
        tags = draw.choice(LABELS, 7).tolist()
        expected = [(t, begin, end + 1) for t, begin, end in get_entities(tags)]
        assert phrases(tags) == expected


# ---- the judgement of a teacher


def judged(answers: Sequence[str], **settings: object):
    task = tagging(**settings)
    return task.judge(measured_of(task, ROWS * 20, list(answers) * 20, 16), LABELS)


def test_a_good_teacher_may_teach() -> None:
    found = judged(["B-PER I-PER O O B-LOC O", "B-LOC"])
    assert found.reasons == () and found.metric == found.accuracy == 1.0
    assert 0 < found.majority < 1


def test_a_teacher_that_always_answers_o_is_refused() -> None:
    found = judged(["O O O O O O", "O"])
    always, no_better = found.reasons
    assert always == "it answers 'O' to every word"
    assert no_better.startswith("its f1, 0.0 %, is not better than that of always")


def test_a_teacher_with_exchanged_labels_is_refused() -> None:
    found = judged(["B-LOC I-LOC O O B-PER O", "B-PER"])
    assert any("what it calls 'B-LOC' is 'B-PER'" in each for each in found.reasons)


def test_a_teacher_is_judged_by_the_primary_metric() -> None:
    found = judged(
        ["B-PER I-PER O O B-LOC O", "O"], languages=("en", "no"), primary="f1_worst"
    )
    assert found.metric == 0.0 and found.reasons


# ---- files of users


def test_open_file(tmp_path: pathlib.Path) -> None:
    task = tagging(languages=("de", "en"))
    to_predict = {"text": "text", "text_b": None}
    assert isinstance(task.open_file("a.txt.gz", columns=to_predict), TextLines)
    words = task.open_file("a.tsv.gz", columns=to_predict)
    assert words == Conll(files="a.tsv.gz", languages=("de", "en"), tags=False)
    to_measure = {"text": "2", "text_b": None, "label": "label"}
    labeled = task.open_file("{language}.txt", columns=to_measure)
    assert labeled == Conll(
        files="{language}.txt", languages=("de", "en"), tags=True, text_column=2
    )
    with pytest.raises(InputError, match="tags are not renamed"):
        task.open_file("a", columns=to_measure, label_values=(("a", "b"),))


def test_served_strings_are_not_measured() -> None:
    names = {"words": tf.constant(["a"]), "answer": tf.constant([1])}
    assert list(numbers(names)) == ["answer"]
