"""Patterns, gzip, encodings and lines without end."""

import gzip

import pytest

from pd_bert.data import files
from pd_bert.data.files import expand, hash_files, read_lines
from pd_bert.errors import InputError


def test_expand_patterns_in_order(tmp_path, monkeypatch):
    for name in ("b.txt", "a.txt", "c[1].txt"):
        (tmp_path / name).touch()
    monkeypatch.setenv("CORPORA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = expand(("$CORPORA/[ab].txt", "~/c[1].txt"))
    assert [path.name for path in found] == ["a.txt", "b.txt", "c[1].txt"]


@pytest.mark.parametrize("pattern", ["missing.txt", "*.none", "$NOT_SET/a.txt"])
def test_missing_files(tmp_path, pattern):
    with pytest.raises(InputError, match="no such file"):
        expand(str(tmp_path / pattern))


def test_no_files_and_folders(tmp_path):
    with pytest.raises(InputError, match="received none"):
        expand(())
    with pytest.raises(InputError, match="received the folder"):
        expand(str(tmp_path))


def test_lines_of_windows_with_bom_and_without_last_line_end(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\nthree \xc3\xa9")
    assert list(read_lines(path)) == [(1, "one"), (2, ""), (3, "three é")]


def test_gzip_is_told_by_content(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert list(read_lines(path)) == [(1, "one"), (2, "two")]


def test_broken_gzip(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n" * 1000)[:-12])
    with pytest.raises(InputError, match=r"broken gzip file .*a\.gz:"):
        list(read_lines(path))


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_bad_byte_is_located(tmp_path, start):
    path = tmp_path / "a.txt"
    path.write_bytes(start + b"good\nbad \xff byte\n")
    offset = len(start) + 9
    message = rf"received byte 0xff at byte offset {offset}: .*a\.txt:2$"
    with pytest.raises(InputError, match=message):
        list(read_lines(path))


@pytest.mark.parametrize(
    "line", ["word " * 50, "ä" * 90, "日本" * 40, " " + "x" * 70, "🙂" * 30]
)
def test_long_lines_come_in_pieces(tmp_path, monkeypatch, line):
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 32)
    path = tmp_path / "a.txt"
    path.write_text(f"{line}\nnext", encoding="utf-8")
    *pieces, last = read_lines(path)
    assert "".join(text for _, text in pieces) == line
    assert {number for number, _ in pieces} == {1}
    assert max(len(text.encode()) for _, text in pieces) <= 32
    assert last == (2, "next")


def test_long_line_where_a_row_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 32)
    path = tmp_path / "a.tsv"
    path.write_text("short\n" + "x" * 40)
    with pytest.raises(InputError, match=r"shorter than 32 bytes.*a\.tsv:2"):
        list(read_lines(path, whole=True))


def test_hashes_are_of_contents(tmp_path):
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(text)
    a, b, c = hash_files([tmp_path / name for name in "abc"])
    assert a == b != c
    assert len(a) == 64
