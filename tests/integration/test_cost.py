"""The cost of a run is printed before it, and the error of that figure after it."""

import json
import pathlib

import pytest

from pd_bert.costs.cost import Cost
from pd_bert.costs.probe import Probe
from pd_bert.errors import InputError
from pd_bert.runs.estimates import estimate
from pd_bert.runs.workdir import Workdir

_FIGURES = ("seconds", "memory_bytes", "disk_bytes", "scratch_bytes", "flops")
# Fewer shards and steps than the recipe's own.
_QUICK = (
    "pd.PrepareCorpus.shard_characters = 8000000",
    "pd.PrepareTransfer.shard_characters = 8000000",
    "PRETRAIN_STEPS = 10",
    "FINETUNE_EPOCHS = 1",
    "DISTILL_EPOCHS = 1",
    "pd.Runtime.checkpoint_seconds = 1000.0",
    "pd.Runtime.steps_per_call = 10",
)


@pytest.fixture(scope="module")
def planned(start_small, tmp_path_factory) -> tuple[pathlib.Path, str]:
    """A working directory after a dry run, and what that printed."""
    folder = tmp_path_factory.mktemp("cost")
    return folder / "run", _run(start_small, folder, "--dry_run")


def test_a_dry_run_tells_every_figure_and_makes_nothing(planned) -> None:
    workdir, output = planned
    assert [path.name for path in workdir.iterdir()] == ["estimate.json"]
    lines = _json_lines(output)
    assert len(lines) == 13
    for line in lines:
        assert not line["reused"]
        assert line["exact"]  # small sources are read to their ends, and cleaned
        assert all(line[name] is not None for name in _FIGURES)
        assert line["seconds"] > 0
        assert line["disk_bytes"] > 0
    by_kind = {line["stage"].split("-")[0]: line for line in lines}
    assert by_kind["pretrain"]["steps"] == 10
    assert by_kind["finetune"]["steps"] == 30  # 240 examples in batches of 8
    assert by_kind["distill"]["steps"] == 43  # of 400 texts 60 are taken out
    assert by_kind["distill"]["flops"] > by_kind["label"]["flops"] > 0
    table = output[output.index("\nstage ") :].strip().splitlines()
    assert len(table) == 1 + len(lines) + 1
    assert table[-1].startswith("in all")


def test_the_run_prints_the_error_of_its_estimate(planned, start_small) -> None:
    workdir, output = planned
    printed = {line["stage"]: line for line in _json_lines(output)}
    report = _run(start_small, workdir.parent)
    assert "memory estimated" in report
    assert "\nin all " in report
    rows = json.loads((workdir / "results.json").read_text())
    assert all(row["estimated_seconds"] > 0 for row in rows)
    for row in rows:
        line = printed[pathlib.Path(row["artifact"]).name]
        artifact = json.loads(
            (pathlib.Path(row["artifact"]) / "artifact.json").read_text()
        )
        assert artifact["peak_memory_bytes"] > 1 << 20
        assert "peak_memory_bytes" not in row
        for name in ("parameters", "steps"):
            if name in line and line["exact"]:
                assert artifact[name] == line[name], f"{row['stage']}: {name}"
            elif name in line:
                assert 0 < artifact[name] <= line[name], f"{row['stage']}: {name}"

    again = _json_lines(_run(start_small, workdir.parent, "--dry_run"))
    for line in again:
        assert line["reused"]
        assert line["seconds"] == line["disk_bytes"] == line["flops"] == 0
    kept = json.loads((workdir / "estimate.json").read_text())["stages"]
    assert len(kept) == len(rows)  # what was printed before


def test_estimates_agree_with_what_was_prepared(
    tiny_run, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("SMALL_DATA", str(tiny_run.data))
    done = Workdir(tiny_run.workdir, tiny_run.runtime)
    probe = _probe(tiny_run, tmp_path)
    before = estimate(
        tiny_run.stages, Workdir(tmp_path / "new", tiny_run.runtime), probe
    )
    after = estimate(tiny_run.stages, done, probe)
    for new, old in zip(before, after, strict=True):
        assert old.reused and old.cost == Cost()
        for split, records in (old.outline.splits or {}).items():
            expected = (new.outline.splits or {})[split]
            assert (expected.count, expected.exact) == (records.count, True)
            assert expected.bytes == records.bytes
            assert expected.spec == records.spec
            assert sorted(expected.lengths) == sorted(records.lengths)
        for name in ("network", "vocabulary_size", "labels", "inputs"):
            known = getattr(old.outline, name)
            if known and old.stage.kind != "evaluate":
                assert getattr(new.outline, name) == known, old.stage.title
        if old.parameters is not None:
            assert new.parameters == old.parameters, old.stage.title


def test_what_cannot_fit_on_the_disk_is_refused(
    tiny_run, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("SMALL_DATA", str(tiny_run.data))
    workdir = Workdir(tmp_path / "new", tiny_run.runtime)
    probe = _probe(tiny_run, tmp_path)
    with pytest.raises(InputError, match=r"about .* 1 kB are free .*pretrain-student"):
        estimate(tiny_run.stages, workdir, probe, free=1000)


def test_a_model_larger_than_any_disk_is_refused(start_small, tmp_path) -> None:
    huge = (
        "small/pd.Bert.num_layers = 1000000",
        "small/pd.Bert.hidden_dim = 65536",
        "small/pd.Bert.num_heads = 1024",
    )
    output = _run(start_small, tmp_path, "--dry_run", bindings=huge, status=1)
    (error,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "must hold what the run writes, about" in error
    assert not (tmp_path / "run").exists()


def test_a_source_that_cannot_be_read_is_refused(
    start_small, tmp_path, small_data
) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes((small_data / "transfer.txt").read_bytes() + b"\xff\n")
    files = (f"transfer/pd.TextLines.files = '{bad}'",)
    output = _run(
        start_small, tmp_path, "--dry_run", "--noprobe", bindings=files, status=1
    )
    assert "error: text must be UTF-8, received byte 0xff" in output
    assert f"{bad}:401" in output


def _probe(tiny_run, folder: pathlib.Path) -> Probe:
    return Probe(
        runtime=tiny_run.runtime,
        strategy=tiny_run.runtime.strategy(),
        measures=False,
        directory=folder,
    )


def _json_lines(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def _run(
    start_small,
    folder: pathlib.Path,
    *arguments: str,
    bindings: tuple[str, ...] = (),
    status: int = 0,
) -> str:
    log = folder / f"{len(list(folder.iterdir()))}.log"
    process = start_small(
        folder / "run", bindings=(*_QUICK, *bindings), arguments=arguments, log=log
    )
    assert process.wait(timeout=300) == status, log.read_text()
    return log.read_text()
