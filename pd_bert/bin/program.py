"""The start and end that all programs share."""

import errno
import os
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from pd_bert.errors import InputError
from pd_bert.system import interrupt
from pd_bert.values import trust

_TRUST = flags.DEFINE_multi_string(
    "trust",
    [],
    "A Python package of yours. Folders may name its classes, which are then run; "
    "classes outside pd_bert are refused otherwise",
)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)


def start(main: Callable[[], None]) -> None:
    """Runs a program: parses flags, handles signals, prints user errors as one line."""

    def guarded(arguments: Sequence[str]) -> None:
        if len(arguments) > 1:
            raise app.UsageError(f"flags only; received {' '.join(arguments[1:])}")
        logging.set_verbosity(logging.WARNING)
        interrupt.install()
        try:
            for package in _TRUST.value:
                trust(package)
            main()
        except InputError as error:
            _fail(str(error))
        except BrokenPipeError:
            # The reader has closed the pipe, as `head` does. Python would raise again
            # when it closes the file.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                _fail(f"the disk is full: {error}; finished stages are kept")
            if error.errno in _REFUSED:
                _fail(f"no access to a file or folder: {error}")
            raise

    _introduce(main.__module__)
    app.run(guarded)


def _introduce(module: str) -> None:
    """Makes --help show the program's docstring and flags.

    absl takes them from the module `__main__`, which in a console script is a wrapper
    of two lines.
    """
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS["trust"])
    if module != "__main__":
        sys.modules["__main__"].__doc__ = sys.modules[module].__doc__
        for flag in flags.FLAGS.get_key_flags_for_module(module):
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def _fail(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)
