"""A source that is there if its files are."""

from collections.abc import Callable

from pd_bert.data.source import Source


def from_files(
    *, files: str | tuple[str, ...] | None, source: Callable[..., Source]
) -> Source | None:
    """Returns the source that a factory makes of files, or None without files.

    >>> from_files(files=None, source=Source) is None
    True
    """
    return None if files is None else source(files=files)
