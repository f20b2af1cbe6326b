"""Training of a WordPiece vocabulary from texts."""

import collections
from collections.abc import Iterable, Iterator

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from pd_bert.errors import InputError
from pd_bert.text.vocabulary import (
    CONTINUATION_PREFIX,
    SPECIAL_TOKENS,
    UNK,
    Vocabulary,
)

# BERT's tokenizer maps longer words to [UNK].
_MAX_WORD_LENGTH = 100
# The number of words per string of the trainer's input.
_CHUNK = 10_000


def train_vocabulary(
    texts: Iterable[str], *, size: int, lowercase: bool = True, min_frequency: int = 2
) -> Vocabulary:
    """Trains a vocabulary of at most `size` tokens (Wu et al. 2016, Section 4.1).

    The special tokens come first, then single characters, then the pieces that are
    merged from them, in the order of merging. Words that contain a character outside
    the vocabulary are ignored. The same texts give the same vocabulary, in any order
    and with any number of threads. Memory grows with the number of distinct words, not
    with the texts, which are read once.

    Args:
        size: the maximum number of tokens, with the special ones. At most half of them
            are single characters, the most frequent ones.
        lowercase: lower-cases the texts and strips accents, as `WordPiece` does.
        min_frequency: the number of occurrences that a token needs.

    Raises:
        InputError: `texts` contain no word, none of their characters occurs
            `min_frequency` times, or `size` leaves no room beside the special tokens.
    """
    if size <= len(SPECIAL_TOKENS) + 1:
        raise InputError(
            f"the size of a vocabulary must be over {len(SPECIAL_TOKENS) + 1}; "
            f"received {size}"
        )
    words, texts_seen = _count_words(texts, lowercase=lowercase)
    if not words:
        raise InputError(
            f"a vocabulary needs at least one word; received {texts_seen} texts "
            "without any"
        )
    alphabet = _alphabet(words, most=size // 2, min_frequency=min_frequency)
    if not alphabet:
        raise InputError(
            "a vocabulary needs texts in which some character occurs "
            f"min_frequency={min_frequency} times; received {texts_seen} texts without "
            "any"
        )
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNK))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # The trainer numbers "##x" in the order of a hash map, which differs from run to
    # run, and breaks ties between merges by number. Tokens passed as special have
    # their number from the start.
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=[*SPECIAL_TOKENS, *alphabet],
        continuing_subword_prefix=CONTINUATION_PREFIX,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_repeat(words, set(alphabet)), trainer)
    ids = tokenizer.get_vocab()
    return Vocabulary(
        tokens=tuple(sorted(ids, key=ids.__getitem__)), lowercase=lowercase
    )


def _count_words(
    texts: Iterable[str], *, lowercase: bool
) -> tuple[collections.Counter[str], int]:
    """Counts the words of BERT's pre-tokenization, and the texts."""
    normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=True,
        strip_accents=lowercase,
        lowercase=lowercase,
    )
    splitter = pre_tokenizers.BertPreTokenizer()
    words: collections.Counter[str] = collections.Counter()
    texts_seen = 0
    for text in texts:
        texts_seen += 1
        pieces = splitter.pre_tokenize_str(normalizer.normalize_str(text))
        words.update(word for word, _ in pieces if len(word) <= _MAX_WORD_LENGTH)
    return words, texts_seen


def _alphabet(
    words: collections.Counter[str], *, most: int, min_frequency: int
) -> list[str]:
    """Returns the pieces of the most frequent characters.

    These are "x" and, if x also occurs inside a word, "##x".
    """
    counts: collections.Counter[str] = collections.Counter()
    continuing: set[str] = set()
    for word, count in words.items():
        for character in word:
            counts[character] += count
        continuing.update(word[1:])
    pieces: list[str] = []
    # Among equally frequent ones code order decides, never the order of occurrence.
    for character in sorted(counts, key=lambda c: (-counts[c], c)):
        new = [character]
        if character in continuing:
            new.append(CONTINUATION_PREFIX + character)
        if counts[character] < min_frequency or len(pieces) + len(new) > most:
            break
        pieces += new
    return sorted(pieces, key=lambda piece: (len(piece), piece))


def _repeat(words: collections.Counter[str], alphabet: set[str]) -> Iterator[str]:
    """Yields each word as often as it occurs, if all its characters have a token."""
    for word, count in words.items():
        if alphabet.issuperset(word):
            for start in range(0, count, _CHUNK):
                yield " ".join([word] * min(_CHUNK, count - start))
