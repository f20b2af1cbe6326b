"""One tokenizer a process and vocabulary."""

import functools
import pathlib

from pd_bert.text.vocabulary import Vocabulary
from pd_bert.text.wordpiece import WordPiece


@functools.lru_cache(maxsize=4)
def load(path: pathlib.Path, lowercase: bool) -> tuple[Vocabulary, WordPiece]:
    """The vocabulary file and its tokenizer: building one takes half a second."""
    vocabulary = Vocabulary.read(path, lowercase=lowercase)
    return vocabulary, WordPiece(vocabulary)
