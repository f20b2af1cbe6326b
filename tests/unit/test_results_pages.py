"""The pages of docs/results and the rows beside them."""

import csv
import pathlib
import re

import pytest

_FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "results"
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@pytest.mark.parametrize("page", sorted(_FOLDER.glob("*.md")), ids=lambda p: p.stem)
def test_each_page_has_its_rows_beside_it(page: pathlib.Path) -> None:
    linked = re.findall(rf"\]\(({page.stem}\.(?:json|csv))\)", page.read_text())
    assert linked and all((_FOLDER / name).is_file() for name in linked)


def test_the_rows_of_the_analyses_are_those_of_the_page() -> None:
    """Every number of every table, in the row and the column of the page."""
    with (_FOLDER / "analyses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    held = {
        (row["analysis"], row["row"], row["column"]): {
            number.replace(",", "")
            for name in ("value", "sd", "low", "high", "note")
            for number in _NUMBER.findall(row[name])
        }
        for row in rows
    }
    checked = 0
    for part in re.split("^## ", (_FOLDER / "analyses.md").read_text(), flags=re.M):
        analysis = re.sub(r" \(analysis \d\)", "", part.partition("\n")[0])
        lines = [line for line in part.split("\n") if line.startswith("|")]
        table = [
            [cell.strip().strip("*") for cell in line.strip("|").split("|")]
            for line in lines
        ]
        for name, *cells in table[2:]:
            for column, cell in zip(table[0][1:], cells, strict=True):
                numbers = {n.replace(",", "") for n in _NUMBER.findall(cell)}
                if column != "seeds" and numbers:
                    assert numbers <= held[analysis, name, column], (name, column)
                    checked += 1
    assert checked > 200
