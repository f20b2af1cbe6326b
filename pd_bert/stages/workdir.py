"""The directory of a run.

stages/KIND-NAME-FINGERPRINT/   finished artifacts
working/KIND-NAME-FINGERPRINT/  unfinished ones, with their checkpoints in scratch/
logs/KIND-NAME-FINGERPRINT/     TensorBoard summaries
latest/KIND-NAME                links to the last run's artifact of that name
recipe.json, figures.json       its name, and the figures that a report draws
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

from pd_bert.data.atomic import write_json, written_aside
from pd_bert.errors import InputError
from pd_bert.stages.artifact import Artifact
from pd_bert.stages.base import Stage
from pd_bert.training.runtime import Runtime


class Workdir:
    """Where a recipe's artifacts lie; it belongs to one recipe."""

    def __init__(self, directory: pathlib.Path, runtime: Runtime) -> None:
        self.directory = directory
        self._runtime = runtime

    def claim(self, recipe: str) -> None:
        """Marks the directory as the recipe's; InputError if it is another's."""
        path = self.directory / "recipe.json"
        self.belongs_to(recipe)
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
        """The stage's artifact, if it is finished."""
        directory = self.finished(stage)
        return Artifact(directory) if directory.exists() else None

    def listed(self, stage: Stage) -> bool:
        """Whether it is finished, asked of the file system anew.

        An NFS client remembers for a while that a name did not exist; reading the
        directory makes it ask again.
        """
        return self.finished(stage) in (self.directory / "stages").iterdir()

    def described(self, stage: Stage) -> bool:
        """Whether the stage ran to its end, even if it was killed before `finish`."""
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
        aside = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
        aside.symlink_to(pathlib.Path("..") / "stages" / self.label(stage))
        aside.replace(link)

    def note(self, event: str, stage: Stage) -> None:
        """Adds a line to the journal; other processes may be adding theirs."""
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
            "host": platform.node(),
            "process": os.getpid(),
            "event": event,
            "stage": self.label(stage),
        }
        with (self.directory / "journal.jsonl").open("ab", buffering=0) as file:
            fcntl.lockf(file, fcntl.LOCK_EX)  # appending is not atomic over NFS
            file.write(f"{json.dumps(line)}\n".encode())

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file of the run, whole or not at all."""
        with written_aside(self.directory / name) as aside:
            aside.write_text(text)
