"""Searches for the values of a recipe's macros that are best on dev.

  pd-bert-search --gin_file=pf --gin_file=searches/bert_grid.gin --workdir=runs/search
  pd-bert-run --gin_file=pf --gin_file=runs/search/best.gin --workdir=runs/search

Files and bindings are those of pd-bert-run, and one file that binds Search;
searches/*.gin ship with pd_bert. Stages that trials have in common run once, and those
that another run has finished (--reuse) not at all. Several processes, also on several
machines, may work on one --workdir. After a stop or a kill the same command continues.
It ends by writing WORKDIR/search.json and WORKDIR/best.gin; results.json is then that
of the best trial.
"""

import pathlib

from absl import flags

from pd_bert import config
from pd_bert.bin import program, recipe_flags
from pd_bert.bin.recipe_flags import GIN_BINDINGS, GIN_FILE, REUSE, WORKDIR
from pd_bert.errors import InputError
from pd_bert.runs.workdir import Workdir
from pd_bert.search.points import Point
from pd_bert.search.report import SearchReport
from pd_bert.search.search import Search
from pd_bert.search.searcher import Axes, Searcher
from pd_bert.search.study import Study
from pd_bert.stages.base import Stage
from pd_bert.training.runtime import is_cluster

flags.adopt_module_key_flags(recipe_flags)


def _main() -> None:
    recipe, _, runtime = config.load(GIN_FILE.value, GIN_BINDINGS.value)
    begun_with = config.text()

    def load(point: Point) -> tuple[list[Stage], Axes, str]:
        bindings = [*GIN_BINDINGS.value, *config.as_bindings(point)]
        at_point, stages, _ = config.load(GIN_FILE.value, bindings)
        if config.text() != begun_with:
            raise InputError(
                "the gin files of a search must not change while it runs; one did: "
                "start the search again, with another --workdir if it was meant"
            )
        return stages, at_point.axis_values, config.operative()

    search = config.value(Search)
    search.check(recipe, config.used_macros(), GIN_BINDINGS.value)
    reuse = [pathlib.Path(folder) for folder in REUSE.value]
    workdir = Workdir(pathlib.Path(WORKDIR.value), runtime, reuse=reuse)
    workdir.belongs_to(recipe.name)
    for point in search.probes():
        stages, *_ = load(point)
        for stage in stages:
            stage.check()
    identity = search.identity(recipe.name, stages, runtime)
    workdir.claim(recipe.name)
    study = Study(workdir.directory, search, identity)
    strategy = runtime.start()
    if is_cluster(strategy):
        raise InputError("a search needs no cluster: start it on each machine instead")
    searcher = Searcher(search, study, load, workdir, runtime=runtime)
    searcher.run(strategy)
    report = SearchReport(
        identity=identity, points=search.points, trials=study.finished()
    )
    with study.lock():
        best = searcher.show(report, config.as_bindings, strategy)
    print(f"\n{report.table()}\n\nBest: {best}")


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
