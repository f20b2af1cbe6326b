"""Tagged sentences of TensorFlow Datasets."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from pd_bert.data.source import digest
from pd_bert.errors import InputError
from pd_bert.sources.tag_schemes import SCHEMES, BrokenTagsError, to_iob2
from pd_bert.sources.tagged_words import TaggedWords, split_words
from pd_bert.sources.tfds_source import Tfds, value_at


@dataclass(frozen=True, kw_only=True)
class TfdsTagged(Tfds):
    """Sentences of one split of a data set with words and tags; see Tfds.

    Args:
        text: feature of the words, a sequence of texts.
        label: feature of the tags, a sequence of class labels or texts; None gives rows
            without tags.
        language: the language of all rows.
        scheme: "iob2", "iob1" or "bioes"; rows have IOB2 in any case.
        repair: a tag that breaks the scheme is mended in place of an error.
    """

    text: str = "tokens"
    label: str | None = "tags"
    language: str | None = None
    scheme: str = "iob2"
    repair: bool = False

    def rows(self) -> Iterator[TaggedWords]:
        """Gives one row for every sentence that has words.

        Raises:
            InputError: what Tfds raises, a word that is empty or holds white space, or
                a tag that breaks the scheme.
        """
        builder = self._prepared()
        names = None
        if self.label is not None:
            feature = value_at(builder.info.features, self.label).feature
            names = getattr(feature, "names", None)
        for where, example in self._examples(builder):
            found = value_at(example, self.text).tolist()
            words = tuple(word.decode(errors="replace") for word in found)
            if any(split_words(word) != [word] for word in words):
                raise InputError(
                    "a word must not be empty or hold white space; received "
                    f"{' | '.join(words)}: {where}"
                )
            tags = []
            if self.label is not None:
                given = value_at(example, self.label).tolist()
                tags = [names[tag] if names else tag.decode() for tag in given]
            try:
                converted = to_iob2(tags, SCHEMES[self.scheme], repair=self.repair)
            except BrokenTagsError as error:
                raise InputError(
                    f"tags must be of the scheme {self.scheme} (or repaired, by repair "
                    f"= True): word {error.index}, {error}: {where}"
                ) from error
            if words:
                yield TaggedWords(
                    words=words, tags=converted, language=self.language, where=where
                )

    def documents(self) -> Iterator[list[str]]:
        """Gives the text of each sentence."""
        for row in dataclasses.replace(self, label=None).rows():
            if (text := " ".join(row.words)).strip():
                yield [text]

    def fingerprint(self) -> str:
        """Returns the hash of what Tfds hashes, and the settings."""
        return digest(
            "TfdsTagged", super().fingerprint(), self.language, self.scheme, self.repair
        )

    def check(self) -> None:
        """Raises InputError for an unknown scheme, and for what Tfds refuses."""
        if self.scheme not in SCHEMES:
            raise InputError(
                f"scheme must be one of {', '.join(SCHEMES)}; received {self.scheme!r}"
            )
        super().check()
