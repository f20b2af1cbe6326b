"""Which rows are one model with several seeds."""

import itertools
from typing import Any

import pytest

from pd_bert.runs.axis_names import axis_names
from pd_bert.runs.group_results import group_results
from pd_bert.runs.result_group import MODEL, WORKDIR, nearest
from pd_bert.values import digest

NUMBERS = itertools.count()


def row(
    method: str, accuracy: float, *, model: str = "", **others: Any
) -> dict[str, Any]:
    """Rows of the same method, task, size, axes and `model` are one model."""
    axes = {a: v for a, v in others.get("axes", {}).items() if a != "SEED"}
    same = [method, model, others.get("task"), others.get("size"), axes]
    return {
        "stage": f"evaluate-{method}",
        "kind": "evaluate",
        "method": method,
        "size": "tiny",
        "task": "sst2",
        "seed": 0,
        "axes": {},
        "metrics": {"dev": {"accuracy": accuracy}},
        "primary_metric": "accuracy",
        "size_bytes": 16_000_000,
        "examples_per_second": 1000.0,
        "latency_ms": 2.0,
        "fingerprint": f"{next(NUMBERS):04}",
        "fingerprint_without_seeds": digest(same),
        **others,
    }


def means(rows: list[dict[str, Any]]) -> list[tuple[str, float, int]]:
    return [
        (each.title, round(each.spreads["dev"].mean, 6), each.spreads["dev"].n)
        for each in group_results(rows)
    ]


def test_seeds_are_one_and_axes_that_tell_are_shown() -> None:
    found = group_results(
        [
            row("teacher", 0.9, size="base", examples_per_second=100.0),
            row("pd", 0.5, seed=0, axes={"T": 1, "SEED": 0}, latency_ms=1.0),
            row("pd", 0.7, seed=1, axes={"T": 1, "SEED": 1}, latency_ms=3.0),
            row("pd", 0.8, seed=0, axes={"T": 2, "SEED": 0}),
        ]
    )
    titles = ["teacher base", "pd tiny (T 1)", "pd tiny (T 2)"]
    assert [each.title for each in found] == titles
    first = found[1]
    assert first.spreads["dev"].mean == pytest.approx(60)
    assert (first.seeds, first.latency_ms, first.size_mb) == ("2", 2.0, 16.0)
    assert (first.speed_up, first.rows[0]["speed_up"]) == (10.0, 10.0)


def test_an_axis_tells_though_each_value_has_its_own_seed() -> None:
    rows = [
        row("pd", 0.5, seed=0, axes={"T": 1, "SEED": 0}),
        row("pd", 0.7, seed=1, axes={"T": 2, "SEED": 1}),
    ]
    assert means(rows) == [("pd tiny (T 1)", 50.0, 1), ("pd tiny (T 2)", 70.0, 1)]


def test_references_are_grouped_as_they_are_and_shortened_for_people() -> None:
    rows = [
        row("pd", 0.5, axes={"D": "@news/pd.Table"}),
        row("pd", 0.7, axes={"D": "@news/pd.Sentences"}),
        row("pd", 0.8, axes={"D": "@books/pd.Table"}),
        row("pd", 0.9, axes={"D": [1, 2]}),
    ]
    assert [title for title, *_ in means(rows)] == [
        "pd tiny (D news/pd.Table)",
        "pd tiny (D news/pd.Sentences)",
        "pd tiny (D books)",
        "pd tiny (D [1, 2])",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("@tiny/pd.Bert", "tiny"),
        ("@pd/pd.Evaluate", "pd"),
        ("@a/b/pd.Bert", "a/b"),
        ("@pd.Bert", "pd.Bert"),
        ("%LARGE", "LARGE"),
        ("plain/text", "plain/text"),
        (0.5, "0.5"),
    ],
)
def test_axis_values_are_told_without_marks(value: object, text: str) -> None:
    assert list(axis_names([value, value]).values()) == [text]


def test_a_shared_stage_stays_with_its_seeds() -> None:
    shared = row("pd", 0.5, seed=0)
    rows = [
        {**shared, "directory": "a"},
        row("pd", 0.7, seed=1, directory="a"),
        {**shared, "directory": "b"},
    ]
    assert means(rows) == [("pd tiny", 60.0, 2)]
    assert group_results(rows)[0].rows[0]["directories"] == ("a", "b")


def test_seeds_that_lie_in_several_directories_are_one() -> None:
    rows = [
        row("pd", 0.5, seed=0, directory="a"),
        row("pd", 0.7, seed=1, directory="b"),
    ]
    assert means(rows) == [("pd tiny", 60.0, 2)]


def test_directories_tell_where_rows_differ_and_nothing_else_does() -> None:
    shared, teacher = row("pd", 0.5), row("teacher", 0.9)
    rows = [
        {**teacher, "directory": "a"},
        {**shared, "directory": "a"},
        row("pd", 0.7, seed=1, directory="a"),
        row("d", 0.4, model="slow", directory="a"),
        {**teacher, "directory": "b"},
        {**shared, "directory": "b"},
        row("d", 0.6, model="fast", directory="b"),
        row("d", 0.8, model="fast", seed=1, directory="c"),
    ]
    assert means(rows) == [
        ("teacher tiny", 90.0, 1),
        ("pd tiny", 60.0, 2),
        (f"d tiny ({WORKDIR} a)", 40.0, 1),
        (f"d tiny ({WORKDIR} b, c)", 70.0, 2),
    ]


def test_settings_that_no_axis_has_tell_models_of_one_directory() -> None:
    rows = [row("pd", 0.5, model="slow"), row("pd", 0.7, model="fast")]
    assert [mean for _, mean, _ in means(rows)] == [50.0, 70.0]
    titles = [title for title, *_ in means(rows)]
    prints = [each["fingerprint_without_seeds"] for each in rows]
    assert titles == [f"pd tiny ({MODEL} {each[:7]})" for each in prints]


def test_two_spellings_of_an_axis_are_one_model() -> None:
    rows = [
        {**row("pd", 0.5), "axes": {"TEACHER": "@large/pd.Bert", "SEED": 0}},
        {**row("pd", 0.7, seed=1), "axes": {"TEACHER": "%LARGE", "SEED": 1}},
    ]
    assert means(rows) == [("pd tiny", 60.0, 2)]


def test_a_group_is_compared_with_the_nearest() -> None:
    """A swept and an unswept run, reported together."""
    found = group_results(
        [
            row("teacher", 0.9, directory="a"),
            row("pd", 0.5, directory="a"),
            row("d", 0.4, directory="a"),
            row("pd", 0.5, axes={"TEXTS": 1}, directory="b"),
            row("pd", 0.6, axes={"TEXTS": 2}, directory="b"),
            row("d", 0.4, axes={"TEXTS": 1}, directory="b"),
            row("d", 0.5, axes={"TEXTS": 2}, directory="b"),
            row("pd", 0.5, axes={"TEXTS": 3}, directory="b"),
        ]
    )
    teacher, pd, d, pd_1, pd_2, d_1, d_2, pd_3 = found
    of_d = [d, d_1, d_2]
    assert [nearest(each, of_d) for each in (pd, pd_1, pd_2)] == of_d
    assert nearest(pd_3, of_d) is d  # whose texts are not known to be others
    assert nearest(pd_3, [d_1, d_2]) is None
    assert [nearest(each, [teacher]) for each in (pd, pd_1)] == [teacher, teacher]


def test_axes_of_the_methods_themselves_do_not_part_them() -> None:
    """As METHOD, which tells two stages of one method apart."""
    found = group_results(
        [
            row("pd", 0.5, axes={"METHOD": "@pd/x.X", "TEXTS": 1}),
            row("pd", 0.6, axes={"METHOD": "@pd_b/x.X", "TEXTS": 1}),
            row("pf", 0.4, axes={"METHOD": "@pf/x.X", "TEXTS": 1}),
        ]
    )
    pd, pd_b, pf = found
    assert pd.title == "pd tiny (METHOD pd)"
    assert [nearest(each, [pf]) for each in (pd, pd_b)] == [pf, pf]


def test_an_axis_that_only_one_seeds_directory_has_still_tells() -> None:
    rows = [
        row("pd", 0.5, axes={"TEXTS": 5}, directory="a"),
        row("pd", 0.6, axes={"TEXTS": 20}, directory="a"),
    ]
    other = {**row("pd", 0.7, seed=1, axes={"TEXTS": 5}, directory="b"), "axes": {}}
    assert means([*rows, other]) == [
        ("pd tiny (TEXTS 5)", 60.0, 2),
        ("pd tiny (TEXTS 20)", 60.0, 1),
    ]


def test_a_value_that_equals_the_seed_is_none() -> None:
    rows = [row("pd", 0.5, axes={"DROPOUT": d, "SEED": 0}) for d in (0.0, 0.1)]
    titles = [title for title, *_ in means(rows)]
    assert titles == ["pd tiny (DROPOUT 0.0)", "pd tiny (DROPOUT 0.1)"]


def test_the_seed_is_no_name_of_a_model() -> None:
    """Not even of models that differ in more than their seed, nor as the first axis."""
    rows = [row("pd", s / 10, seed=s, axes={"SEED": s}, model=f"{s}") for s in range(2)]
    titles = [title for title, *_ in means(rows)]
    assert all(title.startswith(f"pd tiny ({MODEL} ") for title in titles)
    assert len(set(titles)) == 2
    rows = [
        row("pd", 0.5, seed=0, axes={"SEED": 0, "T": 1}),
        row("pd", 0.7, seed=1, axes={"SEED": 1, "T": 1}),
        row("pd", 0.8, seed=0, axes={"SEED": 0, "T": 2}),
    ]
    assert means(rows) == [("pd tiny (T 1)", 60.0, 2), ("pd tiny (T 2)", 80.0, 1)]


def test_an_axis_without_a_value_of_its_own_is_no_column() -> None:
    """One that another already tells apart, one of all the same, one of the method."""
    rows = [
        row(
            method,
            0.5,
            axes={"METHOD": f"@{method}/x.X()", "T": t, "U": 10 * t, "TEXTS": 9},
        )
        for method in ("pd", "d")
        for t in (1, 2)
    ]
    titles = [title for title, *_ in means(rows)]
    assert titles == ["pd tiny (T 1)", "pd tiny (T 2)", "d tiny (T 1)", "d tiny (T 2)"]


def test_what_tells_in_one_task_tells_in_all() -> None:
    """So that the models of all tasks are known to be one."""
    rows = [
        row("pd", 0.5, task="rte", model="slow", directory="a"),
        row("pd", 0.5, task="cola", model="slow", directory="a"),
        row("pd", 0.7, task="rte", model="fast", directory="b"),
    ]
    found = group_results(rows, over_tasks=True)
    assert [(each.title, len(each.rows)) for each in found] == [
        (f"pd tiny ({WORKDIR} a)", 2),
        (f"pd tiny ({WORKDIR} b)", 1),
    ]


def test_of_equally_near_groups_that_of_the_directory_is_the_nearest() -> None:
    found = group_results(
        [
            row(method, 0.5, model=home, directory=home)
            for home in ("a", "b")
            for method in ("pd", "d")
        ]
    )
    pd_a, d_a, pd_b, d_b = found
    assert nearest(pd_a, [d_a, d_b]) is d_a
    assert nearest(pd_b, [d_a, d_b]) is d_b
    other = row("pf", 0.5, directory="c")
    assert nearest(group_results([other])[0], [d_a, d_b]) is None


def test_recipes_with_other_axes_are_not_thrown_together() -> None:
    rows = [
        row("pd", 0.5, seed=0, directory="a"),
        row("pd", 0.7, seed=1, axes={"TEXTS": 1000}, directory="b"),
    ]
    assert [mean for _, mean, _ in means(rows)] == [50.0, 70.0]


def test_an_axis_of_one_recipe_alone_does_not_double_a_shared_stage() -> None:
    shared = row("pd", 0.5)
    rows = [
        {**shared, "axes": {"METHOD": "@pd/pd.Evaluate"}, "directory": "a"},
        {**shared, "directory": "b"},
    ]
    assert means(rows) == [("pd tiny", 50.0, 1)]


def test_over_tasks_a_model_is_one() -> None:
    rows = [
        row("pd", 0.5, task=task, axes={"TASK": f"@{task}/x.X", "TEXTS": texts})
        for task in ("rte", "mrpc")
        for texts in (1, 2)
    ]
    found = group_results(rows, over_tasks=True)
    assert [(each.task, each.title, len(each.rows)) for each in found] == [
        ("", "pd tiny (TEXTS 1)", 2),
        ("", "pd tiny (TEXTS 2)", 2),
    ]


def test_over_tasks_a_model_is_one_though_each_task_has_its_directory() -> None:
    rows = [row("pd", 0.5, task=task, directory=task) for task in ("rte", "mrpc")]
    (found,) = group_results(rows, over_tasks=True)
    assert (found.task, found.title, len(found.rows)) == ("", "pd tiny", 2)


def test_a_split_that_a_seed_lacks_is_counted() -> None:
    rows = [
        row("pd", 0.5, metrics={"dev": {"accuracy": 0.5}, "test": {"accuracy": 0.4}}),
        row("pd", 0.7, seed=1),
    ]
    (found,) = group_results(rows)
    assert found.seeds == "dev 2, test 1"
