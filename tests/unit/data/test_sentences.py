"""Sentences: rows cut at the ends of sentences."""

import pathlib

from pd_bert.sources.sentences import Sentences
from pd_bert.sources.text_lines import TextLines


def test_each_sentence_is_a_row(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text("Dull.<br />Very dull! But short.\nFine.\n")
    source = Sentences(source=TextLines(files=str(path)), strip_markup=True)
    assert [(row.text, row.label, row.where) for row in source.rows()] == [
        ("Dull.", None, f"{path}:1"),
        ("Very dull!", None, f"{path}:1"),
        ("But short.", None, f"{path}:1"),
        ("Fine.", None, f"{path}:2"),
    ]


def test_the_fingerprint_follows_text_and_settings(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text("One. Two.\n")
    lines = TextLines(files=str(path))
    plain = Sentences(source=lines).fingerprint()
    assert plain != lines.fingerprint()
    assert plain != Sentences(source=lines, strip_markup=True).fingerprint()
    path.write_text("One. Three.\n")
    assert plain != Sentences(source=lines).fingerprint()
