"""Splitting of text into sentences and segments."""

import re

# A sentence ends at . ! or ? and the closing quotes or brackets after it. A lower-case
# letter after the white space indicates an abbreviation ("e.g. this").
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’»)\]]*(\s+)(?![a-z])")


def split_sentences(text: str) -> list[str]:
    """Splits a text at the ends of its sentences.

    'So. "No!" he said.' -> ['So.', '"No!" he said.']
    """
    sentences = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        sentences.append(text[start : match.start(1)].strip())
        start = match.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


def split_segments(text: str) -> list[str]:
    """Splits a text at its line ends or, if it is one line, at the ends of sentences.

    'A b. C d.' -> ['A b.', 'C d.']; 'A b. C d.\\nE f.' -> ['A b. C d.', 'E f.'].
    """
    segments = [line.strip() for line in text.split("\n")]
    segments = [line for line in segments if line]
    return segments if len(segments) > 1 else split_sentences(text)
