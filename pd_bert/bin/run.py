"""Runs a recipe: from raw text to a distilled model, stage by stage.

  pd-bert-run --gin_file=quickstart --workdir=runs/quickstart
  pd-bert-run --gin_file=pd --gin_bindings="TEACHER_FOLDER = 'bert'" --workdir=runs/pd

A recipe is a gin file: a path, or the name of one that ships with pd_bert. Later files
and bindings override earlier ones; runtime/*.gin choose devices and precision. Stages
that are finished in the working directory, with the same inputs and settings, are
reused. After a stop or a kill the same command continues. The run ends by writing
WORKDIR/results.json.

With --dry_run it prints the stages that it would run, and their time, memory and disk.
"""

import json
import pathlib
import tempfile
from collections.abc import Sequence

import tensorflow as tf
from absl import flags

from pd_bert import config
from pd_bert.bin import program, recipe_flags
from pd_bert.bin.recipe_flags import GIN_BINDINGS, GIN_FILE, REUSE, WORKDIR
from pd_bert.costs.probe import Probe
from pd_bert.runs.cost_table import accuracy_table, cost_table
from pd_bert.runs.estimates import Estimates, estimate
from pd_bert.runs.results_table import results_table
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Stage
from pd_bert.training.runtime import Runtime, is_chief
from pd_bert.values import to_json

flags.adopt_module_key_flags(recipe_flags)
_DRY_RUN = flags.DEFINE_bool(
    "dry_run",
    False,
    "Only print the plan (stages, reused or not, parameters, steps) and its cost.",
)
_PROBE = flags.DEFINE_bool(
    "probe", True, "With --dry_run: run a few steps of each stage to measure its time."
)


def _main() -> None:
    recipe, stages, runtime = config.load(GIN_FILE.value, GIN_BINDINGS.value)
    reuse = [pathlib.Path(folder) for folder in REUSE.value]
    workdir = Workdir(pathlib.Path(WORKDIR.value), runtime, reuse=reuse)
    workdir.belongs_to(recipe.name)
    for stage in stages:
        stage.check()
    for figure in recipe.figures:
        figure.check()
    if _DRY_RUN.value:
        _plan(stages, workdir, runtime)
        return
    runner = Runner(
        stages,
        workdir,
        runtime=runtime,
        operative=config.operative(),
        axis_values=recipe.axis_values,
    )
    strategy = runtime.start()
    workdir.claim(recipe.name)
    workdir.write_text("operative.gin", config.operative())
    workdir.write_text("figures.json", json.dumps(to_json(recipe.figures), indent=1))
    rows = runner.run(strategy)
    if shown := results_table(rows):
        print(f"\n{shown}\n")
    for row in rows:
        if row["kind"] == "export":
            print(f"SavedModel: {row['artifact']}/saved_model")
        if row["kind"] == "submission":
            print(f"GLUE submission: {row['artifact']}/submission.zip")
    if report := accuracy_table(stages, workdir, runtime):
        print(f"{report}\n")
    print(f"Results: {workdir.directory / 'results.json'}")


def _plan(stages: Sequence[Stage], workdir: Workdir, runtime: Runtime) -> None:
    strategy = runtime.start() if _PROBE.value else tf.distribute.get_strategy()
    with tempfile.TemporaryDirectory() as folder:
        probe = Probe(
            runtime=runtime,
            strategy=strategy,
            measures=_PROBE.value,
            directory=pathlib.Path(folder),
        )
        estimated = estimate(stages, workdir, probe)
    if is_chief(strategy):
        Estimates.write(workdir, estimated)
    for each in estimated:
        print(json.dumps(each.line))
    print(f"\n{cost_table(estimated)}")


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
