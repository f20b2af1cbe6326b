"""Numbers on axes."""

import pytest

from pd_bert.report.plots.ticks import short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (128, "128"),
        (999.9, "1k"),
        (50_000, "50k"),
        (4_385_920, "4.39m"),
        (999_999, "1m"),
        (2e9, "2b"),
        (-1500, "-1.5k"),
    ],
)
def test_short(value: float, text: str) -> None:
    assert short(value) == text
