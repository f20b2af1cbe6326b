"""A tagger's answers for one text as JSON data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pd_bert.tasks.labeled_task import short
from pd_bert.tasks.phrases import phrases


def present_words(
    decoded: Mapping[str, np.ndarray], tags: Sequence[str]
) -> dict[str, Any]:
    """Returns `entities` and `words`, from the arrays [words] of `Tagging.decode`.

    A word is an object of `text`, `tag`, `score`, `begin` and `end`; an entity has
    `label` in place of the tag. Its text is its words joined by spaces, its score their
    mean score, its offsets those of its first and last word.
    """
    columns = [decoded[name].tolist() for name in ("words", "score", "begin", "end")]
    words = [
        {
            "text": word.decode(errors="replace"),
            "tag": tag,
            "score": short(score),
            "begin": begin,
            "end": end,
        }
        # Arrays are as wide as the longest text of the batch.
        for tag, word, score, begin, end in zip(tags, *columns, strict=False)
    ]
    entities = []
    for label, first, last in phrases(tags):
        own = words[first:last]
        entities.append(
            {
                "text": " ".join(word["text"] for word in own),
                "label": label,
                "begin": own[0]["begin"],
                "end": own[-1]["end"],
                "score": short(sum(word["score"] for word in own) / len(own)),
            }
        )
    return {"entities": entities, "words": words}
