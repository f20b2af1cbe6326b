"""Schemes of tags that mark phrases, and their conversion to IOB2."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

OUTSIDE = "O"


@dataclass(frozen=True, kw_only=True)
class TagScheme:
    """The meaning of the prefixes of tags such as B-PER; O is outside of phrases.

    `prefixes` gives the IOB2 prefix for each prefix. Those in `inner` only continue a
    phrase of their own type, those in `open` must be followed by an inner one, and
    those in `last` end a phrase.
    """

    name: str
    prefixes: Mapping[str, str]
    inner: str = ""
    open: str = ""
    last: str = ""

    def __hash__(self) -> int:
        return hash(self.name)


SCHEMES: Mapping[str, TagScheme] = MappingProxyType(
    {
        scheme.name: scheme
        for scheme in (
            TagScheme(name="iob2", prefixes={"B": "B", "I": "I"}, inner="I"),
            # B-x is only needed between two phrases of one type, I-x may begin one.
            TagScheme(name="iob1", prefixes={"B": "B", "I": "I"}),
            TagScheme(
                name="bioes",
                prefixes={"B": "B", "I": "I", "E": "I", "S": "B"},
                inner="IE",
                open="BI",
                last="ES",
            ),
        )
    }
)


class BrokenTagsError(ValueError):
    """A tag that breaks its scheme: its index in the sentence and the reason."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


def to_iob2(
    tags: Sequence[str], scheme: TagScheme, *, repair: bool = False
) -> tuple[str, ...]:
    """Returns a sentence's tags in IOB2.

    In IOB2 the first word of each phrase has B-TYPE, further ones I-TYPE. With `repair`
    an inner tag that continues nothing begins a phrase, as scorers of the CoNLL shared
    tasks take it: I-PER after O becomes B-PER.

    Example: S-LOC O B-PER E-PER in the scheme bioes -> B-LOC O B-PER I-PER

    Raises:
        BrokenTagsError: a tag that breaks the scheme, or that is none.
    """
    found = []
    previous = OUTSIDE
    for index, tag in enumerate(tags):
        converted, reason, mendable = _step(scheme, previous, tag)
        if reason and not (repair and mendable):
            raise BrokenTagsError(index, reason)
        found.append(converted)
        previous = tag
    reason = _step(scheme, previous, OUTSIDE)[1]
    if reason and not repair:
        raise BrokenTagsError(len(tags) - 1, reason)
    return tuple(found)


# Files have few different pairs of tags, and millions of words.
@functools.lru_cache(maxsize=1 << 16)
def _step(scheme: TagScheme, previous: str, tag: str) -> tuple[str, str, bool]:
    """Returns the IOB2 tag after `previous`, what is wrong or "", and if it mends."""
    before, _, type_before = previous.partition("-")
    prefix, _, type_ = tag.partition("-")
    unfinished = before in scheme.open
    if tag == OUTSIDE:
        reason = f"the phrase of {previous} has no end" if unfinished else ""
        return tag, reason, True
    if prefix not in scheme.prefixes or not type_:
        return tag, f"no tag is written {tag!r}", False
    continues = type_ == type_before and before not in scheme.last
    converted = scheme.prefixes[prefix]
    if converted == "I" and not continues:
        converted = "B"
    reason = ""
    if prefix in scheme.inner and not continues:
        reason = f"{tag} comes after {previous}"
    elif unfinished and not (prefix in scheme.inner and continues):
        reason = f"{tag} comes after {previous}, whose phrase has no end"
    return f"{converted}-{type_}", reason, True
