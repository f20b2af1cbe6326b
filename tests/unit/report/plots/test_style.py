"""Marks differ with and without colors."""

from pd_bert.report.plots.style import PALETTE, marks


def test_marks_follow_the_order_and_stay_the_same() -> None:
    some = marks(["pf", "new"], order=["pd", "pf"])
    all_of_them = marks(["pd", "pf"], order=["pd", "pf"])
    assert some["pf"] == all_of_them["pf"]
    assert some["pd"].color == PALETTE[0]
    assert some["new"].color == PALETTE[2]


def test_color_marker_and_dashes_each_change_from_one_to_the_next() -> None:
    first, second = marks(["a", "b"]).values()
    assert first.color != second.color
    assert first.marker != second.marker
    assert first.dashes != second.dashes


def test_forty_names_have_forty_looks_in_black_and_white() -> None:
    looks = {
        (mark.marker, str(mark.dashes)) for mark in marks(map(str, range(40))).values()
    }
    assert len(looks) == 40
