"""Small text files with invented sentences, the same in every run."""

import pathlib
import random

_SUBJECTS = ("film", "story", "actor", "scene", "music", "café", "ending", "plot")
_WORDS = {
    "bad": ("dull", "poor", "awful", "boring", "naïve"),
    "fair": ("fair", "usual", "average", "plain", "modest"),
    "good": ("fine", "great", "lovely", "bright", "élégant"),
}
_LABELS = tuple(_WORDS)
SERVED_TEXTS = (
    "",
    " ",
    "The film was great.",
    "A naïve café, an ÉLÉGANT scene: déjà vu!",
    "the story was dull and the actor was fair and " * 40,
    "\u6771\u4eac \u2211 \U0001f600 [MASK] ##s",
    "Music\twas\nlovely, and\u00a0plain...",
)


def write_texts(folder: pathlib.Path) -> None:
    """Writes a corpus, a transfer set, a labeled task and scored pairs of texts."""
    draw = random.Random(11)
    for name, count in (("corpus", 48), ("held_out", 16)):
        documents = (_document(draw) for _ in range(count))
        _write(folder / f"{name}.txt", "\n\n".join(documents))
    _write(folder / "transfer.txt", "\n".join(_text(draw) for _ in range(45)))
    for name, count in (("train", 44), ("dev", 21)):
        lines = ["sentence\tlabel"]
        for _ in range(count):
            label = draw.choice(_LABELS)
            lines.append(f"{_text(draw, label)}\t{label}")
        _write(folder / f"{name}.tsv", "\n".join(lines))
    for name, count in (("pairs_train", 43), ("pairs_dev", 21)):
        lines = ["first,second,score"]
        for _ in range(count):
            one, two = draw.choice(_LABELS), draw.choice(_LABELS)
            score = (_LABELS.index(one) + _LABELS.index(two)) / 2
            lines.append(f'"{_text(draw, one, 3)}",{_text(draw, two, 3)},{score}')
        _write(folder / f"{name}.csv", "\n".join(lines))


def _document(draw: random.Random) -> str:
    return "\n".join(_text(draw) for _ in range(draw.randint(2, 7)))


def _text(draw: random.Random, label: str | None = None, most: int = 6) -> str:
    """Returns one to `most` clauses, so that texts fill buckets of several lengths."""
    chosen = label or draw.choice(_LABELS)
    clauses = [
        f"the {draw.choice(_SUBJECTS)} was {draw.choice(_WORDS[chosen])}"
        for _ in range(draw.randint(1, most))
    ]
    return " and ".join(clauses).capitalize() + draw.choice(".!?")


def _write(path: pathlib.Path, text: str) -> None:
    path.write_text(f"{text}\n", encoding="utf-8")
