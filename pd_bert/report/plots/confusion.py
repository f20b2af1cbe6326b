"""Which labels a model takes for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from pd_bert.report.plots.layout import about, new_figure, set_title, settle, wrapped
from pd_bert.report.plots.style import FONT_SIZE, look

_CELL = 0.62  # inches
_LONGEST = 1.5  # inches of a label before it is wrapped


@look()
def confusion(counts: np.ndarray, *, labels: Sequence[str], title: str = "") -> Figure:
    """Draws the matrix with the count and the percent of the row in each cell.

    `counts` is int [labels, labels], [gold, predicted]. The shade is the percent of the
    row; a row without texts is all 0.

    Raises ValueError if `counts` is not square or does not have one row per label.
    """
    counts = np.asarray(counts)
    size = len(labels)
    if not size or counts.shape != (size, size):
        raise ValueError(
            f"counts are [{size}, {size}] for {size} labels; received"
            f" {list(counts.shape)}"
        )
    sums = counts.sum(axis=1, keepdims=True)
    percent = 100 * counts / np.maximum(sums, 1)
    names = [wrapped(label, _LONGEST, size=FONT_SIZE - 1) for label in labels]
    longest = max(about(name, size=FONT_SIZE - 1) for name in names)
    upright = longest > _CELL
    # With the names, the axes' labels and the color bar.
    side = max(_CELL * size, 2.0)
    figure = new_figure(
        side + longest + 1.5, side + (longest if upright else 0.2) + 0.8
    )
    axes = figure.subplots()
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (gold, predicted), share in np.ndenumerate(percent):
        axes.text(
            predicted,
            gold,
            f"{counts[gold, predicted]:,}\n{share:.0f} %",
            ha="center",
            va="center",
            size=FONT_SIZE - 1.5,
            color="white" if share > 55 else "black",
        )
    axes.set_xticks(range(size), names, rotation=90 if upright else 0)
    axes.set_yticks(range(size), names)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("gold label")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label="share of the gold label (%)", shrink=0.9)
    set_title(axes, title, side)
    return settle(figure)
