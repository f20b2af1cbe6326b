"""Stages that runs wanted and did not finish."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from pd_bert.system.atomic import read_json

_FAILED, _BEGUN, _NOT_BEGUN = "failed", "begun, not finished", "not begun"
_GONE = "finished, but gone"
_STATES = {"failed": _FAILED, "run": _BEGUN}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A stage without an artifact: `state` is failed, begun, not begun, or gone.

    `stage` is the folder that the artifact would have: KIND-NAME-FINGERPRINT. `error`
    is the journal's line of a failure, or the target of a broken link; `time` is that
    of the last event (ISO 8601), "" where there is none. `workdir` names all
    directories that want the stage.
    """

    workdir: str
    stage: str
    state: str
    error: str = ""
    time: str = ""

    @property
    def kind(self) -> str:
        return self.stage.partition("-")[0]

    @property
    def name(self) -> str:
        return self.stage.partition("-")[2].rpartition("-")[0]

    @property
    def fingerprint(self) -> str:
        return self.stage.rpartition("-")[2]


def unfinished(
    directories: Mapping[str, pathlib.Path], finished: Mapping[str, pathlib.Path]
) -> tuple[Unfinished, ...]:
    """Returns the stages of plan.json that no directory has, each once, in order.

    A directory of an earlier version has no plan.json: its stages are those of the
    journal and of the folders in working/. Stages of `finished`, the results' folders
    by name, that are gone come first. `directories` are by name.
    """
    found: dict[str, Unfinished] = {}
    for stage, folder in finished.items():
        if not any((d / "stages" / stage).exists() for d in directories.values()):
            link = f"reused from {folder.readlink()}" if folder.is_symlink() else ""
            at = next(
                n for n, d in directories.items() if d / "stages" in folder.parents
            )
            found[stage] = Unfinished(workdir=at, stage=stage, state=_GONE, error=link)
    for name, directory in directories.items():
        for each in _unfinished_in(name, directory):
            if any((d / "stages" / each.stage).exists() for d in directories.values()):
                continue
            held = found.setdefault(each.stage, each)
            if held is not each:
                found[each.stage] = dataclasses.replace(
                    min(held, each, key=lambda one: _ORDER.index(one.state)),
                    workdir=", ".join(dict.fromkeys([held.workdir, each.workdir])),
                )
    return tuple(found.values())


_ORDER = (_GONE, _FAILED, _BEGUN, _NOT_BEGUN)


def _unfinished_in(workdir: str, directory: pathlib.Path) -> list[Unfinished]:
    events = _last_events(directory / "journal.jsonl")
    plan = directory / "plan.json"
    begun = {
        path.name for path in (directory / "working").glob("*-*-*") if path.is_dir()
    }
    wanted = (
        [stage["artifact"] for stage in read_json(plan)]
        if plan.is_file()
        else sorted({*events, *begun})
    )
    found = []
    for name in wanted:
        link = directory / "stages" / name
        if link.exists():
            continue
        event = events.get(name, {})
        state = _STATES.get(
            event.get("event", ""), _BEGUN if name in begun else _NOT_BEGUN
        )
        error = str(event.get("error", ""))
        if link.is_symlink():
            state, error = _GONE, f"reused from {link.readlink()}"
        found.append(
            Unfinished(
                workdir=workdir,
                stage=name,
                state=state,
                error=error,
                time=str(event.get("time", "")),
            )
        )
    return found


def _last_events(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """The journal's last line of each stage, without a line that was cut off."""
    events: dict[str, dict[str, Any]] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                event = json.loads(line)
                events[event["stage"]] = event
            except (ValueError, KeyError, TypeError):
                continue
    return events
