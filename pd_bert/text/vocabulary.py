"""The list of word pieces, in the form of BERT's `vocab.txt`."""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pd_bert.errors import InputError

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_TOKENS = (PAD, UNK, CLS, SEP, MASK)
CONTINUATION_PREFIX = "##"


def is_cased(tokens: Iterable[str]) -> bool:
    """Returns whether a word piece has a capital letter: texts keep their case then.

    >>> is_cased(["[PAD]", "the"]), is_cased(["[PAD]", "The"])
    (False, True)
    """
    pieces = (t for t in tokens if not (t.startswith("[") and t.endswith("]")))
    return any(piece != piece.lower() for piece in pieces)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Word pieces by id (Devlin et al. 2019, Section 3; Wu et al. 2016, Section 4.1).

    `tokens[i]` is the piece with id `i`; a piece that continues a word begins with
    `##`. The five special tokens may have any ids. With `lowercase`, texts are
    lower-cased and stripped of accents before they are split.

    Raises InputError if a special token is missing, or if a token is empty, occurs
    twice or contains a line break.
    """

    tokens: tuple[str, ...]
    lowercase: bool = True

    def __post_init__(self) -> None:
        _check(self.tokens, source="vocabulary")

    @classmethod
    def read(cls, path: str | os.PathLike[str], lowercase: bool = True) -> "Vocabulary":
        """Reads a UTF-8 file of one token per line; the first line has id 0.

        Lines may end in CRLF; empty lines at the end are ignored. Raises InputError,
        with file and line, for a file that is not a vocabulary.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"a vocabulary must be a readable file ({error.strerror}): {path}"
            ) from error
        try:
            # Not splitlines(): U+2028 and U+0085 are tokens of some vocabularies.
            lines = content.decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise InputError(
                "a vocabulary must be UTF-8; received byte "
                f"0x{content[error.start]:02x} ({path}:{line})"
            ) from error
        tokens = [line.removesuffix("\r") for line in lines]
        while tokens and not tokens[-1]:
            tokens.pop()
        _check(tokens, source=str(path))
        return cls(tokens=tuple(tokens), lowercase=lowercase)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes `vocab.txt`, as a whole file or not at all."""
        path = Path(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes("".join(f"{t}\n" for t in self.tokens).encode())
        temporary.replace(path)

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hex, of the tokens and `lowercase`."""
        digest = hashlib.sha256(f"lowercase={self.lowercase}\n".encode())
        digest.update("\n".join(self.tokens).encode())
        return digest.hexdigest()

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return {token: index for index, token in enumerate(self.tokens)}

    @property
    def pad_id(self) -> int:
        return self.ids[PAD]

    @property
    def unk_id(self) -> int:
        return self.ids[UNK]

    @property
    def cls_id(self) -> int:
        return self.ids[CLS]

    @property
    def sep_id(self) -> int:
        return self.ids[SEP]

    @property
    def mask_id(self) -> int:
        return self.ids[MASK]

    @property
    def special_ids(self) -> tuple[int, ...]:
        """The ids of [PAD], [UNK], [CLS], [SEP] and [MASK], in this order."""
        return tuple(self.ids[token] for token in SPECIAL_TOKENS)

    @functools.cached_property
    def continuation(self) -> np.ndarray:
        """Bool [V], read-only: True for tokens that continue a word (`##…`)."""
        starts = [token.startswith(CONTINUATION_PREFIX) for token in self.tokens]
        array = np.array(starts, dtype=np.bool_)
        array.flags.writeable = False  # cached, so shared between all callers
        return array


def _check(tokens: Sequence[str], *, source: str) -> None:
    """Raises InputError unless `tokens`, the lines of `source`, are a vocabulary."""
    first_lines: dict[str, int] = {}
    for line, token in enumerate(tokens, start=1):
        if not token:
            raise InputError(
                "a vocabulary must have a token on every line; received an empty line "
                f"({source}:{line})"
            )
        if "\n" in token or "\r" in token:
            raise InputError(
                f"a token must not contain a line break; received {token!r} "
                f"({source}:{line})"
            )
        first = first_lines.setdefault(token, line)
        if first != line:
            raise InputError(
                f"the tokens of a vocabulary must differ; received {token!r} on line "
                f"{first} and again on line {line} ({source}:{line})"
            )
    missing = [token for token in SPECIAL_TOKENS if token not in first_lines]
    if missing:
        raise InputError(
            f"a vocabulary must contain {' '.join(SPECIAL_TOKENS)}; received "
            f"{len(tokens)} tokens without {' '.join(missing)} ({source})"
        )
