"""The searches that are accepted, and the order of their points."""

import pathlib

import pytest

from pd_bert.errors import InputError
from pd_bert.runs.recipe import Recipe
from pd_bert.search.pruners import Median
from pd_bert.search.samplers import GeneticSearch, RandomSearch, draw
from pd_bert.search.search import Search
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.meta_score import MetaScore
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.tasks.classification import Classification

LAYERS = tuple(range(1000))
SPACE = {"SIZE": (8, 16), "RATE": (1e-3, 1e-4)}
MACROS = {
    "SIZE": 32,
    "RATE": 3e-4,
    "SEED": 0,
    "STUDENT": None,
    "JIT": False,
    "MAPPING": (3, 6),
}
RECIPE = Recipe(name="r", stages=(), axes={"SEED": (0, 1)})


def evaluates(folder: pathlib.Path, *methods: str) -> list[Evaluate]:
    """One per method; what it evaluates does not matter here."""
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
    points = Search(space=SPACE).points
    assert [points.point(points.params(number)) for number in range(4)] == [
        {"SIZE": 8, "RATE": 1e-3},
        {"SIZE": 8, "RATE": 1e-4},
        {"SIZE": 16, "RATE": 1e-3},
        {"SIZE": 16, "RATE": 1e-4},
    ]
    assert points.count == 4


def test_points_are_not_listed():
    positions = (tuple(range(13)),) * 6
    points = Search(space={"SIZE": ((1, 2), "[1, 2]")}, genes={"G": positions}).points
    assert points.count == 2 * 13**6
    last = {"SIZE": "[1, 2]", "G": (12,) * 6}
    assert points.point(points.params(points.count - 1)) == last
    one = {"SIZE": (1, 2), "G": (0, 5, 0, 0, 0, 10)}
    params = points.params_of(one)
    assert params["G.2"] == "5" and params["SIZE"] == "[1, 2]"
    assert points.number(params) == 5 * 13**4 + 10
    assert points.params(points.number(params)) == params
    assert points.point(params) == one
    assert len({draw(points, {3}, seed) for seed in range(50)}) == 50
    few = Search(space=SPACE).points
    assert {draw(few, {0, 1, 3}, seed) for seed in range(5)} == {2}


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
        ({"space": {"STUDENT": ({1},)}}, (), "may take numbers"),
        ({"space": {"STUDENT": (({},),)}}, (), "may take numbers"),
        ({"space": {"STUDENT": ((1, 2), (1, 2))}}, (), r"value \(1, 2\) twice"),
        ({"genes": {"SISE": ((8,),)}}, (), "genes: SISE must be a macro"),
        ({"genes": {"SIZE": ((8,),)}}, (), "genes: SIZE is in Search.space as well"),
        ({"genes": {"MAPPING": ()}}, (), "a tuple of choices for each position"),
        ({"genes": {"MAPPING": ((0, 1),) * 3}}, (), "for 2 positions.*received 3"),
        ({"genes": {"MAPPING": ((0, 1), 2)}}, (), "position 2, must have a tuple"),
        ({"genes": {"MAPPING": ((0,), (1, "a"))}}, (), "position 2, .* own, 6;.*'a'"),
        ({"first": ({"SIZE": 8},)}, (), "must have points of the search"),
        ({"first": ({"SIZE": 8, "RATE": 2},)}, (), "must have points of the search"),
        ({"first": (8,)}, (), "must have points of the search"),
        ({"together": 0}, (), "together must be at least 1.*received 0"),
        ({"together": 2, "pruner": Median()}, (), "1 with a pruner.*received 2"),
        ({"sampler": GeneticSearch}, (), "a value such as GridSearch"),
        (
            {"space": {"STUDENT": tuple(range(1001))}, "sampler": RandomSearch()},
            (),
            "more than 1,000 points unless .*; the search has 1,001",
        ),
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
    many = {"space": {"STUDENT": ("x", (1, 2))}, "genes": {"MAPPING": (LAYERS,) * 2}}
    first = ({"STUDENT": (1, 2), "MAPPING": (0, 999)},)
    Search(**many, first=first).check(RECIPE, MACROS, [])
    search = Search(**many, sampler=RandomSearch(), trials=5)
    search.check(RECIPE, MACROS, [])


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
    mean = MetaScore(name="mean", method="pf", evaluations=(pf,))
    assert Search(space=SPACE, stage="score-mean").scored([pf, mean]) == [mean]
