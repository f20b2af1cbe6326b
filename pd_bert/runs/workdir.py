"""The directory of a run.

stages/KIND-NAME-FINGERPRINT/   finished artifacts
working/KIND-NAME-FINGERPRINT/  unfinished ones, with their checkpoints in scratch/
logs/KIND-NAME-FINGERPRINT/     TensorBoard summaries
latest/KIND-NAME                links to the last run's artifact of that name
recipe.json, figures.json       its name, and the figures that a report draws
plan.json                       all stages that are wanted, finished or not
operative.gin, results.json
journal.jsonl                   who ran which stage when: a line a start and end
"""

import datetime
import fcntl
import json
import os
import pathlib
import platform
import secrets
import shutil
from collections.abc import Sequence

from pd_bert.artifact import Artifact
from pd_bert.errors import InputError
from pd_bert.stages.base import Stage
from pd_bert.system.atomic import read_json, write_json, written_aside
from pd_bert.system.lock import try_lock
from pd_bert.training.runtime import Runtime


class Workdir:
    """Where a recipe's artifacts lie; it belongs to one recipe.

    What is finished in the working directories `reuse`, of any recipe, counts as
    finished here. Nothing is ever written or deleted there.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        runtime: Runtime,
        *,
        reuse: Sequence[pathlib.Path] = (),
    ) -> None:
        """InputError if one of `reuse` is no working directory."""
        self.directory = directory
        self._runtime = runtime
        self._claimed = False
        self._others: dict[tuple[str, str], pathlib.Path] = {}
        for other in reversed(reuse):  # the first one wins
            if not (other / "recipe.json").is_file():
                raise InputError(
                    "what is reused is a working directory, which has a recipe.json; "
                    f"{other} has none"
                )
            for path in (other / "stages").glob("*-*-*/artifact.json"):
                kind, *_, fingerprint = path.parent.name.split("-")
                self._others[kind, fingerprint] = path.parent.resolve()

    def claim(self, recipe: str) -> None:
        """Marks the directory as the recipe's; InputError if it is another's."""
        path = self.directory / "recipe.json"
        self.belongs_to(recipe)
        self._claimed = True
        for folder in ("stages", "working", "logs", "latest"):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_json(path, {"recipe": recipe})

    def belongs_to(self, recipe: str) -> None:
        """Raises InputError if the directory is another recipe's."""
        path = self.directory / "recipe.json"
        if not path.exists():
            return
        held = json.loads(path.read_text())["recipe"]
        if held != recipe:
            raise InputError(
                f"a working directory holds one recipe; {self.directory} holds "
                f"{held!r}, received {recipe!r}: give another --workdir"
            )

    def label(self, stage: Stage) -> str:
        """The name of the stage's folders."""
        fingerprint = stage.fingerprint(self._runtime)[:12]
        return f"{stage.kind}-{stage.name}-{fingerprint}"

    def finished(self, stage: Stage) -> pathlib.Path:
        return self.directory / "stages" / self.label(stage)

    def working(self, stage: Stage) -> pathlib.Path:
        return self.directory / "working" / self.label(stage)

    def logs(self, stage: Stage) -> pathlib.Path:
        return self.directory / "logs" / self.label(stage)

    def lock(self, stage: Stage) -> pathlib.Path:
        return self.directory / "working" / f"{self.label(stage)}.lock"

    def artifact(self, stage: Stage) -> Artifact | None:
        """The stage's artifact, if it is finished; for a plan also one elsewhere.

        InputError if it is a link to a directory that is gone.
        """
        directory = self.finished(stage)
        if directory.exists():
            return Artifact(directory)
        if directory.is_symlink():
            raise InputError(
                f"a stage that is reused must stay where it is; {directory} links to "
                f"{directory.readlink()}, which is gone: bring it back, or delete the "
                "link, and the stage is made anew"
            )
        # A run links what it reuses, so that all its stages read the same copy.
        other = None if self._claimed else self._elsewhere(stage)
        return None if other is None else Artifact(other)

    def reused_from(self, stage: Stage) -> pathlib.Path | None:
        """The working directory that the stage's artifact is linked from, if it is."""
        link = self.finished(stage)
        return link.resolve().parents[1] if link.is_symlink() else None

    def reuse(self, stage: Stage) -> None:
        """Links what is finished elsewhere, unless a process here is at it."""
        other = self._elsewhere(stage)
        if other is None:
            return
        with try_lock(self.lock(stage)) as mine:
            if mine and not self.listed(stage):
                _link(self.finished(stage), other)

    def _elsewhere(self, stage: Stage) -> pathlib.Path | None:
        """The folder of the stage's artifact in another working directory."""
        if not self._others:
            return None
        fingerprint = stage.fingerprint(self._runtime)
        found = self._others.get((stage.kind, fingerprint[:12]))
        if found is None or not (found / "artifact.json").is_file():
            return None
        info = read_json(found / "artifact.json")
        return found if info["fingerprint"] == fingerprint else None

    def listed(self, stage: Stage) -> bool:
        """Returns True if the stage is finished, from a new listing of the directory.

        An NFS client remembers for a while that a name did not exist; reading the
        directory makes it ask again.
        """
        return self.finished(stage) in (self.directory / "stages").iterdir()

    def described(self, stage: Stage) -> bool:
        """Returns True if the stage ran to its end, even if killed before `finish`."""
        return (self.working(stage) / "artifact.json").exists() or (
            self.finished(stage).exists()
        )

    def finish(self, stage: Stage) -> None:
        """Makes the stage's working directory its artifact, in one rename."""
        working = self.working(stage)
        shutil.rmtree(working / "scratch", ignore_errors=True)
        working.rename(self.finished(stage))

    def link(self, stage: Stage) -> None:
        """Points `latest` to the stage's artifact."""
        link = self.directory / "latest" / f"{stage.kind}-{stage.name}"
        _link(link, pathlib.Path("..") / "stages" / self.label(stage))

    def note(self, event: str, stage: Stage, *, error: str | None = None) -> None:
        """Adds a line to the journal; other processes may be adding theirs."""
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
            "host": platform.node(),
            "process": os.getpid(),
            "event": event,
            "stage": self.label(stage),
            **({} if error is None else {"error": error}),
        }
        with (self.directory / "journal.jsonl").open("ab", buffering=0) as file:
            fcntl.lockf(file, fcntl.LOCK_EX)  # appending is not atomic over NFS
            file.write(f"{json.dumps(line)}\n".encode())

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file of the run, whole or not at all."""
        with written_aside(self.directory / name) as aside:
            aside.write_text(text)


def _link(link: pathlib.Path, target: pathlib.Path) -> None:
    """Makes or changes a symbolic link, in one rename."""
    aside = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    aside.symlink_to(target)
    aside.replace(link)
