"""Docstrings of installed packages: real text that needs no download."""

import bisect
import functools
import hashlib
import importlib.metadata
import itertools
import platform
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from pd_bert.contrib.docstring_text import (
    STDLIB,
    Docstring,
    hidden_names,
    package_files,
    package_folders,
    read_docstrings,
)
from pd_bert.contrib.near_duplicates import group_near_duplicates
from pd_bert.data.files import hash_files
from pd_bert.data.source import Source, TextRow, digest
from pd_bert.errors import InputError
from pd_bert.text.sentence_splitting import split_segments

# Requirements of TensorFlow, KerasHub and TensorFlow Datasets: the same labels on every
# machine.
DEFAULT_PACKAGES = (
    STDLIB,
    "tensorflow",
    "keras",
    "keras_hub",
    "numpy",
    "tensorflow_datasets",
    "huggingface_hub",
    "setuptools",
    "pygments",
    "rich",
    "h5py",
    "grpc",
    "google.protobuf",
    "absl",
)
# Other names of packages, besides the parts of their own.
_LONG_ALIASES = ("tensor_flow", "hugging_face", "keras_nlp", "scikit_learn", "abseil")
_SHORT_ALIASES = ("tf", "np", "tfds", "hf", "rich")

_MIN_CHARACTERS = 40
_ROW_CHARACTERS = 600
_SPLITS = ("train", "dev", "test", "transfer")
_MEMBERS = {
    **{name: (name,) for name in _SPLITS},
    "corpus": ("train", "transfer"),
    "all": _SPLITS,
}
# Changes with the rules that make the texts, so that caches are not reused.
_REVISION = 2


class _Entry(NamedTuple):
    docstring: Docstring
    group: str  # hash of the first text of the group of near-duplicates


@dataclass(frozen=True, kw_only=True)
class Docstrings(Source):
    """Docstrings with their package as label.

    Names of packages are hidden in the text ("it"), code examples are dropped, and so
    are texts under 40 characters and repeated ones. Near-duplicates stay on one side
    of the splits. The order is that of hashes, which mixes the packages.

    Args:
        packages: importable names of packages, or "stdlib"; they are the labels.
        split: "train", "dev" or "test", with labels; "transfer", without;
            "corpus" is train and transfer, without labels, for language models;
            "all" is everything, with labels.
        fractions: shares of train, dev, test and transfer; they add up to 1.
        balanced: train, dev and test hold of no package more than twice the median.
        limit: keeps that many at most.
    """

    packages: tuple[str, ...] = DEFAULT_PACKAGES
    split: str = "all"
    fractions: tuple[float, float, float, float] = (0.25, 0.07, 0.13, 0.55)
    balanced: bool = True
    limit: int | None = None

    def rows(self) -> Iterator[TextRow]:
        """Gives the first 600 characters of each docstring, on one line."""
        labeled = self.split not in ("transfer", "corpus")
        for entry in self._entries():
            text, package, where = entry.docstring
            text = _shorten(text.replace("\n", " "))
            label = package if labeled else None
            yield TextRow(text=text, label=label, where=where)

    def documents(self) -> Iterator[list[str]]:
        """Gives each docstring in full, as paragraphs or sentences."""
        for entry in self._entries():
            yield split_segments(entry.docstring.text)

    def _entries(self) -> list[_Entry]:
        self._check_settings()
        # The last bound is 1, whatever rounding makes of the sum.
        bounds = list(itertools.accumulate(self.fractions[:-1]))
        wanted = _MEMBERS[self.split]
        entries = []
        for entry in _read(tuple(self.packages)):
            share = int(entry.group[:8], 16) / 2**32
            if _SPLITS[bisect.bisect_right(bounds, share)] in wanted:
                entries.append(entry)
        if self.balanced and self.split in ("train", "dev", "test"):
            entries = _balance(entries)
        return entries[: self.limit]

    def fingerprint(self) -> str:
        """Returns the hash of the packages' versions and of the settings.

        A package without a distribution (on the path, not installed) is hashed file
        by file.
        """
        distributions = importlib.metadata.packages_distributions()
        versions: list[object] = []
        for package in self.packages:
            if package == STDLIB:
                versions.append([package, platform.python_version()])
            elif names := distributions.get(package.split(".")[0]):
                found = {name: importlib.metadata.version(name) for name in names}
                versions.append([package, sorted(found.items())])
            else:
                paths = [path for path, _ in package_files(package)]
                versions.append([package, hash_files(paths)])
        settings = [self.split, self.fractions, self.balanced, self.limit]
        # The standard library's modules and what Python can parse vary with it.
        return digest(
            "Docstrings", _REVISION, platform.python_version(), versions, settings
        )

    def check(self) -> None:
        """Raises InputError for bad settings or packages that are not installed."""
        self._check_settings()
        for package in self.packages:
            if package != STDLIB:
                package_folders(package)

    def _check_settings(self) -> None:
        if not self.packages or len(set(self.packages)) != len(self.packages):
            raise InputError(
                "Docstrings.packages must name packages once each, received "
                f"{', '.join(self.packages) or 'none'}"
            )
        if self.split not in _MEMBERS:
            raise InputError(
                f"Docstrings.split must be one of {', '.join(_MEMBERS)}; received "
                f"{self.split!r}"
            )
        if (
            len(self.fractions) != len(_SPLITS)
            or min(self.fractions) < 0
            or abs(sum(self.fractions) - 1) > 1e-6
        ):
            raise InputError(
                f"Docstrings.fractions must be shares of {', '.join(_SPLITS)} that add "
                f"up to 1, received {self.fractions}"
            )
        if self.limit is not None and self.limit < 1:
            raise InputError(
                f"Docstrings.limit must be at least 1, received {self.limit}"
            )


@functools.lru_cache(maxsize=4)
def _read(packages: tuple[str, ...]) -> tuple[_Entry, ...]:
    """Reads all docstrings once per process, without repeats, in hash order."""
    own = {part for name in packages if name != STDLIB for part in name.split(".")}
    # Before its parts a name as a whole: "keras_hub" before "keras".
    words = sorted((own | set(_LONG_ALIASES)) - set(_SHORT_ALIASES), reverse=True)
    names = hidden_names(tuple(words), _SHORT_ALIASES)
    unique: dict[str, Docstring] = {}
    for package in packages:
        for docstring in read_docstrings(package, names):
            if len(docstring.text) >= _MIN_CHARACTERS:
                unique.setdefault(docstring.text.lower(), docstring)
    docstrings = list(unique.values())
    # Judged by what a row shows.
    groups = group_near_duplicates(
        [_shorten(each.text.replace("\n", " ")) for each in docstrings]
    )
    hashes = [hashlib.sha256(each.text.encode()).hexdigest() for each in docstrings]
    order = sorted(range(len(docstrings)), key=hashes.__getitem__)
    return tuple(_Entry(docstrings[i], hashes[groups[i]]) for i in order)


def _balance(entries: list[_Entry]) -> list[_Entry]:
    """Keeps of each package its first ones, up to twice the median package's count."""
    if not entries:
        return entries
    counts = Counter(entry.docstring.package for entry in entries)
    cap = int(2 * median(counts.values()))
    seen: Counter[str] = Counter()
    kept = []
    for entry in entries:
        seen[entry.docstring.package] += 1
        if seen[entry.docstring.package] <= cap:
            kept.append(entry)
    return kept


def _shorten(text: str) -> str:
    """Cuts at the last space within the first 600 characters."""
    if len(text) <= _ROW_CHARACTERS:
        return text
    return text[:_ROW_CHARACTERS].rpartition(" ")[0] or text[:_ROW_CHARACTERS]
