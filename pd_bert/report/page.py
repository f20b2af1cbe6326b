"""The HTML page of a report."""

import datetime
import re
from collections.abc import Sequence
from typing import Any

import jinja2

import pd_bert
from pd_bert.analysis.evidence import Evidence
from pd_bert.report.content import Section

# HTML cannot hold these.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def page(
    evidence: Evidence,
    sections: Sequence[Section],
    *,
    title: str,
    command: str,
    created: datetime.datetime,
) -> str:
    """Returns a page without scripts that needs no other file.

    Text is escaped; control characters become U+FFFD.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pd_bert.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    facts = [
        ("recipe", ", ".join(evidence.runs.recipes)),
        ("working directory", ", ".join(map(str, evidence.runs.directories))),
        ("runs finished", _dates(evidence)),
        ("report made", f"{created:%Y-%m-%d %H:%M} UTC"),
        ("split", evidence.split),
        *([("baseline", evidence.baseline)] if evidence.baseline else []),
        ("made with", _versions(evidence)),
        ("command", command),
    ]
    return environment.get_template("page.html").render(
        title=title,
        facts=facts,
        sections=sections,
        missing=len(evidence.runs.unfinished),
        faults=len(evidence.faults),
    )


def _printable(value: Any) -> Any:
    # Markup is a str and stays Markup.
    if isinstance(value, str) and _CONTROLS.search(value):
        return type(value)(_CONTROLS.sub("\ufffd", value))
    return value


def _dates(evidence: Evidence) -> str:
    """The first and the last day, UTC, on which stages ended."""
    days = sorted(
        str(created)[:10]
        for row in evidence.runs.rows
        if (created := evidence.runs.info(row).get("created"))
    )
    return " to ".join(dict.fromkeys([days[0], days[-1]])) if days else "–"


def _versions(evidence: Evidence) -> str:
    """The versions in the artifacts, or this program's where they record none."""
    found: dict[str, dict[str, None]] = {}
    for row in evidence.runs.rows:
        versions = evidence.runs.info(row).get("versions") or {}
        for package, version in versions.items():
            found.setdefault(package, {})[str(version)] = None
    if not found:
        return f"pd_bert {pd_bert.__version__}"
    return ", ".join(f"{name} {' and '.join(each)}" for name, each in found.items())
