"""The peak memory of the process, and the memory that is available."""

import contextlib
import pathlib
import resource
import sys

import tensorflow as tf

_STATUS = pathlib.Path("/proc/self/status")
_CLEAR = pathlib.Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Resets the peak, where the system allows it (Linux)."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")
    for device in _gpus():
        tf.config.experimental.reset_memory_stats(device)


def peak_bytes() -> int:
    """Returns the peak resident memory since `reset_peak`, plus that of all GPUs."""
    gpu = sum(tf.config.experimental.get_memory_info(d)["peak"] for d in _gpus())
    return _resident() + gpu


def available_bytes() -> int | None:
    """Returns the memory that is still available; None where it is not known."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return None


def _resident() -> int:
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _gpus() -> list[str]:
    return [device.name.removeprefix("/device:") for device in _logical_gpus()]


def _logical_gpus() -> list[tf.config.LogicalDevice]:
    return tf.config.list_logical_devices("GPU")
