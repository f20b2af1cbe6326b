"""Section: whether the teachers can teach, and on what texts."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pd_bert.analysis.content import (
    Block,
    Cell,
    Csv,
    Drawing,
    Paragraph,
    Section,
    Table,
    anchor,
    number,
)
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.plots.histogram import Bars, histogram
from pd_bert.analysis.plots.svg import svg
from pd_bert.analysis.runs import Row, folder

_TENTHS = tuple(range(0, 101, 10))


def teaching(evidence: Evidence) -> Section:
    """What the gates, the cleaned transfer sets and the labels tell."""
    blocks: list[Block] = []
    rows: list[tuple[Cell, ...]] = []
    for key, tell in (
        ("gate", _gate),
        ("transfer", _transfer),
        ("confidence", _confidence),
    ):
        for row in evidence.runs.rows:
            told = evidence.runs.info(row).get(key)
            if told:
                blocks += tell(row, told)
                rows += _flat(folder(row).name, key, told)
    if not blocks:
        blocks = [
            Paragraph(
                text="No stage of these runs judged a teacher or cleaned a transfer set."
            )
        ]
    header = ("artifact", "figure", "value")
    return Section(
        name="teaching",
        title="Teacher and transfer set",
        blocks=tuple(blocks),
        files=(Csv(name="transfer", header=header, rows=tuple(rows)),) if rows else (),
    )


def _gate(row: Row, told: Mapping[str, Any]) -> list[Block]:
    title = f"{_title(row)}: the teacher on {told.get('split', 'dev')}"
    order = told.get("best_permutation")
    lines = [
        (f"{told.get('primary_metric', 'metric')} %", _percent(told.get("metric"))),
        (
            f"always answering {told.get('majority_label') or '–'}, %",
            _percent(told.get("majority")),
        ),
        ("accuracy %", _percent(told.get("accuracy"))),
        (
            "accuracy in the best order of its labels, %",
            _percent(told.get("best_permutation_accuracy")),
        ),
        ("the best order of its labels", ", ".join(map(str, order)) if order else "–"),
        (
            "expected calibration error, %",
            _percent(told.get("expected_calibration_error")),
        ),
        ("examples", number(told.get("count"), 0)),
        (
            "verdict",
            "passed"
            if told.get("passed")
            else f"accepted in spite of: {told.get('reason')}",
        ),
    ]
    blocks: list[Block] = [
        Table(
            caption=f"{title}. It is passed if it is better than always answering the "
            "most frequent label, and no other order of its labels is more often right.",
            header=("figure", "value"),
            rows=tuple((name, value) for name, value in lines if value != "–"),
        )
    ]
    sure = told.get("confidence")
    if sure:
        blocks.append(
            _histogram(
                f"gate-{anchor(folder(row).name)}",
                f"{title}: confidence of right and wrong answers",
                [
                    Bars(name=name, values=tuple(sure[name]))
                    for name in ("right", "wrong")
                    if name in sure
                ],
                edges=_TENTHS,
                x_label="confidence (%)",
                y_label="share of the right and of the wrong answers (%)",
            )
        )
    return blocks


def _transfer(row: Row, told: Mapping[str, Any]) -> list[Block]:
    leaks = {split: n for split, n in (told.get("leaks") or {}).items()}
    unknown = told.get("unknown_rate") or {}
    tokens = told.get("tokens") or {}
    lines = [
        ("texts before cleaning", number(told.get("size_before"), 0), ""),
        ("duplicates removed", number(told.get("duplicates"), 0), ""),
        *(
            (f"removed because they are in {split}", number(n, 0), "")
            for split, n in leaks.items()
        ),
        ("texts", number(told.get("size"), 0), ""),
        ("of them in the labeled training data", number(told.get("in_train"), 0), ""),
        (
            "unknown word pieces, %",
            _percent(unknown.get("transfer"), 2),
            _percent(unknown.get("labeled"), 2),
        ),
        (
            "different tokens",
            number(tokens.get("transfer"), 0),
            number(tokens.get("labeled"), 0),
        ),
        ("tokens in both", number(told.get("tokens_in_common"), 0), ""),
        ("similarity S (Spearman)", number(told.get("similarity"), 3), ""),
        (
            "most frequent tokens only here",
            _tokens(told.get("only_in_transfer")),
            _tokens(told.get("only_in_labeled")),
        ),
    ]
    title = _title(row)
    blocks: list[Block] = [
        Table(
            caption=f"{title}: the transfer set and the labeled training data. S is the "
            "rank correlation of their token frequencies.",
            header=("figure", "transfer set", "labeled"),
            rows=tuple(lines),
        )
    ]
    lengths = told.get("lengths")
    if lengths:
        blocks.append(
            _histogram(
                f"lengths-{anchor(folder(row).name)}",
                f"{title}: lengths of the texts",
                [
                    Bars(name=name, values=tuple(lengths[key]))
                    for name, key in (
                        ("transfer set", "transfer"),
                        ("labeled", "labeled"),
                    )
                ],
                edges=_edges(lengths["up_to"]),
                x_label="length (word pieces)",
                y_label="share of the texts (%)",
            )
        )
    return blocks


def _confidence(row: Row, told: Mapping[str, Any]) -> list[Block]:
    title = f"{_title(row)}: the teacher's answers on the transfer set"
    blocks: list[Block] = [
        Table(
            caption=f"{title}. Mean confidence {_percent(told['mean'])} %.",
            header=("label", "share of the texts, %"),
            rows=tuple(
                (name, _percent(share)) for name, share in told["labels"].items()
            ),
        ),
        _histogram(
            f"confidence-{anchor(folder(row).name)}",
            f"{title}: confidence",
            [Bars(name="labels", values=tuple(told["histogram"]))],
            edges=_TENTHS,
            x_label="confidence (%)",
            y_label="share of the texts (%)",
        ),
    ]
    by_length = told.get("by_length")
    if by_length:
        means = tuple(None if m is None else 100 * m for m in by_length["mean"])
        blocks.append(
            _histogram(
                f"by-length-{anchor(folder(row).name)}",
                f"{title}: mean confidence by length",
                [Bars(name="mean confidence", values=means)],
                edges=_edges(by_length["up_to"]),
                x_label="length (word pieces)",
                y_label="mean confidence (%)",
                shares=False,
            )
        )
    return blocks


def _histogram(
    name: str,
    title: str,
    series: Sequence[Bars],
    *,
    edges: Sequence[float],
    **rest: Any,
) -> Drawing:
    # Bins that are empty in all series, at either end, only take room.
    used = [
        index for index in range(len(edges) - 1) if any(b.values[index] for b in series)
    ] or [0, len(edges) - 2]
    first, last = used[0], used[-1] + 1
    cut = [Bars(name=b.name, values=b.values[first:last]) for b in series]
    picture = histogram(cut, edges=edges[first : last + 1], **rest)
    caption = f"{title}."
    return Drawing(
        caption=caption,
        svg=Markup(svg(picture, name=name, title=title, description=caption)),
    )


def _edges(up_to: Sequence[int | None]) -> tuple[float, ...]:
    """The ends of bins that hold lengths up to each; the last has all above."""
    known = [each for each in up_to if each is not None]
    open_end = [2 * known[-1]] if len(known) < len(up_to) else []
    return (0, *known, *open_end)


def _title(row: Row) -> str:
    return str(row["stage"])


def _percent(share: float | None, digits: int = 1) -> str:
    return number(None if share is None else 100 * share, digits)


def _tokens(found: Sequence[Sequence[Any]] | None) -> str:
    return "\n".join(f"{token} {count:,}" for token, count in found or ()) or "–"


def _flat(artifact: str, key: str, told: Any) -> list[tuple[Cell, ...]]:
    """Nested figures as rows, their keys joined by dots."""
    if isinstance(told, Mapping):
        return [
            line
            for name, value in told.items()
            for line in _flat(artifact, f"{key}.{name}", value)
        ]
    if isinstance(told, list | tuple):
        return [
            line
            for index, value in enumerate(told)
            for line in _flat(artifact, f"{key}.{index}", value)
        ]
    return [(artifact, key, told)]
