"""One tokenizer per process and vocabulary."""

import functools
import pathlib

from pd_bert.text.vocabulary import Vocabulary
from pd_bert.text.wordpiece import WordPiece


@functools.lru_cache(maxsize=4)
def load(path: pathlib.Path, lowercase: bool) -> tuple[Vocabulary, WordPiece]:
    """Returns a vocabulary and its tokenizer, which takes half a second to build."""
    vocabulary = Vocabulary.read(path, lowercase=lowercase)
    return vocabulary, WordPiece(vocabulary)
