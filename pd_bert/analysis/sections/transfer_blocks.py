"""What the cleaning of a transfer set found."""

from collections.abc import Mapping, Sequence
from typing import Any

from pd_bert.analysis.content import Block, Table, anchor, number
from pd_bert.analysis.plots.histogram import Bars
from pd_bert.analysis.runs import Row, folder
from pd_bert.analysis.sections.histograms import length_edges, percent, shares_figure


def transfer_blocks(row: Row, told: Mapping[str, Any]) -> list[Block]:
    unknown = told.get("unknown_rate") or {}
    tokens = told.get("tokens") or {}
    lines = [
        ("texts before cleaning", number(told.get("size_before"), 0), ""),
        ("duplicates removed", number(told.get("duplicates"), 0), ""),
        *(
            (f"removed because they are in {split}", number(n, 0), "")
            for split, n in (told.get("leaks") or {}).items()
        ),
        ("texts", number(told.get("size"), 0), ""),
        ("of them in the labeled training data", number(told.get("in_train"), 0), ""),
        (
            "unknown word pieces, %",
            percent(unknown.get("transfer"), 2),
            percent(unknown.get("labeled"), 2),
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
    title = str(row["stage"])
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
            shares_figure(
                f"lengths-{anchor(folder(row).name)}",
                f"{title}: lengths of the texts",
                [
                    Bars(name=name, values=tuple(lengths[key]))
                    for name, key in (
                        ("transfer set", "transfer"),
                        ("labeled", "labeled"),
                    )
                ],
                edges=length_edges(lengths["up_to"]),
                cut=True,
                x_label="length (word pieces)",
                y_label="share of the texts (%)",
            )
        )
    return blocks


def _tokens(found: Sequence[Sequence[Any]] | None) -> str:
    return "\n".join(f"{token} {count:,}" for token, count in found or ()) or "–"
