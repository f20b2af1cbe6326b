"""Section: whether the teachers can teach, and on what texts."""

from collections.abc import Mapping, Sequence
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


def teaching(evidence: Evidence) -> Section:
    """What the gates, the cleaned transfer sets and the labels tell."""
    blocks: list[Block] = []
    rows: list[tuple[Cell, ...]] = []
    for key, tell in (
        ("gate", _gate),
        ("transfer", _transfer),
        ("confidence", _confidence),
    ):
        found = [row for row in evidence.runs.rows if evidence.runs.info(row).get(key)]
        titles = unique_names({folder(r).name: evidence.runs.title(r) for r in found})
        for row in found:
            name, told = folder(row).name, evidence.runs.info(row)[key]
            blocks += tell(name, titles[name], told)
            rows += _flat(name, key, told)
    if not blocks:
        blocks = [
            Paragraph(text="No stage judged a teacher or cleaned a transfer set.")
        ]
    header = ("artifact", "figure", "value")
    return Section(
        name="teaching",
        title="Teacher and transfer set",
        blocks=tuple(blocks),
        files=(Csv(name="transfer", header=header, rows=tuple(rows)),) if rows else (),
    )


def _gate(name: str, title: str, told: Mapping[str, Any]) -> list[Block]:
    """What a teacher's gate found."""
    title = f"{title}: the teacher on {told.get('split', 'dev')}"
    order = told.get("best_permutation")
    always = f"always answering {told.get('majority_label') or '–'}"
    verdict = "passed"
    if not told.get("passed"):
        verdict = f"accepted in spite of this: {told.get('reason')}"
    lines = [
        (f"{told.get('primary_metric', 'metric')} %", _percent(told.get("metric"))),
        (f"{always}, %", _percent(told.get("majority"))),
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
        ("verdict", verdict),
    ]
    blocks: list[Block] = [
        Table(
            caption=f"{title}. A classifier passes if it is better than always "
            "giving the one best answer, has more than one answer, and no other "
            "order of its labels is clearly more often right (by 5 points or more); a "
            "regression if its scores rise with the gold ones.",
            header=("figure", "value"),
            rows=tuple(
                # Accuracy may be the primary metric.
                (figure, value)
                for figure, value in dict(lines).items()
                if value != "–"
            ),
        )
    ]
    sure = told.get("confidence")
    if sure:
        blocks.append(
            _shares(
                f"gate-{anchor(name)}",
                f"{title}: confidence of right and wrong answers",
                [
                    Bars(name=side, values=tuple(sure[side]))
                    for side in ("right", "wrong")
                    if side in sure
                ],
                edges=_TENTHS,
                x_label="confidence (%)",
                y_label="share of such answers (%)",
            )
        )
    return blocks


def _transfer(name: str, title: str, told: Mapping[str, Any]) -> list[Block]:
    """What the cleaning of a transfer set found."""
    unknown = told.get("unknown_rate") or {}
    tokens = told.get("tokens") or {}
    lines = [
        ("texts before cleaning", number(told.get("size_before"), 0), ""),
        ("duplicates removed", number(told.get("duplicates"), 0), ""),
        *(
            (f"removed because they are in {split}", number(n, 0), "")
            for split, n in (told.get("leaks") or {}).items()
        ),
        ("not drawn, for fewer were asked for", number(told.get("not_drawn"), 0), ""),
        ("texts", number(told.get("size"), 0), ""),
        ("of them without a word piece", number(told.get("empty"), 0), ""),
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
    blocks: list[Block] = [
        Table(
            caption=f"{title}: the transfer set and the labeled training data. S is "
            "the rank correlation of their token frequencies.",
            header=("figure", "transfer set", "labeled"),
            rows=tuple(lines),
        )
    ]
    lengths = told.get("lengths")
    if lengths:
        blocks.append(
            _shares(
                f"lengths-{anchor(name)}",
                f"{title}: lengths of the texts, as far as the model sees them",
                [
                    Bars(name=side, values=tuple(lengths[key]))
                    for side, key in (
                        ("transfer set", "transfer"),
                        ("labeled", "labeled"),
                    )
                ],
                edges=_edges(lengths["up_to"]),
                cut=True,
                x_label="length (word pieces)",
                y_label="share of the texts (%)",
            )
        )
    return blocks


def _tokens(found: Sequence[Sequence[Any]] | None) -> str:
    return "\n".join(f"{token} {count:,}" for token, count in found or ()) or "–"


def _confidence(name: str, title: str, told: Mapping[str, Any]) -> list[Block]:
    """How sure a teacher was of the labels that it stored."""
    title = f"{title}: the teacher's answers on the transfer set"
    blocks: list[Block] = [
        Table(
            caption=f"{title}. Mean confidence {_percent(told['mean'])} %.",
            header=("label", "share of the texts, %"),
            rows=tuple(
                (label, _percent(share)) for label, share in told["labels"].items()
            ),
        ),
        _shares(
            f"confidence-{anchor(name)}",
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
            _shares(
                f"by-length-{anchor(name)}",
                f"{title}: mean confidence by length",
                [Bars(name="mean confidence", values=means)],
                edges=_edges(by_length["up_to"]),
                cut=True,
                x_label="length (word pieces)",
                y_label="mean confidence (%)",
                shares=False,
            )
        )
    return blocks


def _shares(
    name: str,
    title: str,
    series: Sequence[Bars],
    *,
    edges: Sequence[float],
    cut: bool = False,
    **rest: Any,
) -> Drawing:
    if cut:
        used = [
            index
            for index in range(len(edges) - 1)
            if any(each.values[index] for each in series)
        ] or [0]
        first, last = used[0], used[-1] + 1
        edges = edges[first : last + 1]
        series = [Bars(name=b.name, values=b.values[first:last]) for b in series]
    picture = histogram(series, edges=edges, **rest)
    return drawing(picture, name=name, title=title, caption=f"{title}.")


def _edges(up_to: Sequence[int | None]) -> tuple[float, ...]:
    """The ends of bins that hold lengths up to each; the last has all above."""
    known = [each for each in up_to if each is not None]
    open_end = [2 * known[-1]] if len(known) < len(up_to) else []
    return (0, *known, *open_end)


def _percent(share: float | None, digits: int = 1) -> str:
    return number(None if share is None else 100 * share, digits)


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
