"""Values as JSON and back; JSON of somebody else runs nothing."""

import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import pytest

from pd_bert import values
from pd_bert.errors import InputError
from pd_bert.models import bert
from pd_bert.models.bert import Bert
from pd_bert.models.encoder import Architecture
from pd_bert.models.heads import Head, MaskedLMHead, PooledHead
from pd_bert.objectives.base import Objective
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.tasks import metrics
from pd_bert.values import from_json, to_json

_TINY = Bert(name="tiny", num_layers=2, hidden_dim=128)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inner:
    """A value of plain fields."""

    number: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Other:
    """A value of another type."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer:
    """A value with a field of every kind."""

    inner: Inner | None = None
    either: int | str = 0
    many: tuple[Inner, ...] = ()
    pair: tuple[str, float] = ("", 0.0)
    by_name: Mapping[str, Inner] = dataclasses.field(default_factory=dict)
    by_number: Mapping[int, float] = dataclasses.field(default_factory=dict)
    mode: Literal["sum", "mean"] = "sum"
    measure: Callable[[Any, Any], float] = metrics.accuracy
    measures: tuple[Callable[[Any, Any], float], ...] = ()
    flag: bool = False
    anything: Any = None


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusts this module for one test."""
    monkeypatch.setattr(values, "_trusted", {__name__})


@pytest.fixture
def ran(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pathlib.Path]:
    """A file that exists as soon as the module `watched` has been imported."""
    sentinel = tmp_path / "ran"
    (tmp_path / "watched.py").write_text(
        "import dataclasses, pathlib\n"
        "from pd_bert.models.bert import Bert\n"
        f"pathlib.Path({str(sentinel)!r}).touch()\n"
        "def metric(predicted, gold): return 1.0\n"
        "@dataclasses.dataclass(frozen=True, kw_only=True)\n"
        "class Mine(Bert):\n"
        "    width: float = 1.0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(values, "_trusted", set())
    yield sentinel
    sys.modules.pop("watched", None)


def _touch(sentinel: pathlib.Path) -> dict[str, Any]:
    return {
        "class": "subprocess.getoutput",
        "settings": {"cmd": f"touch '{sentinel}'"},
    }


def _read(value: Any, expected: Any = Outer) -> Any:
    data = json.loads(json.dumps(to_json(value)))
    functions = ("pd_bert.tasks.metrics",)
    return from_json(data, expected, where="here", functions=functions)


@pytest.mark.parametrize(
    "value",
    [
        Outer(),
        Outer(inner=Inner(number=3), either="three"),
        Outer(many=(Inner(number=1), Inner()), pair=("a", 1)),
        Outer(by_name={"a": Inner(number=1)}, by_number={2: 0.5}),
        Outer(mode="mean", flag=True, anything=(1, "a", (2.5, None))),
        Outer(measure=metrics.f1, measures=(metrics.pearson, metrics.accuracy)),
    ],
)
def test_a_value_comes_back_equal(value: Outer, ours: None) -> None:
    found = _read(value)
    assert to_json(found) == to_json(value)
    assert found.measures == value.measures and found.many == value.many


def test_values_of_the_package_need_no_trust() -> None:
    assert _read(_TINY, Architecture) == _TINY
    heads = {"label": PooledHead(num_outputs=2), "masked_lm": MaskedLMHead()}
    assert _read(heads, Mapping[str, Head]) == heads
    objectives = (SoftLabels(temperature=2.0),)
    assert _read(objectives, tuple[Objective, ...]) == objectives


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"inner": to_json(Other())}, "expected Inner by the module"),
        ({"inner": 3}, "expected Inner; received 3"),
        ({"inner": {"number": 3}}, "expected Inner as class and settings"),
        ({"many": [to_json(Other())]}, "expected Inner by the module"),
        ({"by_name": {"a": to_json(Other())}}, "expected Inner by the module"),
        ({"by_name": [to_json(Inner())]}, "expected .*Mapping"),
        ({"pair": ["a"]}, "expected tuple"),
        ({"pair": ["a", "b"]}, "expected float; received 'b'"),
        ({"either": 1.5}, "expected int; received 1.5; or .* expected str"),
        ({"mode": "max"}, "'max'"),
        ({"flag": 1}, "expected bool; received 1"),
        ({"measure": "accuracy"}, "expected a function; received 'accuracy'"),
        ({"measure": to_json(Inner())}, "expected a function"),
        ({"anything": [to_json(Inner())]}, "expected plain data"),
        ({"anything": {"function": "pd_bert.tasks.metrics.f1"}}, "plain data"),
        ({"inner": {"function": "pd_bert.tasks.metrics.f1"}}, "as class and settings"),
        ({"width": 3}, "has no setting width"),
    ],
)
def test_fields_take_only_what_they_are_annotated_with(
    settings: dict[str, Any], words: str, ours: None
) -> None:
    data = {"class": f"{__name__}.Outer", "settings": settings}
    with pytest.raises(InputError, match=f"^here: .*{words}"):
        from_json(data, Outer, where="here", functions=("pd_bert.tasks.metrics",))


def test_settings_are_those_of_the_class() -> None:
    data = to_json(_TINY)
    del data["settings"]["num_layers"]
    with pytest.raises(InputError, match=r"here: .*Bert needs the setting num_layers"):
        from_json(data, Architecture, where="here")
    given = {"num_layers": 2}
    assert from_json(data, Architecture, where="here", given=given) == _TINY
    data = to_json(_TINY)
    data["settings"]["__class__"] = "x"
    with pytest.raises(InputError, match="Bert has no setting __class__"):
        from_json(data, Architecture, where="here")
    with pytest.raises(InputError, match=r"Bert has no setting .*num_layers"):
        from_json(data, Architecture, where="here", given=given)


def test_nothing_that_is_named_runs(
    ran: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    # What another module defines, under a name of ours.
    monkeypatch.setattr(bert, "getoutput", subprocess.getoutput, raising=False)
    gin_file = tmp_path / "evil.gin"
    gin_file.write_text("from __gin__ import dynamic_registration\nimport watched\n")
    nested = to_json(_TINY)
    nested["settings"]["name"] = _touch(ran)
    command = {"cmd": f"touch '{ran}'"}
    ways = [
        _touch(ran),
        nested,
        {"class": "os.system", "settings": {"command": command["cmd"]}},
        {"class": "pd_bert.models.bert.getoutput", "settings": command},
        {"class": "pd_bert.bin.native_log.subprocess.getoutput", "settings": command},
        {"class": "pd_bert.values.importlib.import_module", "settings": {}},
        {
            "class": "pd_bert.config.load",  # a function, which imports as gin says
            "settings": {"files": [str(gin_file)]},
        },
        {"class": "pd_bert.bin.native_log.quieten", "settings": {}},
        {"class": "pd_bert.bin.run.Recipe", "settings": {}},
        {"class": "watched.Mine", "settings": nested["settings"]},
        {"class": "pd_bert.objectives.labels.Labels", "settings": {}},
        {"class": "pd_bert.models.encoder.Architecture", "settings": {}},
        # The class is good, and defined elsewhere.
        {"class": "pd_bert.stages.train.Architecture", "settings": {}},
        {**to_json(_TINY), "class": "pd_bert.costs.probe.Bert"},
        {"class": "pd_bert", "settings": {}},
        {"class": "getoutput", "settings": {}},
        {"class": "pd_bert..x", "settings": {}},
        {"class": " pd_bert.models.bert.Bert", "settings": {}},
        {"class": "pd_bert_evil.models.Bert", "settings": {}},
        {"class": "pd_bert.missing.Bert", "settings": {}},
        {"class": ["subprocess", "getoutput"], "settings": {}},
        {"class": "pd_bert.models.bert.Bert", "settings": [["name", "x"]]},
        {"class": "pd_bert.models.bert.Bert"},
        {"function": "watched.metric"},
        {"function": "pd_bert.models.bert.resized"},
        "subprocess.getoutput",
        None,
    ]
    for way in ways:
        for data, expected in [(way, Architecture), ([way], tuple[Architecture, ...])]:
            with pytest.raises(InputError, match=r"^here: "):
                from_json(data, expected, where="here")
    assert not ran.exists() and "watched" not in sys.modules


@pytest.mark.parametrize(
    "function",
    [
        "watched.metric",
        "os.abort",
        "pd_bert.system.interrupt.install",
        "pd_bert.tasks.metrics._correlation",
        "pd_bert.tasks.metrics.np.save",
        "pd_bert.tasks.metrics.np",
        "pd_bert.tasks.metrics.missing",
        "pd_bert.tasks.accuracy",
    ],
)
def test_functions_come_from_allowed_modules(
    function: str, ours: None, ran: pathlib.Path
) -> None:
    data = {"function": function}
    where, functions = "here", ("pd_bert.tasks.metrics",)
    with pytest.raises(InputError, match=rf"^here: .*{function}"):
        from_json(data, Callable[..., float], where=where, functions=functions)
    assert not ran.exists()


def test_a_module_of_the_user_is_imported_when_it_is_trusted(
    ran: pathlib.Path,
) -> None:
    data = {"class": "watched.Mine", "settings": to_json(_TINY)["settings"]}
    with pytest.raises(
        InputError, match=r"^here: watched\.Mine is not trusted.*--trust=watched$"
    ):
        from_json(data, Architecture, where="here")
    assert not ran.exists()
    values.trust("watched")
    found = from_json(data, Architecture, where="here")
    assert ran.exists() and type(found).__name__ == "Mine" and found.num_layers == 2
    measure = {"function": "watched.metric"}
    assert from_json(measure, Callable[..., float], where="here")(0, 0) == 1.0
    # Trust is not for other interfaces, nor for modules with longer names.
    with pytest.raises(InputError, match="expected Head by the module"):
        from_json(data, Head, where="here")
    with pytest.raises(InputError, match="--trust=watched_too"):
        from_json({**data, "class": "watched_too.Mine"}, Architecture, where="here")


@pytest.mark.parametrize("name", ["", "my-package", "a..b", ".", "a b", "a/b", "a.py/"])
def test_a_trusted_module_has_the_name_of_one(name: str) -> None:
    with pytest.raises(InputError, match="must be named as in an import"):
        values.trust(name)
