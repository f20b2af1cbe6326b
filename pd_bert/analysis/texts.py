"""The texts of a prepared split, read back from their word pieces."""

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from pd_bert.text.vocabulary import CONTINUATION_PREFIX, SEP, SPECIAL_TOKENS, UNK


def split_texts(
    task_data: pathlib.Path, split: str, rows: Iterable[int]
) -> dict[int, str]:
    """Returns the text of each of these rows of a split; {} if the split is gone.

    `task_data` is the folder of the prepared task. Texts are as the model saw them:
    lower-cased and cut as by the preparation, with [UNK] for words that the vocabulary
    lacks; ` ‖ ` stands between the texts of a pair.
    """
    if not (task_data / split / "manifest.json").is_file():
        return {}
    # They import TensorFlow.
    from pd_bert.artifact import Artifact
    from pd_bert.data.columns import Sequences
    from pd_bert.data.records import Records

    tokens = Artifact(task_data).vocabulary().tokens
    records = Records(task_data / split)
    ends = np.cumsum(records.shard_counts)
    wanted = sorted({row for row in rows if 0 <= row < records.count})
    found: dict[int, str] = {}
    for shard in sorted({int(np.searchsorted(ends, row, "right")) for row in wanted}):
        ids = records.columns([shard])["token_ids"]
        assert isinstance(ids, Sequences)
        begin = int(ends[shard]) - records.shard_counts[shard]
        for row in wanted:
            if begin <= row < ends[shard]:
                found[row] = joined([tokens[i] for i in ids[row - begin]])
    return found


def joined(pieces: Sequence[str]) -> str:
    """Returns word pieces as text.

    >>> joined(["[CLS]", "un", "##seen", "[SEP]", "yes", "[SEP]", "[PAD]"])
    'unseen ‖ yes'
    """
    texts: list[list[str]] = [[]]
    for piece in pieces:
        if piece == SEP:
            texts.append([])
        elif piece.startswith(CONTINUATION_PREFIX) and texts[-1]:
            texts[-1][-1] += piece.removeprefix(CONTINUATION_PREFIX)
        elif piece == UNK or piece not in SPECIAL_TOKENS:
            texts[-1].append(piece)
    return " ‖ ".join(" ".join(words) for words in texts if words)
