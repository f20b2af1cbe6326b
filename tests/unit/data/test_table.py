"""TSV, CSV and JSON lines, and what can be wrong with them."""

import gzip
from pathlib import Path

import pytest

from pd_bert.data.source import TextRow
from pd_bert.errors import InputError
from pd_bert.sources.table import Table


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def test_tsv_keeps_quotes(tmp_path):
    name = write(tmp_path / "a.tsv", 'sentence\tlabel\r\na "b \t1\r\n\r\n"c"\t0\r\n')
    assert list(Table(files=name, label="label").rows()) == [
        TextRow(text='a "b', label="1", where=f"{name}:2"),
        TextRow(text='"c"', label="0", where=f"{name}:4"),
    ]


def test_bom_gzip_and_two_texts(tmp_path):
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfs1\ts2\tlabel\nx\ty\tno\n"))
    table = Table(files=str(path), text="s1", text_b="s2", label="label")
    assert list(table.rows()) == [
        TextRow(text="x", text_b="y", label="no", where=f"{path}:2")
    ]


def test_indices_without_header_and_label_names(tmp_path):
    name = write(tmp_path / "a.tsv", "gj04\t1\t\tA cat.\ngj04\t0\t*\tCat a.\n")
    values = (("0", "bad"), ("1", "good"))
    table = Table(files=name, text=3, label=1, header=False, label_values=values)
    table.check()
    assert [(row.text, row.label) for row in table.rows()] == [
        ("A cat.", "good"),
        ("Cat a.", "bad"),
    ]


def test_csv_with_quoted_line_ends(tmp_path):
    name = write(tmp_path / "a.csv", 'label,text\n1,"a ""b"",\nc"\n\n2,d\n')
    table = Table(files=name, text="text", label="label")
    assert list(table.rows()) == [
        TextRow(text='a "b",\nc', label="1", where=f"{name}:2"),
        TextRow(text="d", label="2", where=f"{name}:5"),
    ]


def test_format_and_quoting_given(tmp_path):
    name = write(tmp_path / "a.csv", 'x\ty "z"\n')
    table = Table(files=name, text=1, header=False, format="tsv")
    assert next(table.rows()).text == 'y "z"'
    name = write(tmp_path / "b.tsv", '"x\ty"\tz\n')
    table = Table(files=name, text=0, header=False, quoting=True)
    assert next(table.rows()).text == "x\ty"


def test_jsonl_labels_are_written_as_json(tmp_path):
    lines = '{"t": "a", "l": true}\n\n{"t": "b", "l": 1}\n{"t": "c", "l": 0.5}\n'
    table = Table(files=write(tmp_path / "a.jsonl", lines), text="t", label="l")
    table.check()
    assert [row.label for row in table.rows()] == ["true", "1", "0.5"]


def test_markup(tmp_path):
    name = write(tmp_path / "a.tsv", "sentence\na<br />b &gt; c\n")
    assert next(Table(files=name, strip_markup=True).rows()).text == "a b > c"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "sentence\tlabel\nx\ty\nz\n", r"2 columns, received 1: .*a\.tsv:3"),
        ("a.csv", "sentence,label\nx, y,z\n", r"header's 2 columns, received 3.*:2"),
        ("a.tsv", "sentence\tclass\nx\ty\n", "no column 'label' in the header sen"),
        ("a.tsv", "label\tlabel\tsentence\n", "more than one column 'label'"),
        ("a.tsv", "", r"needs a header line, received none: .*a\.tsv"),
        ("a.tsv", "sentence\tlabel\nx\t\n", r"label must not be empty: .*:2"),
        ("a.tsv", "sentence\tlabel\n \t1\n", r"needs text, received none: .*:2"),
        ("a.csv", 'sentence,label\n"x,1\n', r"bad quotes .*a\.csv:2"),
        ("a.jsonl", '{"sentence": "x", "label": 1}\n{\n', r"bad JSON .*:2$"),
        ("a.jsonl", "[1]\n", r"must be a JSON object, received '\[1\]': .*:1"),
        ("a.jsonl", '{"sentence": "x"}\n', r"field 'label' is missing: .*:1"),
        ("a.jsonl", '{"sentence": null}\n', r"field 'sentence' is null: .*:1"),
        ("a.jsonl", '{"sentence": 1, "label": 1}', "'sentence' must be a string"),
        ("a.jsonl", '{"sentence": "x", "label": []}', "string, number or boolean"),
        ("a.xml", "", "must be tsv, csv or jsonl; received no format and the suf"),
    ],
)
def test_bad_rows(tmp_path, name, text, message):
    table = Table(files=write(tmp_path / name, text), label="label")
    with pytest.raises(InputError, match=message) as error:
        list(table.rows())
    assert "\n" not in str(error.value)


def test_not_utf8(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("sentence\nfür\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"0xfc at byte offset 10: .*a\.tsv:2"):
        list(Table(files=str(path)).rows())


def test_unknown_label_value(tmp_path):
    name = write(tmp_path / "a.tsv", "sentence\tlabel\nx\t2\n")
    table = Table(files=name, label="label", label_values=(("0", "a"), ("1", "b")))
    with pytest.raises(InputError, match=r"one of 0, 1; received '2': .*:2"):
        list(table.rows())


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("a.tsv", {"text": "x", "header": False}, "indices, received 'x'"),
        ("a.tsv", {"text": -1, "header": False}, "count from 0, received -1"),
        ("a.tsv", {"text": 2}, "needs 3 columns, received 2"),
        ("a.tsv", {"text": "x"}, "no column 'x' in the header a, b"),
        ("a.jsonl", {"text": 0}, "are names, received 0"),
        ("a.tsv", {"format": "xml"}, "received xml"),
    ],
)
def test_check(tmp_path, name, columns, message):
    table = Table(files=write(tmp_path / name, "a\tb\n"), **columns)
    with pytest.raises(InputError, match=message):
        table.check()


def test_folder_of_relative_names(tmp_path, monkeypatch):
    name = write(tmp_path / "a.tsv", "sentence\nx\n")
    monkeypatch.setenv("HERE", str(tmp_path))
    for folder, files in [
        (str(tmp_path), "a.tsv"),
        ("$HERE", ("a.tsv",)),
        ("/nowhere", name),
        ("/nowhere", "$HERE/*.tsv"),
    ]:
        assert [row.where for row in Table(files=files, folder=folder).rows()] == [
            f"{name}:2"
        ]
    with pytest.raises(InputError, match=r"no such file: /nowhere/a\.tsv"):
        Table(files="a.tsv", folder="/nowhere").check()


def test_short_rows_left_out(tmp_path):
    name = write(tmp_path / "a.tsv", "sentence\tlabel\nx\n\ty\t1\nz\t0\n")
    table = Table(files=name, label="label", skip_short=True, keep_blank=True)
    assert [row.where for row in table.rows()] == [f"{name}:3", f"{name}:4"]
    with pytest.raises(InputError, match=r"needs 2 columns, received 1: .*:2"):
        list(Table(files=name, label="label").rows())


def test_fingerprint(tmp_path):
    a = write(tmp_path / "a.tsv", "x\ty\n")
    b = write(tmp_path / "b.txt", "x\ty\n")
    c = write(tmp_path / "c.csv", "x\ty\n")
    base = Table(files=a, text="x").fingerprint()
    assert Table(files=b, text="x", format="tsv").fingerprint() == base
    assert Table(files="a.tsv", folder=str(tmp_path), text="x").fingerprint() == base
    others = [
        Table(files=a, text="x", skip_short=True),
        Table(files=c, text="x"),
        Table(files=a, text="y"),
        Table(files=a, text="x", label="y"),
        Table(files=a, text="x", label_values=(("a", "b"),)),
        Table(files=a, text=0, header=False),
    ]
    assert base not in {each.fingerprint() for each in others}


@pytest.mark.parametrize(
    ("name", "columns", "count"),
    [
        ("sst2/train.tsv.gz", {"label": "label"}, 67_349),
        ("cola/in_domain_train.tsv", {"text": 3, "label": 1, "header": False}, 8_551),
        (
            "rte/train.tsv",
            {"text": "sentence1", "text_b": "sentence2", "label": "label"},
            2_490,
        ),
        (
            "qnli/dev.tsv",
            {"text": "question", "text_b": "sentence", "label": "label"},
            5_463,
        ),
        (
            "stsb/sts-train.csv",
            {"text": 5, "text_b": 6, "label": 4, "header": False, "format": "tsv"},
            5_749,
        ),
        ("agnews/test.csv", {"text": 2, "label": 0, "header": False}, 7_600),
        ("imdb/test.tsv.gz", {"label": "label", "strip_markup": True}, 25_000),
        ("sentiment_sentences/*led.txt", {"text": 0, "label": 1, "header": False}, 3e3),
        ("golden/*.jsonl.gz", {"text": "text"}, 10_570),
    ],
)
def test_public_data_sets(shared_data, name, columns, count):
    table = Table(files=str(shared_data / name), **columns)
    table.check()
    assert sum(1 for _ in table.rows()) == count
