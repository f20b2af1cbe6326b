"""The points of figures, from literal rows."""

import pytest

from pd_bert.analysis.figure_data import PAPER, RUN, figure_data
from pd_bert.stages.figure import Figure


def points(data):
    return [(d.panel, d.line, d.x, round(d.spread.mean, 6), d.source) for d in data]


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
        row("d", 0.5, facts={"transfer_size": 1000}),
        row("pd", 0.7, facts={"transfer_size": 4000}),
        row("pd", 0.5, facts={"transfer_size": 1000}, seed=0),
        row("pd", 0.6, facts={"transfer_size": 1000}, seed=1),
        row("basic", 0.1, facts={"transfer_size": 1000}),
        row("pd", 0.1),  # it has no such column
        row("pd", 0.1, facts={"transfer_size": 1000}, metrics={"test": {}}),
        row("pd", 0.1, facts={"transfer_size": 1000}, kind="score"),
    ]
    data = figure_data(figure, rows)
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
    assert points(figure_data(figure, rows)) == [
        ("b", "pd", "tiny", 50.0, RUN),
        ("b", "pd", "mini", 60.0, RUN),
        ("a", "pd", "tiny", 70.0, RUN),
    ]


def test_a_column_as_the_value(row):
    figure = Figure(
        name="f", title="t", x="size", x_label="s", y="latency_ms", y_label="ms"
    )
    rows = [row("pd", 0.5, latency_ms=3.5), row("pd", 0.5, latency_ms=None, seed=1)]
    assert points(figure_data(figure, rows)) == [("", "pd", "tiny", 3.5, RUN)]


def test_meta_scores_are_of_seeds_that_have_every_task(row):
    figure = Figure(name="f", title="t", x="size", x_label="s", meta_score=True)
    mnli = {"dev": {"accuracy": 0.8}, "dev_mismatched": {"accuracy": 0.6}, "test": {}}
    mrpc = {"dev": {"f1": 0.9, "accuracy": 0.7}}
    rows = [
        row("pd", 0, task="mnli", metrics=mnli),
        row("pd", 0, task="mrpc", metrics=mrpc, primary_metric="f1"),
        row("pd", 0, task="mrpc", metrics=mrpc, primary_metric="f1", seed=1),
    ]
    (point,) = figure_data(figure, rows)
    assert point.spread.mean == pytest.approx((70 + 80) / 2)
    assert point.spread.n == 1


def test_a_figure_without_points(row):
    figure = Figure(name="f", title="t", x="similarity", x_label="s")
    assert figure_data(figure, [row("pd", 0.5)]) == ()
