"""Metric over a column."""

from collections.abc import Callable

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from pd_bert.report.plots.curves import Line, Panel, curves

Check = Callable[[Figure], list[str]]
SIZES = ("Tiny", "Mini", "Small", "Medium", "Base")
PAPER = {
    "PD": (72.2, 78.4, 79.8, 82.0, 83.9),
    "truncated": (66.3, 77.0, 77.6, 81.2, 83.9),
    "random (D)": (60.6, 66.1, 69.1, 69.9, 70.2),
}


def line(name: str, x: tuple[float | str, ...], y: tuple[float, ...]) -> Line:
    low = tuple(value - 1 for value in y)
    return Line(name=name, x=x, y=y, low=low, high=tuple(value + 1 for value in y))


def test_layers_are_whole_numbers(check: Check) -> None:
    lines = (line("D", (1, 2, 3, 4, 6, 8), (81.5, 82.3, 81.5, 81.2, 81.3, 82.1)),)
    figure = curves([Panel(title="", lines=lines)], x_label="layers", y_label="%")
    check(figure)
    assert all(tick.is_integer() for tick in figure.axes[0].get_xticks())


@pytest.mark.parametrize("connected", [True, False])
def test_neighbours_are_joined_where_x_has_an_order(
    check: Check, connected: bool
) -> None:
    panel = Panel(title="", lines=(line("PD", ("rte", "cola"), (60.0, 65.0)),))
    figure = curves([panel], x_label="task", y_label="%", connected=connected)
    check(figure)
    (axes,) = figure.axes
    own = next(one for one in axes.lines if len(one.get_xdata()) == 2)
    (sample,) = figure.legends[0].get_lines()
    for one in (own, sample):
        assert (one.get_linestyle() != "None") == connected
        assert one.get_marker() not in (None, "None")


def test_the_run_beside_the_paper(check: Check) -> None:
    run = Panel(title="mine", lines=(line("PD", ("Tiny", "Mini"), (60.0, 65.0)),))
    paper = Panel(
        title="Turc et al. 2019, Figure 5 (read off, ±0.2): MNLI",
        lines=tuple(Line(name=name, x=SIZES, y=y) for name, y in PAPER.items()),
    )
    figure = curves([run, paper], x_label="size", y_label="accuracy on dev (%)")
    texts = check(figure)
    assert {"mine", "size", "accuracy on dev (%)", *SIZES, *PAPER} <= set(texts)
    left, right = figure.axes
    own = next(one for one in left.lines if len(one.get_xdata()) == 2)
    assert own.get_color() == right.lines[0].get_color()
    assert list(own.get_ydata()) == [60.0, 65.0]
    assert left.get_ylim() == right.get_ylim()


def test_intervals_are_drawn_where_there_are_some() -> None:
    some = Line(
        name="pd", x=(1.0, 2.0), y=(80.0, 85.0), low=(79.0, None), high=(82.0, None)
    )
    figure = curves([Panel(title="", lines=(some,))], x_label="x", y_label="y (%)")
    (bars,) = figure.axes[0].collections
    assert [path.vertices.tolist() for path in bars.get_paths()] == [
        [[1.0, 79.0], [1.0, 82.0]]
    ]


def test_far_values_have_axes_of_their_own(check: Check) -> None:
    panels = [
        Panel(title=title, lines=(line("pd", (1.0, 2.0), y),))
        for title, y in (("cola", (10.0, 11.0)), ("sst2", (90.0, 91.0)))
    ]
    figure = curves(panels, x_label="x", y_label="metric (%)")
    assert check(figure).count("metric (%)") == 2
    assert figure.axes[0].get_ylim() != figure.axes[1].get_ylim()


def test_transfer_sizes_are_logarithmic(check: Check) -> None:
    one = line("pd", (5e4, 1e5, 1e6, 8e6), (83.2, 84.1, 86.6, 88.0))
    panel = Panel(title="Book Reviews", lines=(one,))
    figure = curves([panel], x_label="texts", y_label="accuracy (%)", log_x=True)
    assert {"50k", "1m", "5m"} <= set(check(figure))
    assert figure.axes[0].get_xscale() == "log"


@pytest.mark.parametrize("panels", [1, 2, 3])
def test_24_sizes_stay_readable(panels: int, check: Check) -> None:
    sizes = tuple(
        f"{layers}/{width}"
        for width in (128, 256, 512, 768)
        for layers in (2, 4, 6, 8, 10, 12)
    )
    lines = tuple(
        line(name, sizes, tuple(base + 0.2 * i for i in range(24)))
        for name, base in (("pd", 85.0), ("pf", 83.0), ("d", 82.0), ("basic", 81.0))
    )
    shown = [Panel(title=f"task {i}", lines=lines) for i in range(panels)]
    figure = curves(shown, x_label="layers/width", y_label="accuracy (%)")
    assert check(figure).count("12/768") == panels


def test_13_tasks_as_panels_and_long_names(check: Check) -> None:
    name = "a method with a name that is much longer than is wise " * 3
    panels = [
        Panel(
            title=f"task_{i}_{'with_a_long_name' * 3}",
            lines=(line(name, (4.4e6, 11.2e6), (50.0, 52.0)),),
        )
        for i in range(13)
    ]
    check(curves(panels, x_label="parameters", y_label="metric (%)", log_x=True))


def test_long_categories(check: Check) -> None:
    categories = tuple(f"{name} with a long name and more of it" for name in "abcdefgh")
    one = line("_pd", categories, tuple(map(float, range(8))))
    texts = check(curves([Panel(title="", lines=(one,))], x_label="x", y_label="y"))
    assert " _pd" in texts


@pytest.mark.parametrize("log_x", [False, True])
def test_one_point(log_x: bool, check: Check) -> None:
    panel = Panel(title="one", lines=(line("pd", (3.0,), (80.0,)),))
    figure = curves([panel], x_label="x", y_label="y (%)", log_x=log_x)
    check(figure)
    assert figure.axes[0].get_xticks().tolist() == [3.0]


def test_nothing_to_draw_is_said(check: Check) -> None:
    none = Line(name="pd", x=(), y=())
    for panels in ([], [Panel(title="a", lines=())], [Panel(title="a", lines=(none,))]):
        assert "no values" in check(curves(panels, x_label="x", y_label="y"))


def test_order_gives_the_same_color_in_another_figure() -> None:
    panel = Panel(title="", lines=(line("pf", (1.0,), (80.0,)),))
    figure = curves([panel], x_label="x", y_label="y", order=("pd", "pf"))
    assert to_hex(figure.axes[0].lines[0].get_color()) == "#d55e00"
