"""Optuna's journal, as several processes and machines write it."""

import fcntl
import io
import pathlib

from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.storages.journal._file import BaseJournalFileLock


def open_journal(path: pathlib.Path) -> JournalStorage:
    """Opens the storage in the file `path`; makes the file if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _RecordLock(path)
    return JournalStorage(JournalFileBackend(str(path), lock))


class _RecordLock(BaseJournalFileLock):
    """A POSIX record lock, which the kernel or the NFS server drops at a kill.

    Optuna's own lock files outlive their process: others then wait for half a minute,
    or forever if the lock is a symbolic link with a relative path.
    """

    def __init__(self, journal: pathlib.Path) -> None:
        self._journal = journal
        self._path = journal.with_name(f"{journal.name}.lock")
        self._file: io.TextIOWrapper | None = None

    def acquire(self) -> bool:
        self._file = self._path.open("a")
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        self._mend()
        return True

    def release(self) -> None:
        assert self._file is not None
        self._file.close()

    def _mend(self) -> None:
        """Removes an incomplete last line, which a full disk may leave.

        Optuna reads complete lines only, so no process has read it.
        """
        with self._journal.open("rb+") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.truncate(whole)
