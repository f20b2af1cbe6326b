"""Accounting while stages run: their time, and errors of a full disk."""

import contextlib
import errno
import re
import time
from collections.abc import Iterator, Sequence

import tensorflow as tf

from pd_bert.stages.base import Context
from pd_bert.system.atomic import written_aside

# Errors of TensorFlow's file operations name a full disk or quota only in their text.
_FULL = re.compile("No space left on device|Disk quota exceeded|File too large")
_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def timed(contexts: Sequence[Context]) -> Iterator[None]:
    """Adds the time inside, in equal shares, to each stage's `scratch/seconds`.

    A stage that goes on where another process left it counts all its time.
    """
    begin = time.monotonic()
    try:
        yield
    finally:
        share = (time.monotonic() - begin) / len(contexts)
        for context in contexts:
            timer = context.scratch / "seconds"
            before = float(timer.read_text()) if timer.exists() else 0.0
            # Where the disk is full, that is what the user must hear of.
            with contextlib.suppress(OSError), written_aside(timer) as aside:
                aside.write_text(str(before + share))


@contextlib.contextmanager
def full_disk(context: Context) -> Iterator[None]:
    """Makes every way to say that the disk is full the same OSError."""
    try:
        yield
    except tf.errors.OpError as error:
        if not (full := _FULL.search(str(error))):
            raise
        raise OSError(errno.ENOSPC, full[0], str(context.directory)) from error
    except OSError as error:
        if error.errno not in _FULL_NUMBERS or error.filename:
            raise
        message = error.strerror or str(error)
        raise OSError(error.errno, message, str(context.directory)) from error
