"""The points of figures, from literal rows."""

import pytest

from pd_bert.analysis.figure_data import PAPER, RUN, figure_data
from pd_bert.errors import InputError
from pd_bert.runs.figure import Figure, figure_of
from pd_bert.runs.group_results import group_results


def points(data):
    return [(d.panel, d.line, d.x, round(d.spread.mean, 6), d.source) for d in data]


def of(figure, rows, directories=frozenset()):
    groups = group_results(rows, over_tasks=figure.meta_score)
    return figure_data(figure, groups, directories)


def test_lines_over_a_number_with_the_papers_beside(row):
    figure = Figure(
        name="size",
        title="t",
        x="transfer_size",
        x_label="texts",
        methods=("pd", "d"),
        paper={"pd": {"1000": 81.5}},
        paper_label="Paper, Table 9",
    )
    rows = [
        row("d", 0.5, facts={"transfer_size": 1000}, axes={"T": 1}),
        row("pd", 0.7, facts={"transfer_size": 4000}, axes={"T": 4}),
        row("pd", 0.5, facts={"transfer_size": 1000}, seed=0, axes={"T": 1}),
        row("pd", 0.6, facts={"transfer_size": 1000}, seed=1, axes={"T": 1}),
        row("basic", 0.1, facts={"transfer_size": 1000}),
        row("pd", 0.1),  # it has no such column
        row("pd", 0.1, facts={"transfer_size": 1000}, metrics={"test": {}}),
        row("pd", 0.1, facts={"transfer_size": 1000}, kind="score"),
    ]
    data = of(figure, rows)
    assert points(data) == [
        ("", "pd", 1000.0, 55.0, RUN),
        ("", "pd", 4000.0, 70.0, RUN),
        ("", "d", 1000.0, 50.0, RUN),
        ("Paper, Table 9", "pd", 1000.0, 81.5, PAPER),
    ]
    assert data[0].spread.sd == pytest.approx(7.0710678)
    assert data[0].spread.n == 2


def test_names_keep_their_order_and_panels_part(row):
    figure = Figure(name="f", title="t", x="size", x_label="size", panels="task")
    rows = [
        row("pd", 0.5, size="tiny", task="b"),
        row("pd", 0.6, size="mini", task="b"),
        row("pd", 0.7, size="tiny", task="a"),
    ]
    assert points(of(figure, rows)) == [
        ("b", "pd", "tiny", 50.0, RUN),
        ("b", "pd", "mini", 60.0, RUN),
        ("a", "pd", "tiny", 70.0, RUN),
    ]


def test_a_column_as_the_value(row):
    figure = Figure(
        name="f", title="t", x="size", x_label="s", y="latency_ms", y_label="ms"
    )
    rows = [row("pd", 0.5, latency_ms=3.5), row("pd", 0.5, latency_ms=None, seed=1)]
    assert points(of(figure, rows)) == [("", "pd", "tiny", 3.5, RUN)]


def test_meta_scores_are_of_seeds_that_have_every_task(row):
    figure = Figure(name="f", title="t", x="size", x_label="s", meta_score=True)
    mnli = {"dev": {"accuracy": 0.8}, "dev_mismatched": {"accuracy": 0.6}, "test": {}}
    mrpc = {"dev": {"f1": 0.9, "accuracy": 0.7}}
    rows = [
        row("pd", 0, task="mnli", metrics=mnli),
        row("pd", 0, task="mrpc", metrics=mrpc, primary_metric="f1"),
        row("pd", 0, task="mrpc", metrics=mrpc, primary_metric="f1", seed=1),
    ]
    (point,) = of(figure, rows)
    assert point.spread.mean == pytest.approx((70 + 80) / 2)
    assert point.spread.n == 1


def test_a_figure_without_points(row):
    figure = Figure(name="f", title="t", x="similarity", x_label="s")
    assert of(figure, [row("pd", 0.5)]) == ()


def test_what_differs_in_more_than_its_seed_is_not_averaged(row):
    figure = Figure(name="f", title="t", x="size", x_label="s")
    rows = [
        row("pd", 0.5, axes={"TEXTS": 5000, "SEED": 0}, seed=0),
        row("pd", 0.6, axes={"TEXTS": 5000, "SEED": 1}, seed=1),
        row("pd", 0.8, axes={"TEXTS": 20000, "SEED": 0}, seed=0),
        row("teacher", 0.9),
        row("pd", 0.3, task="cola", axes={"TEXTS": 5000, "SEED": 0}),
    ]
    assert points(of(figure, rows)) == [
        ("sst2", "pd (TEXTS 5000)", "tiny", 55.0, RUN),
        ("sst2", "pd (TEXTS 20000)", "tiny", 80.0, RUN),
        ("sst2", "teacher", "tiny", 90.0, RUN),
        ("cola", "pd (TEXTS 5000)", "tiny", 30.0, RUN),
    ]


def test_lines_keep_their_method_where_the_column_is_another(row):
    figure = Figure(name="f", title="t", x="task", x_label="t", lines="size")
    found = points(of(figure, [row("pd", 0.5), row("d", 0.4)]))
    assert [line for _, line, *_ in found] == ["tiny pd", "tiny d"]


def test_only_directories_that_have_the_figure_are_drawn(row):
    figure = Figure(name="f", title="t", x="size", x_label="s")
    rows = [
        row("pd", 0.5, directory="a", fingerprint_without_seeds="1"),
        row("pd", 0.6, directory="b", fingerprint_without_seeds="2"),
        row("pd", 0.7, directory="c", fingerprint_without_seeds="3"),
    ]
    found = points(of(figure, rows, {"a", "b"}))
    assert found == [
        ("", "pd (a)", "tiny", 50.0, RUN),
        ("", "pd (b)", "tiny", 60.0, RUN),
    ]


def test_meta_scores_of_unlike_models_are_apart(row):
    figure = Figure(name="f", title="t", x="size", x_label="s", meta_score=True)
    rows = [
        row("pd", score, task=task, axes={"TEXTS": texts})
        for texts, score in ((1, 0.5), (2, 0.7))
        for task in ("rte", "mrpc")
    ]
    assert points(of(figure, rows)) == [
        ("", "pd (TEXTS 1)", "tiny", 50.0, RUN),
        ("", "pd (TEXTS 2)", "tiny", 70.0, RUN),
    ]


def test_references_that_read_alike_when_shortened_stay_apart(row):
    figure = Figure(name="f", title="t", x="TRANSFER", x_label="s")
    rows = [
        row("pd", 0.5, axes={"TRANSFER": "@news/pd.Table"}),
        row("pd", 0.7, axes={"TRANSFER": "@news/pd.Sentences"}),
        row("pd", 0.8, axes={"TRANSFER": "@books/pd.Table"}),
    ]
    assert [(x, y) for _, _, x, y, _ in points(of(figure, rows))] == [
        ("news/pd.Table", 50.0),
        ("news/pd.Sentences", 70.0),
        ("books", 80.0),
    ]


def test_a_speed_up_is_that_over_the_teacher(row):
    figure = Figure(
        name="f", title="t", x="size", x_label="s", y="speed_up", y_label="times"
    )
    rows = [
        row("teacher", 0.9, size="base", examples_per_second=100.0),
        row("pd", 0.5, examples_per_second=450.0),
    ]
    found = [(line, y) for _, line, _, y, _ in points(of(figure, rows))]
    assert found == [("teacher", 1.0), ("pd", 4.5)]


GOOD = {"name": "f", "title": "t", "x": "size", "x_label": "s"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**GOOD, "shape": 1}, "no setting shape"),
        ({"name": "f"}, "needs the setting title"),
        ({**GOOD, "name": "../f"}, "small letters"),
        ({**GOOD, "methods": 3}, "methods is of another type"),
        ({**GOOD, "paper": {"pd": {"tiny": "high"}}}, "line, x, number"),
    ],
)
def test_what_is_no_figure_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        figure_of({"class": "os.system", "settings": settings})


def test_a_figure_is_read_back():
    settings = {**GOOD, "methods": ["pd"], "panels": None, "log_x": True}
    assert figure_of({"class": "x.Y", "settings": settings}) == Figure(
        **GOOD, methods=("pd",), log_x=True
    )


def test_lines_keep_the_methods_order_where_only_the_paper_has_one(row):
    figure = Figure(
        name="f",
        title="t",
        x="size",
        x_label="s",
        methods=("pd", "d"),
        paper={"d": {"tiny": 60.0}, "pd": {"tiny": 70.0}},
        paper_label="Paper",
    )
    assert points(of(figure, [row("d", 0.5)])) == [
        ("", "d", "tiny", 50.0, RUN),
        ("Paper", "pd", "tiny", 70.0, PAPER),
        ("Paper", "d", "tiny", 60.0, PAPER),
    ]
