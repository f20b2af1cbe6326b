"""Quality against cost."""

from collections.abc import Callable

from matplotlib.figure import Figure

from pd_bert.report.plots.pareto import Point, front, pareto

Check = Callable[[Figure], list[str]]


def point(name: str, x: float, y: float, group: str = "pd") -> Point:
    return Point(name=name, group=group, x=x, y=y, y_low=y - 1, y_high=y + 1)


def test_the_front_has_what_no_other_beats() -> None:
    points = [
        point("slow and bad", 9, 70),
        point("best", 10, 90),
        point("cheap", 1, 60),
        point("as cheap, worse", 1, 59),
        point("middle", 5, 80),
        point("as good, dearer", 6, 80),
    ]
    assert [one.name for one in front(points)] == ["cheap", "middle", "best"]


def test_names_stand_beside_the_points(check: Check) -> None:
    points = [
        point(f"{group} {size}", x, y + less, group)
        for size, x, y in (("tiny", 1.2, 72), ("mini", 3.1, 78), ("small", 7.5, 80))
        for group, less in (("pd", 0), ("pf", -2), ("d", -9))
    ]
    figure = pareto(points, x_label="latency (ms)", y_label="accuracy (%)")
    texts = check(figure)
    assert {"pd tiny", "d small", "pf", "Pareto front", "latency (ms)"} <= set(texts)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    step = next(one for one in axes.lines if one.get_drawstyle() == "steps-post")
    assert list(step.get_ydata()) == [72, 78, 80, 80]
    inside = axes.get_window_extent().padded(1)
    for text in axes.texts:
        assert inside.contains(*text.get_window_extent().min)
        assert inside.contains(*text.get_window_extent().max)


def test_many_have_numbers_and_a_key(check: Check) -> None:
    points = [
        point(f"model_{i}_of_many", 1.15**i, 60 + i / 2, "ab"[i % 2]) for i in range(40)
    ]
    texts = check(pareto(points, x_label="size (MB)", y_label="accuracy (%)"))
    assert {"1", "40", "1 model_0_of_many", "40 model_39_of_many"} <= set(texts)


def test_of_very_many_those_on_the_front_are_named(check: Check) -> None:
    points = [point(f"bad_{i}", 1.1**i, 50 - i / 5) for i in range(40)]
    points += [point("cheap", 1.05, 60), point("best", 30, 80)]
    texts = set(check(pareto(points, x_label="size (MB)", y_label="accuracy (%)")))
    assert {"cheap", "best", "bad_0"} <= texts
    assert not {"bad_1", "bad_39", "1 bad_0"} & texts


def test_one_point_without_interval_and_none(check: Check) -> None:
    one = Point(name="teacher", group="teacher", x=3.0, y=90.0)
    assert "teacher" in check(pareto([one], x_label="ms", y_label="%"))
    assert "no values" in check(pareto([], x_label="ms", y_label="%"))
