"""What every program does at its start and end."""

import errno
import sys
from collections.abc import Callable, Sequence

from absl import app, logging

from pd_bert.errors import InputError
from pd_bert.training import interrupt


def start(main: Callable[[], None]) -> None:
    """Runs a program: flags, signals, one line for what the user gave wrongly."""

    def guarded(arguments: Sequence[str]) -> None:
        if len(arguments) > 1:
            raise app.UsageError(f"flags only; received {' '.join(arguments[1:])}")
        logging.set_verbosity(logging.WARNING)
        interrupt.install()
        try:
            main()
        except InputError as error:
            _fail(str(error))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            _fail(f"the disk is full: {error}; what was finished is kept")

    app.run(guarded)


def _fail(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)
