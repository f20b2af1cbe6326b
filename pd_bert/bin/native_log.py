"""Filters the messages of TensorFlow's native code out of the terminal."""

import os
import subprocess
import sys

_NOTES = r"^[IWE][0-9]{4} |^WARNING: All log messages before absl::Init"


def quieten() -> None:
    """Filters what native code writes to stderr, and leaves Python's output as it is.

    TensorFlow 2.21 logs at import and at the first op, at any log level. The filter is
    a process of its own, so that the last lines of a crash (they begin with F) survive
    this one. PD_BERT_NATIVE_LOG=1 shows all messages.
    """
    if os.environ.get("PD_BERT_NATIVE_LOG"):
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    terminal = os.dup(2)
    command = ["grep", "--line-buffered", "-vE", _NOTES]
    grep = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=terminal, start_new_session=True
    )
    assert grep.stdin is not None
    os.dup2(grep.stdin.fileno(), 2)
    grep.stdin.close()
    sys.stderr = os.fdopen(terminal, "w", buffering=1)
    os.environ["PD_BERT_NATIVE_LOG"] = "filtered"  # workers inherit the filter
