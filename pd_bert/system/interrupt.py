"""SIGTERM and Ctrl-C as a request to save and stop."""

import signal
import threading
from types import FrameType

_requested = threading.Event()
_status = 128 + signal.SIGTERM


class Interrupted(SystemExit):
    """The run was asked to stop, and stopped with its work saved."""


def install() -> None:
    """From now on the first SIGTERM or SIGINT sets a flag; a second one kills."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _request)


def keep() -> None:
    """Takes the signals back from TensorFlow, whose clusters handle SIGTERM."""
    if signal.getsignal(signal.SIGTERM) is _request:
        signal.signal(signal.SIGTERM, _request)


def requested() -> bool:
    """Whether a stop was asked for."""
    return _requested.is_set()


def stop() -> None:
    """Raises Interrupted, whose exit status tells the signal as a shell does."""
    raise Interrupted(_status)


def check() -> None:
    """Stops if a stop was asked for."""
    if requested():
        stop()


def _request(number: int, frame: FrameType | None) -> None:
    global _status
    _status = 128 + number
    _requested.set()
    signal.signal(number, signal.SIG_DFL)
