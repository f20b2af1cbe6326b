"""Training in bfloat16: the losses of float32, nearly, and weights in float32."""

import pathlib
from collections.abc import Callable

import h5py
import numpy as np
import programs
import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact

Start = Callable[..., programs.Program]

_FILES = (str(pathlib.Path(__file__).with_name("tiny.gin")),)
# A line of losses per step; dropout would draw other numbers in another precision.
_BINDINGS = (
    "PRETRAIN_STEPS = 20",
    "PRETRAIN_LEARNING_RATE = 5e-3",
    "FINETUNE_EPOCHS = 1",
    "pd.Bert.dropout = 0.0",
    "pd.Runtime.steps_per_call = 1",
)
_STEPS = {"pretrain-student": 20, "finetune-pf": 30}


@pytest.fixture(scope="module")
def in_float32(start_small: Start, tmp_path_factory) -> pathlib.Path:
    """A working directory of the run in float32."""
    workdir = tmp_path_factory.mktemp("float32") / "run"
    return _run(start_small, workdir)


def _run(
    start: Start,
    workdir: pathlib.Path,
    *files: str,
    arguments: tuple[str, ...] = (),
) -> pathlib.Path:
    log = workdir.with_suffix(".log")
    process = start(
        workdir,
        files=(*_FILES, *files),
        bindings=_BINDINGS,
        arguments=arguments,
        log=log,
    )
    assert process.wait(300) == 0, log.read_text()[-3000:]
    return workdir


@pytest.mark.parametrize("runtime", ["gpu_bfloat16", "cpu_bfloat16"])
def test_bfloat16_trains_as_float32_does(
    runtime: str, in_float32: pathlib.Path, start_small: Start, tmp_path: pathlib.Path
) -> None:
    if runtime == "cpu_bfloat16" and not _multiplies_bfloat16():
        pytest.skip("needs a CPU with AVX512-BF16 or AMX")
    workdir = _run(
        start_small,
        tmp_path / "run",
        f"runtime/{runtime}.gin",
        arguments=(f"--reuse={in_float32}",),  # its data, which have no precision
    )
    for stage, steps in _STEPS.items():
        expected, found = _losses(in_float32, stage), _losses(workdir, stage)
        assert len(expected) == len(found) == steps
        assert np.isfinite(found).all()
        assert found != expected, "nothing was computed in bfloat16"
        np.testing.assert_allclose(found, expected, rtol=0, atol=0.02)
        if stage == "pretrain-student":
            assert expected[0] - expected[-1] > 0.1, "it learns"
        arrays = _weights(workdir / "latest" / stage)
        assert len(arrays) > 30
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
        # Not values of bfloat16 in another type: the low half of their bits is used.
        assert all(np.any(array.view(np.uint32) & 0xFFFF) for array in arrays)
    metrics = [
        Artifact(folder / "latest" / "evaluate-pf")["metrics"]["dev"]["accuracy"]
        for folder in (in_float32, workdir)
    ]
    assert metrics[1] == pytest.approx(metrics[0], abs=0.1)


def _multiplies_bfloat16() -> bool:
    flags = pathlib.Path("/proc/cpuinfo")
    found = flags.read_text().split() if flags.is_file() else []
    return "avx512_bf16" in found or "amx_bf16" in found


def _losses(workdir: pathlib.Path, stage: str) -> list[float]:
    """The losses by step, from the logs for TensorBoard."""
    (path,) = (workdir / "logs").glob(f"{stage}-*/**/events.*")
    return [
        float(tf.make_ndarray(value.tensor))
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
        if value.tag == "loss"
    ]


def _weights(folder: pathlib.Path) -> list[np.ndarray]:
    """All arrays of a stored model."""
    found: list[np.ndarray] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(item[()])

    with h5py.File(folder / "encoder" / "model.weights.h5") as file:
        file.visititems(visit)
    return [*found, *np.load(folder / "heads.npz").values()]
