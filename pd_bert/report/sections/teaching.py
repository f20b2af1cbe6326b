"""Section: if the teachers can teach, and on what texts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.runs import folder, unique_names
from pd_bert.report.content import (
    Block,
    Cell,
    Csv,
    Drawing,
    Paragraph,
    Section,
    Table,
    anchor,
    drawing,
    number,
)
from pd_bert.report.plots.histogram import Bars, histogram

_TENTHS = tuple(range(0, 101, 10))
_LENGTH = "length (word pieces)"


def teaching(evidence: Evidence) -> Section:
    """Returns the figures of the gates, of the cleaned transfer sets and the labels."""
    blocks: list[Block] = []
    rows: list[tuple[Cell, ...]] = []
    for key, blocks_of in (
        ("gate", _gate),
        ("transfer", _transfer),
        ("confidence", _confidence),
    ):
        found = [row for row in evidence.runs.rows if evidence.runs.info(row).get(key)]
        titles = unique_names({folder(r).name: evidence.runs.title(r) for r in found})
        for row in found:
            name, figures = folder(row).name, evidence.runs.info(row)[key]
            blocks += blocks_of(anchor(name), titles[name], figures)
            rows += ((name, *cells) for cells in _flat(key, figures))
    if not blocks:
        blocks = [
            Paragraph(text="No stage judged a teacher or cleaned a transfer set.")
        ]
    header = ("artifact", "figure", "value")
    return Section(
        name="teaching",
        title="Teacher and transfer set",
        blocks=tuple(blocks),
        files=(Csv(name="transfer", header=header, rows=tuple(rows)),),
    )


def _gate(name: str, title: str, gate: Mapping[str, Any]) -> list[Block]:
    """The judgement of a teacher's gate."""
    title = f"{title}: the teacher on {gate.get('split', 'dev')}"
    order = ", ".join(map(str, gate.get("best_permutation") or ())) or "–"
    best = _percent(gate.get("best_permutation_accuracy"))
    error = _percent(gate.get("expected_calibration_error"))
    verdict = f"accepted in spite of this: {gate.get('reason')}"
    figures = {
        f"{gate.get('primary_metric', 'metric')} %": _percent(gate.get("metric")),
        f"always answering {gate.get('majority_label') or '–'}, %": _percent(
            gate.get("majority")
        ),
        "accuracy %": _percent(gate.get("accuracy")),
        "accuracy in the best order of its labels, %": best,
        "the best order of its labels": order,
        "expected calibration error, %": error,
        "examples": number(gate.get("count"), 0),
        "verdict": "passed" if gate.get("passed") else verdict,
    }
    blocks: list[Block] = [
        Table(
            caption=f"{title}. A classifier passes if it is better than always "
            "giving the one best answer, has more than one answer, and no other "
            "order of its labels is clearly more often right (by 5 points or more); a "
            "regression if its scores rise with the gold ones.",
            header=("figure", "value"),
            rows=tuple(item for item in figures.items() if item[1] != "–"),
        )
    ]
    if confidence := gate.get("confidence"):
        blocks.append(
            _histogram(
                f"gate-{name}",
                f"{title}: confidence of right and wrong answers",
                {s: confidence[s] for s in ("right", "wrong") if s in confidence},
                edges=_TENTHS,
                x_label="confidence (%)",
                y_label="share of such answers (%)",
            )
        )
    return blocks


def _transfer(name: str, title: str, found: Mapping[str, Any]) -> list[Block]:
    """The figures of a cleaned transfer set beside those of the labeled data."""
    unknown, tokens = found.get("unknown_rate") or {}, found.get("tokens") or {}
    alone = {
        "texts before cleaning": found.get("size_before"),
        "duplicates removed": found.get("duplicates"),
        **{
            f"removed because they are in {split}": count
            for split, count in (found.get("leaks") or {}).items()
        },
        "not drawn, for fewer were asked for": found.get("not_drawn"),
        "texts": found.get("size"),
        "of them without a word piece": found.get("empty"),
        "of them in the labeled training data": found.get("in_train"),
        "tokens in both": found.get("tokens_in_common"),
    }
    sides = ("transfer", "labeled")
    both = {
        "different tokens": [number(tokens.get(side), 0) for side in sides],
        "unknown word pieces, %": [_percent(unknown.get(side), 2) for side in sides],
        "similarity S (Spearman)": [number(found.get("similarity"), 3), ""],
        "most frequent tokens only here": [
            _tokens(found.get(f"only_in_{side}")) for side in sides
        ],
    }
    blocks: list[Block] = [
        Table(
            caption=f"{title}: the transfer set and the labeled training data. S is "
            "the rank correlation of their token frequencies.",
            header=("figure", "transfer set", "labeled"),
            rows=(
                *((figure, number(value, 0), "") for figure, value in alone.items()),
                *((figure, *cells) for figure, cells in both.items()),
            ),
        )
    ]
    if lengths := found.get("lengths"):
        blocks.append(
            _histogram(
                f"lengths-{name}",
                f"{title}: lengths of the texts, as far as the model sees them",
                {"transfer set": lengths["transfer"], "labeled": lengths["labeled"]},
                edges=_edges(lengths["up_to"]),
                x_label=_LENGTH,
                y_label="share of the texts (%)",
            )
        )
    return blocks


def _tokens(found: Sequence[Sequence[Any]] | None) -> str:
    return "\n".join(f"{token} {count:,}" for token, count in found or ()) or "–"


def _confidence(name: str, title: str, found: Mapping[str, Any]) -> list[Block]:
    """A teacher's confidence in the labels that it stored."""
    title = f"{title}: the teacher's answers on the transfer set"
    blocks: list[Block] = [
        Table(
            caption=f"{title}. Mean confidence {_percent(found['mean'])} %.",
            header=("label", "share of the texts, %"),
            rows=tuple(
                (label, _percent(share)) for label, share in found["labels"].items()
            ),
        ),
        _histogram(
            f"confidence-{name}",
            f"{title}: confidence",
            {"labels": found["histogram"]},
            edges=_TENTHS,
            x_label="confidence (%)",
            y_label="share of the texts (%)",
        ),
    ]
    if by_length := found.get("by_length"):
        means = [None if mean is None else 100 * mean for mean in by_length["mean"]]
        blocks.append(
            _histogram(
                f"by-length-{name}",
                f"{title}: mean confidence by length",
                {"mean confidence": means},
                edges=_edges(by_length["up_to"]),
                x_label=_LENGTH,
                y_label="mean confidence (%)",
                shares=False,
            )
        )
    return blocks


def _histogram(
    name: str,
    title: str,
    series: Mapping[str, Sequence[float | None]],
    *,
    edges: Sequence[float],
    **rest: Any,
) -> Drawing:
    """A figure of the series; of lengths only the bins that hold a text."""
    first, last = 0, len(edges) - 1
    if edges is not _TENTHS:
        used = [bin for bin in range(last) if any(v[bin] for v in series.values())]
        first, last = (used[0], used[-1] + 1) if used else (0, 1)
    bars = [
        Bars(name=side, values=tuple(values[first:last]))
        for side, values in series.items()
    ]
    picture = histogram(bars, edges=edges[first : last + 1], **rest)
    return drawing(picture, name=name, title=title, caption=f"{title}.")


def _edges(up_to: Sequence[int | None]) -> tuple[float, ...]:
    """The edges of bins of lengths up to each; the last bin may have no end."""
    known = [each for each in up_to if each is not None]
    open_end = [2 * known[-1]] if len(known) < len(up_to) else []
    return (0, *known, *open_end)


def _percent(share: float | None, digits: int = 1) -> str:
    return number(None if share is None else 100 * share, digits)


def _flat(key: str, value: Any) -> Iterator[tuple[str, Cell]]:
    """Nested figures as (keys joined by dots, value)."""
    if isinstance(value, Mapping):
        nested = value.items()
    elif isinstance(value, list | tuple):
        nested = dict(enumerate(value)).items()
    else:
        yield key, value
        return
    for name, each in nested:
        yield from _flat(f"{key}.{name}", each)
