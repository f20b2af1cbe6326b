"""Figures for the inside of a page."""

import re
import xml.etree.ElementTree

import pytest
from matplotlib.figure import Figure

from pd_bert.report.plots.histogram import Bars, histogram
from pd_bert.report.plots.svg import svg


def figure() -> Figure:
    bars = Bars(name="D_L", values=(1, 2))
    return histogram([bars], edges=[0, 1, 2], x_label="length (tokens)")


def test_is_an_element_with_a_title_and_a_description() -> None:
    text = svg(figure(), name="lengths", title="Lengths <5", description="D_L & D_T")
    root = xml.etree.ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["role"] == "img"
    assert root.attrib["width"] == "100%"
    assert "height" not in root.attrib
    assert len(root.attrib["viewBox"].split()) == 4
    title, description = root[0], root[1]
    assert (title.tag.split("}")[1], title.text) == ("title", "Lengths <5")
    assert (description.tag.split("}")[1], description.text) == ("desc", "D_L & D_T")
    assert root.attrib["aria-labelledby"] == "lengths-title lengths-desc"
    assert text.startswith("<svg")
    assert text.endswith("</svg>\n")
    assert "<style" not in text
    assert "<metadata" not in text


def test_two_figures_of_a_page_share_no_id() -> None:
    ids = [
        set(
            re.findall(
                r'\bid="([^"]+)"', svg(figure(), name=n, title="", description="")
            )
        )
        for n in ("one", "two")
    ]
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]


def test_the_same_values_give_the_same_bytes() -> None:
    first, second = (
        svg(figure(), name="one", title="t", description="d") for _ in range(2)
    )
    assert first == second


def test_a_users_settings_change_nothing() -> None:
    import matplotlib

    expected = svg(figure(), name="one", title="t", description="d")
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": None}):
        assert svg(figure(), name="one", title="t", description="d") == expected


def test_a_name_is_fit_for_an_id() -> None:
    with pytest.raises(ValueError, match="received 'a b'"):
        svg(figure(), name="a b", title="", description="")
