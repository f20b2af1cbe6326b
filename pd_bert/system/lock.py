"""Locks between processes and machines that share a file system."""

import contextlib
import fcntl
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def try_lock(path: pathlib.Path) -> Iterator[bool]:
    """Yields True if this process holds the lock file `path` now, else False.

    It is a POSIX record lock: the kernel (or the NFS server) releases it when its owner
    dies, so nothing has to be cleaned up after a kill. It does not exclude threads of
    one process from each other.
    """
    with path.open("a") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if not isinstance(error, BlockingIOError | PermissionError):
                raise
            yield False
            return
        yield True
