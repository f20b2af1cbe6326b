"""Starts the programs of pd_bert, without the seconds in which TensorFlow is imported.

A server, one for each process of pytest, imports TensorFlow and pd_bert once. A program
is a fork of it that goes on as `python -m pd_bert.bin.NAME` would: a process of its
own, with its arguments, environment, folder and output, which can be signaled and
killed.
"""

import atexit
import functools
import gc
import json
import os
import pathlib
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import IO, Any

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
_PRELOADED = (
    "tensorflow_text",
    "keras_nlp",
    "optuna",
    "seqeval.metrics",
    "pd_bert.api",
    "pd_bert.config",
)
_MOST_BYTES = 1 << 20  # of a request: the environment and the arguments


class Program:
    """A started program, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, reports: IO[str]) -> None:
        self._reports = reports
        self.pid = int(reports.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while the program runs."""
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end; raises subprocess.TimeoutExpired."""
        if (status := self._ended(timeout)) is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(f"program {self.pid}", timeout)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if (
            self.returncode is None
            and select.select([self._reports], [], [], timeout)[0]
        ):
            self.returncode = int(self._reports.readline())
        return self.returncode


def start(
    program: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: pathlib.Path = REPOSITORY,
    stdout: IO[Any],
    stderr: IO[Any],
) -> Program:
    """Starts a program in a session of its own; `environment` adds to this one's."""
    request = {
        "folder": str(folder),
        "module": f"pd_bert.bin.{program}",
        "arguments": arguments,
        "environment": {**os.environ, **(environment or {})},
    }
    reports, mine = os.pipe()
    try:
        files = [stdout.fileno(), stderr.fileno(), mine]
        with _lock:
            socket.send_fds(_server(), [json.dumps(request).encode()], files)
    finally:
        os.close(mine)
    return Program(os.fdopen(reports, buffering=1))


def start_apart(
    program: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stdout: IO[Any],
    stderr: IO[Any],
) -> subprocess.Popen[str]:
    """Starts a program in a Python of its own.

    Sets of strings have another order there than in programs of the server, as when a
    user runs a command again: what must not depend on it is compared with such a run.
    """
    return subprocess.Popen(
        [sys.executable, "-m", f"pd_bert.bin.{program}", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def run(
    program: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: pathlib.Path = REPOSITORY,
    timeout: float = 300.0,
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end and returns its output, as `subprocess.run` does."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = start(
            program,
            *arguments,
            environment=environment,
            folder=folder,
            stdout=out,
            stderr=err,
        )
        try:
            status = started.wait(timeout)
        finally:
            started.kill()
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(
            (program, *arguments), status, out.read(), err.read()
        )


_lock = threading.Lock()


@functools.cache
def _server() -> socket.socket:
    """The server's socket; the server ends when this process does."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (mine, its):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_BYTES)
    process = subprocess.Popen(
        [sys.executable, __file__, str(its.fileno())],
        cwd=REPOSITORY,
        # Read when TensorFlow is imported; programs set it before.
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        pass_fds=[its.fileno()],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    its.close()
    atexit.register(process.wait)
    atexit.register(mine.close)
    return mine


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """Forks for each request; returns it in the program, and None at the end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, files, _, _ = socket.recv_fds(requests, _MOST_BYTES, 3)
        if not data:
            return None
        if os.fork() == 0:
            requests.close()
            return _kept(json.loads(data), files)
        for file in files:
            os.close(file)


def _kept(request: dict[str, Any], files: list[int]) -> dict[str, Any]:
    """Forks the program, in which it returns; reports its identity and exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    stdout, stderr, reports = files
    if (program := os.fork()) == 0:
        os.setsid()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for file in files:
            os.close(file)
        return request
    os.write(reports, f"{program}\n".encode())
    _, status = os.waitpid(program, 0)
    os.write(reports, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _main() -> None:
    sys.path[0] = str(REPOSITORY)
    for module in _PRELOADED:
        __import__(module)
    gc.collect()
    gc.freeze()  # no program looks through what is the server's, also not at its end
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    if request is not None:
        os.chdir(request["folder"])
        sys.path[0] = request["folder"]  # as `python -m` has it
        os.environ.clear()
        os.environ.update(request["environment"])
        places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[1:1] = [place for place in places if place and place not in sys.path]
        sys.argv[1:] = request["arguments"]
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
