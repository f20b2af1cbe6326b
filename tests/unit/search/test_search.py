"""What a search accepts, and the order of its points."""

import pathlib

import pytest

from pd_bert.errors import InputError
from pd_bert.runs.recipe import Recipe
from pd_bert.search.samplers import grid, random
from pd_bert.search.search import Search
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.tasks.classification import Classification

SPACE = {"SIZE": (8, 16), "RATE": (1e-3, 1e-4)}
MACROS = {"SIZE": 32, "RATE": 3e-4, "SEED": 0, "STUDENT": None, "JIT": False}
RECIPE = Recipe(name="r", stages=(), axes={"SEED": (0, 1)})


def evaluates(folder: pathlib.Path, *methods: str) -> list[Evaluate]:
    """One a method; what it evaluates does not matter here."""
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    vocabulary = ReadVocabulary(name="v", file=str(folder / "vocab.txt"))
    data = PrepareTask(
        name="data",
        task=Classification(name="t", train=None, dev=None),
        vocabulary=vocabulary,
        sequence_length=8,
    )
    return [
        Evaluate(name=method, method=method, model=data, task_data=data)
        for method in methods
    ]


def test_points():
    points = Search(space=SPACE).points()
    assert points == [
        {"SIZE": 8, "RATE": 1e-3},
        {"SIZE": 8, "RATE": 1e-4},
        {"SIZE": 16, "RATE": 1e-3},
        {"SIZE": 16, "RATE": 1e-4},
    ]
    assert grid(points, 3) == points
    drawn = random(points, 3)
    assert sorted(map(str, drawn)) == sorted(map(str, points))
    assert Search(space=SPACE, sampler=random, seed=3, trials=2).order() == drawn[:2]
    assert any(random(points, seed) != drawn for seed in range(5))


def test_probes_are_references_and_the_first():
    search = Search(space={"STUDENT": ("@a", "@b"), "SIZE": (8, 16)})
    assert search.probes() == [
        {"STUDENT": "@a", "SIZE": 8},
        {"STUDENT": "@b", "SIZE": 8},
        {"STUDENT": "@a", "SIZE": 8},
    ]


@pytest.mark.parametrize(
    ("settings", "bindings", "message"),
    [
        ({"split": "test"}, (), "split must be 'dev'.*received 'test'"),
        ({"trials": 0}, (), "trials must be None or at least 1; received 0"),
        ({"space": {}}, (), "at least one macro"),
        ({"space": {"SISE": (8,)}}, (), "SISE must be a macro that the recipe uses"),
        ({"space": {"SEED": (0, 1)}}, (), "SEED is an axis of the recipe"),
        ({}, ("RATE=1",), "RATE is also bound on the command line"),
        ({}, ("JIT = True\n RATE = 1",), "RATE is also bound on the command line"),
        ({"space": {"SIZE": ()}}, (), "SIZE must have a tuple of at least one value"),
        ({"space": {"SIZE": "8"}}, (), "SIZE must have a tuple of at least one value"),
        ({"space": {"SIZE": (8, 8)}}, (), "SIZE has the value 8 twice"),
        ({"space": {"SIZE": (8, "16")}}, (), "like the recipe's own, 32.*'16'"),
        ({"space": {"SIZE": (8.5,)}}, (), "like the recipe's own, 32.*8.5"),
        ({"space": {"RATE": (None,)}}, (), "like the recipe's own, 0.0003.*None"),
        ({"space": {"JIT": (1,)}}, (), "like the recipe's own, False; received 1"),
        ({"space": {"STUDENT": ((1, 2),)}}, (), "may take numbers"),
    ],
)
def test_refused(settings, bindings, message):
    search = Search(**{"space": SPACE, **settings})
    with pytest.raises(InputError, match=message):
        search.check(RECIPE, MACROS, bindings)


def test_accepted():
    space = {
        **SPACE,
        "RATE": (1, 1e-4, "%OTHER"),
        "STUDENT": ("@a", None),
        "JIT": (1 > 0,),
    }
    Search(space=space).check(RECIPE, MACROS, ["OTHER = 1", "a/b.C.RATE = 1"])


def test_scored(tmp_path):
    teacher, pf, pd = evaluates(tmp_path, "teacher", "pf", "pd")
    search = Search(space=SPACE)
    assert search.scored([teacher, pf, pf.model, pf]) == [pf, pf]
    assert search.scored([teacher]) == [teacher]
    with pytest.raises(
        InputError, match=r"several methods: .*evaluate-pf or evaluate-pd"
    ):
        search.scored([teacher, pf, pd])
    with pytest.raises(InputError, match="with an Evaluate stage"):
        search.scored([pf.model])
    named = Search(space=SPACE, stage="evaluate-pd")
    assert named.scored([teacher, pf, pd]) == [pd]
    with pytest.raises(InputError, match="evaluate-teacher or evaluate-pf; received"):
        named.scored([teacher, pf])
