"""A submission as the GLUE server takes it, and what can be wrong with one."""

import pathlib
import zipfile
from collections.abc import Mapping

import pytest

from pd_bert.contrib.check_submission import check_submission
from pd_bert.contrib.glue_files import GLUE_FILES
from pd_bert.errors import InputError


def write(path: pathlib.Path, changed: Mapping[str, str | None]) -> pathlib.Path:
    """All eleven files at the official sizes, some with another text or left out."""
    texts: dict[str, str | None] = {}
    for file in GLUE_FILES:
        value = file.written(file.placeholder)
        rows = [f"{index}\t{value}" for index in range(file.rows)]
        texts[file.file] = "\n".join(["index\tprediction", *rows]) + "\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**texts, **changed}.items():
            if text is not None:
                archive.writestr(name, text)
    return path


def test_official_sizes():
    sizes = {file.name: file.rows for file in GLUE_FILES}
    assert sizes == {
        "CoLA": 1063,
        "SST-2": 1821,
        "MRPC": 1725,
        "STS-B": 1379,
        "QQP": 390965,
        "MNLI-m": 9796,
        "MNLI-mm": 9847,
        "QNLI": 5463,
        "RTE": 3000,
        "WNLI": 146,
        "AX": 1104,
    }


def test_what_is_written():
    files = {file.name: file for file in GLUE_FILES}
    assert files["CoLA"].written("acceptable") == "1"
    assert files["WNLI"].written("not_entailment") == "0"
    assert files["AX"].written("neutral") == "neutral"
    assert files["RTE"].written("neutral") is None
    scores = [files["STS-B"].written(score) for score in ("-0.3", "2.71828", "5.4")]
    assert scores == ["0.000", "2.718", "5.000"]


def test_a_whole_submission(tmp_path):
    check_submission(write(tmp_path / "whole.zip", {}))


def wnli(rows: int = 146, header: str = "index\tprediction", last: str = "0") -> str:
    lines = [f"{index}\t0" for index in range(rows - 1)] + [f"{rows - 1}\t{last}"]
    return "\n".join([header, *lines]) + "\n"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"AX.tsv": None}, r"holds 11 files; AX\.tsv is missing: .*a\.zip"),
        ({"AX.tsv": None, "glue/AX.tsv": ""}, r"11 files; AX\.tsv is missing"),
        ({"notes.txt": "x"}, r"nothing beside its 11 files.*'notes\.txt'"),
        ({"WNLI.tsv": ""}, r"'index\\tprediction', received '': .*WNLI\.tsv:1"),
        ({"WNLI.tsv": wnli(header="id\tlabel")}, r"received 'id\\tlabel': .*:1"),
        ({"WNLI.tsv": wnli(145)}, r"must have 146 rows, received 145: .*tsv:146"),
        ({"WNLI.tsv": wnli(147)}, r"must have 146 rows, received 147: .*tsv:148"),
        ({"WNLI.tsv": wnli(last="2")}, r"be one of 0, 1; received '2': .*tsv:147"),
        ({"WNLI.tsv": wnli(last="entailment")}, r"received 'entailment': .*tsv:147"),
        ({"WNLI.tsv": wnli(last="0\t1")}, r"needs 2 columns, received 3: .*tsv:147"),
        ({"WNLI.tsv": wnli().replace("\n7\t", "\n8\t")}, r"here 7; received '8'.*:9"),
        ({"WNLI.tsv": wnli() + "\n"}, r"needs 2 columns, received 1: .*tsv:148"),
        ({"STS-B.tsv": "index\tprediction\n0\t5.1"}, r"from 0 to 5; received '5\.1'"),
        ({"STS-B.tsv": "index\tprediction\n0\tnan"}, r"from 0 to 5; received 'nan'"),
        ({"RTE.tsv": "index\tprediction\n0\tneutral"}, r"not_entailment; received"),
    ],
)
def test_refused(tmp_path, changed, message):
    path = write(tmp_path / "a.zip", changed)
    with pytest.raises(InputError, match=message) as error:
        check_submission(path)
    assert "\n" not in str(error.value)


def test_not_a_zip_file(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"not a readable zip file .*a\.zip"):
        check_submission(tmp_path / "a.zip")
    with pytest.raises(InputError, match=r"not a readable zip file .*b\.zip"):
        check_submission(tmp_path / "b.zip")
