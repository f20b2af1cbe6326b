"""SIGTERM and Ctrl-C as a request to save and stop."""

import signal
import threading
from types import FrameType

_requested = threading.Event()
_status = 128 + signal.SIGTERM


class Interrupted(SystemExit):
    """A stop that a signal requested; the work up to it is saved."""


def install() -> None:
    """Makes the first SIGTERM or SIGINT set a flag, and a second one kill."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _request)


def keep() -> None:
    """Takes the signals back from TensorFlow, whose clusters handle SIGTERM."""
    if signal.getsignal(signal.SIGTERM) is _request:
        signal.signal(signal.SIGTERM, _request)


def requested() -> bool:
    """Returns whether a stop was requested."""
    return _requested.is_set()


def stop() -> None:
    """Raises Interrupted, with the exit status that a shell reports for the signal."""
    raise Interrupted(_status)


def check() -> None:
    """Raises Interrupted if a stop was requested."""
    if requested():
        stop()


def _request(number: int, frame: FrameType | None) -> None:
    global _status
    _status = 128 + number
    _requested.set()
    signal.signal(number, signal.SIG_DFL)
