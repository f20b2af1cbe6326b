"""Rows for tagging."""

import re
from dataclasses import dataclass

from pd_bert.data.source import Row

# The characters at which tf.strings.split divides a text.
_WHITE_SPACE = re.compile(r"[ \t\n\v\f\r]+")


@dataclass(frozen=True, kw_only=True)
class TaggedWords(Row):
    """The words of a sentence, with one IOB2 tag per word or none at all.

    No word is empty or holds white space (`split_words`). `language` is None where it
    is not known.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    language: str | None = None

    @property
    def texts(self) -> dict[str, str]:
        return {"text": " ".join(self.words)}


def split_words(text: str) -> list[str]:
    """Splits a text at ASCII white space, as a tagger does in its graph.

    >>> split_words(" a  b\\u00a0c ")
    ['a', 'b\\xa0c']
    """
    return [word for word in _WHITE_SPACE.split(text) if word]
