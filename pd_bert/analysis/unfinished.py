"""Stages that a run wanted and did not finish."""

import dataclasses
import json
import pathlib
from typing import Any

from pd_bert.data.atomic import read_json

_FAILED, _BEGUN, _NOT_BEGUN = "failed", "begun, not finished", "not begun"
_STATES = {"failed": _FAILED, "run": _BEGUN}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A stage without an artifact: `state` is failed, begun or not begun.

    `stage` is the folder that the artifact would have: KIND-NAME-FINGERPRINT. `error`
    is the line that the journal holds of a failure, `time` that of its last event
    (ISO 8601), "" where there is none.
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


def unfinished(directory: pathlib.Path) -> list[Unfinished]:
    """The stages of plan.json that have no artifact, in its order.

    Where there is no plan.json, as in directories of earlier versions, those of the
    journal and those with a folder in working/.
    """
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
        if (directory / "stages" / name).exists():
            continue
        event = events.get(name, {})
        found.append(
            Unfinished(
                workdir=directory.name,
                stage=name,
                state=_STATES.get(
                    event.get("event", ""), _BEGUN if name in begun else _NOT_BEGUN
                ),
                error=str(event.get("error", "")),
                time=str(event.get("time", "")),
            )
        )
    return found


def _last_events(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """The journal's last line of each stage; a line that a kill cut is left out."""
    events: dict[str, dict[str, Any]] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                event = json.loads(line)
                events[event["stage"]] = event
            except (ValueError, KeyError, TypeError):
                continue
    return events
