"""Plain text as rows and as documents."""

import gzip
from pathlib import Path

import pytest

from pd_bert.data.source import TextRow
from pd_bert.errors import InputError
from pd_bert.sources import text_lines
from pd_bert.sources.text_lines import TextLines
from pd_bert.text.markup import strip_markup


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_rows_are_non_blank_lines(tmp_path):
    name = write(tmp_path / "a.txt", "One. Two.\n \n Three. \n")
    assert list(TextLines(files=name).rows()) == [
        TextRow(text="One. Two.", where=f"{name}:1"),
        TextRow(text="Three.", where=f"{name}:3"),
    ]
    rows = TextLines(files=name, split_sentences=True).rows()
    assert [(row.text, row.where[-2:]) for row in rows] == [
        ("One.", ":1"),
        ("Two.", ":1"),
        ("Three.", ":3"),
    ]


def test_documents_end_at_blank_lines_and_files(tmp_path):
    a = write(tmp_path / "a.txt", "\nA b. C.\nD.\n\n\nE.\n")
    b = tmp_path / "b.gz"
    b.write_bytes(gzip.compress(b"F.\r\n\r\nG."))
    source = TextLines(files=(a, str(b)))
    assert list(source.documents()) == [["A b. C.", "D."], ["E."], ["F."], ["G."]]
    sentences = TextLines(files=a, split_sentences=True)
    assert list(sentences.documents()) == [["A b.", "C.", "D."], ["E."]]


def test_document_per_line(tmp_path):
    name = write(tmp_path / "a.txt", "A b. C.\n\nD.\n")
    source = TextLines(files=name, document_per_line=True)
    assert list(source.documents()) == [["A b.", "C."], ["D."]]


def test_markup(tmp_path):
    text = "I <3 it &amp; <i>you</i>.<br /><br />Bye. &lt;b&gt; now\n"
    name = write(tmp_path / "a.txt", text)
    source = TextLines(files=name, document_per_line=True, strip_markup=True)
    assert next(source.rows()).text == "I <3 it & you. Bye. <b> now"
    assert list(source.documents()) == [["I <3 it & you.", "Bye. <b> now"]]
    paragraphs = TextLines(files=name, strip_markup=True)
    assert list(paragraphs.documents()) == [["I <3 it & you. Bye. <b> now"]]
    assert strip_markup("a < b and c > d <!-- x -->") == "a < b and c > d "


def test_long_document_is_cut_between_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "MAX_DOCUMENT_SIZE", 10)
    name = write(tmp_path / "a.txt", "abcd\nefgh\nijkl\n\nmnop\n")
    documents = list(TextLines(files=name).documents())
    assert documents == [["abcd", "efgh"], ["ijkl"], ["mnop"]]


def test_fingerprint_follows_contents_and_switches(tmp_path):
    a = write(tmp_path / "a.txt", "x")
    b = write(tmp_path / "b.txt", "x")
    c = write(tmp_path / "c.txt", "y")
    assert TextLines(files=a).fingerprint() == TextLines(files=b).fingerprint()
    others = [
        TextLines(files=c),
        TextLines(files=(a, b)),
        TextLines(files=a, document_per_line=True),
        TextLines(files=a, split_sentences=True),
        TextLines(files=a, strip_markup=True),
    ]
    assert len({each.fingerprint() for each in [TextLines(files=a), *others]}) == 6


def test_check(tmp_path):
    TextLines(files=write(tmp_path / "a.txt", "x")).check()
    with pytest.raises(InputError, match="no such file"):
        TextLines(files=str(tmp_path / "b.txt")).check()


def test_books(shared_data):
    source = TextLines(files=str(shared_data / "books" / "books.txt.gz"))
    document = next(source.documents())
    assert len(document) > 100
    assert all(segment.strip() for segment in document)
