"""The tree of what was made of what."""

import graphlib
import json

import pytest

from pd_bert.analysis.evidence import gather
from pd_bert.analysis.lineage import Branch, Made, branches, lineage
from pd_bert.analysis.runs import Runs
from pd_bert.report.sections.artifacts import artifacts


def made(name: str, *inputs: str, seed: int | None = None, finished: bool = True):
    return Made(
        id=name if seed is None else f"{name}{seed}",
        kind="k",
        name=name,
        seed=seed,
        inputs=inputs,
        finished=finished,
    )


def shown(found: tuple[Branch, ...]) -> list:
    return [
        (
            "".join(each.id for each in one.members),
            list(one.others),
            shown(one.branches),
        )
        for one in found
    ]


def test_each_stands_once_below_the_last_of_its_inputs():
    """c reads b, which reads a, and a; the unknown is left out."""
    found = branches([made("c", "a", "b", "gone"), made("a"), made("b", "a")])
    assert shown(found) == [("a", [], [("b", [], [("c", ["a"], [])])])]


def test_seeds_are_one_branch_with_what_was_made_of_them():
    found = branches(
        [
            made("data"),
            made("pd", "data", seed=0),
            made("pd", "data", seed=1),
            made("test", "pd0", "data", seed=0),
            made("test", "pd1", "data", seed=1),
            made("test", "data", finished=False),
        ]
    )
    seeds = ("pd0pd1", [], [("test0test1", ["data"], [])])
    assert shown(found) == [("data", [], [seeds, ("test", [], [])])]


def test_a_circle_is_refused():
    with pytest.raises(graphlib.CycleError):
        branches([made("a", "b"), made("b", "a")])


def test_a_run_is_listed_with_what_it_reads(tmp_path, row, write_run):
    rows = [row("pd", 0.5, seed=seed) for seed in (0, 1)]
    rows.append(row("pd", 0.5, kind="distill", stage="distill-pd", metrics=None))
    workdir = write_run(tmp_path / "run", rows)
    for each in rows[:2]:
        path = workdir / each["artifact"] / "artifact.json"
        read = {"artifact": rows[2]["artifact"].removeprefix("stages/")}
        path.write_text(json.dumps({"kind": "evaluate", "lineage": {"model": read}}))
    (workdir / "plan.json").write_text('[{"artifact": "distill-d-7"}]')
    assert [each.id.rpartition("-")[0] for each in lineage(Runs([workdir]))] == [
        *(["evaluate-pd"] * 3),
        "distill-d",
    ]
    section = artifacts(gather([workdir]))
    (listing,) = section.blocks
    trained, unfinished = listing.items
    assert trained.text == "distill-pd tiny"
    assert trained.note == f"seed 0 · {rows[2]['fingerprint'][:8]}"
    assert (unfinished.text, unfinished.note) == ("distill-d", "7 · unfinished")
    (below,) = trained.items
    assert (below.text, below.note) == ("evaluate-pd tiny", "×2 · seeds 0, 1")
    (file,) = section.files
    assert [each[-1] for each in file.rows] == [rows[2]["artifact"][7:]] * 2 + ["", ""]
