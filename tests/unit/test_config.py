"""Bindings, axes and names of a recipe."""

import pathlib
import sys

import pytest

from pd_bert import config
from pd_bert.errors import InputError

_RECIPE = """
from __gin__ import dynamic_registration
from pd_bert import api as pd

LOWER = True
NAME = 'a'
pd.ReadVocabulary.file = '{folder}/vocab.txt'
pd.ReadVocabulary.lowercase = %LOWER
pd.ReadVocabulary.name = %NAME
pd.Recipe.name = 'axes'
pd.Recipe.axes = {{'LOWER': (True, False)}}
pd.Recipe.stages = (@pd.ReadVocabulary(),)
"""


@pytest.fixture
def recipe(tmp_path: pathlib.Path) -> str:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens))
    file = tmp_path / "axes.gin"
    file.write_text(_RECIPE.format(folder=tmp_path))
    return str(file)


@pytest.mark.parametrize(
    "binding",
    ["LOWER = False", "LOWER=True", "LOWER = \\\n  False", "NAME = 'c'\nLOWER = False"],
)
def test_a_binding_of_an_axis_is_refused(recipe: str, binding: str) -> None:
    with pytest.raises(InputError) as caught:
        config.load([recipe], ["NAME = 'b'", binding])
    assert str(caught.value) == (
        f"binding {binding!r}: LOWER is an axis of this recipe, which takes the values "
        "(True, False); bind those instead"
    )


def test_an_axis_takes_other_values_by_a_binding(recipe: str) -> None:
    bindings = ["pd.Recipe.axes = {'LOWER': (False,)}", "NAME = 'b'"]
    read, (stage,), _ = config.load([recipe], bindings)
    assert (stage.name, stage.lowercase) == ("b", False)
    assert list(read.axis_values.values()) == [{"LOWER": False}]


def test_without_the_axis_its_macro_may_be_bound(recipe: str) -> None:
    bindings = ["pd.Recipe.axes = {}", "LOWER = False"]
    _, (stage,), _ = config.load([recipe], bindings)
    assert not stage.lowercase


_SIZES = """
from __gin__ import dynamic_registration
from pd_bert import api as pd
small/pd.ReadVocabulary.name = 'small'
large/pd.ReadVocabulary.name = 'large'
pd.ReadVocabulary.file = '{folder}/vocab.txt'
small/pd.ReadVocabulary.lowercase = False
KINDS = (@small/pd.ReadVocabulary, @large/pd.ReadVocabulary())
KIND = @small/pd.ReadVocabulary()
pd.Recipe.name = 'kinds'
pd.Recipe.axes = {{'KIND': %KINDS, 'SEED': (0, 1)}}
pd.Recipe.stages = (%KIND,)
SEED = 0
pd.Runtime.processes = %SEED
"""


@pytest.fixture
def kinds(recipe: str, tmp_path: pathlib.Path) -> str:
    file = tmp_path / "kinds.gin"
    file.write_text(_SIZES.format(folder=tmp_path))
    return str(file)


def test_an_axis_holds_factories(kinds: str) -> None:
    read, stages, _ = config.load([kinds])
    small, large = "@small/pd.ReadVocabulary", "@large/pd.ReadVocabulary"
    assert read.axes == {"KIND": (small, large), "SEED": (0, 1)}
    assert [stage.name for stage in stages] == ["small", "large"]
    assert list(read.axis_values.values()) == [{"KIND": small}, {"KIND": large}]


def test_values_of_an_axis_are_bindings(kinds: str) -> None:
    point = {"KIND": "@large/pd.ReadVocabulary", "SEED": 3}
    bindings = config.as_bindings(point)
    assert bindings == ["KIND = @large/pd.ReadVocabulary()", "SEED = 3"]
    _, (stage,), runtime = config.load([kinds], ["pd.Recipe.axes = {}", *bindings])
    assert (stage.name, runtime.processes) == ("large", 3)


def test_tuples_of_factories_are_values(kinds: str) -> None:
    pair = "(@small/pd.ReadVocabulary, @large/pd.ReadVocabulary)"
    more = ["pd.Recipe.stages = %KIND", f"KINDS = ({pair}, {pair})"]
    read, stages, _ = config.load([kinds], more)
    assert read.axes["KIND"][0] == (
        "@small/pd.ReadVocabulary",
        "@large/pd.ReadVocabulary",
    )
    assert [stage.name for stage in stages] == ["small", "large"]


def test_a_quoted_reference_is_refused(kinds: str) -> None:
    with pytest.raises(InputError) as caught:
        config.load([kinds], ["KINDS = ('@small/pd.ReadVocabulary()',)"])
    assert str(caught.value) == (
        "Recipe.axes: KIND: a reference is written without quotes, as in "
        "(@tiny/pd.Bert, @mini/pd.Bert); received '@small/pd.ReadVocabulary()'"
    )


def test_a_macro_is_a_value_not_its_class(kinds: str) -> None:
    with pytest.raises(InputError) as caught:
        config.load([kinds], ["pd.Recipe.axes = {}", "SEED = @small/pd.ReadVocabulary"])
    assert str(caught.value) == (
        "SEED must be a value, which a class makes when it is called: "
        "SEED = @small/pd.ReadVocabulary(); received @small/pd.ReadVocabulary"
    )


def test_what_was_used_gives_the_same_again(kinds: str, tmp_path: pathlib.Path) -> None:
    read, stages, _ = config.load([kinds])
    (tmp_path / "operative.gin").write_text(config.operative())
    again, same, _ = config.load([str(tmp_path / "operative.gin")])
    assert (again.axes, same) == (read.axes, stages)
    assert config.operative() == (tmp_path / "operative.gin").read_text()


_MODULE = """
from dataclasses import dataclass
from pd_bert import api as pd

@dataclass(frozen=True, kw_only=True)
class Cased(pd.ReadVocabulary):
    lowercase: bool = False
"""


def test_classes_of_a_user_beside_those_of_pd_bert(
    kinds: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "cased.py").write_text(_MODULE)
    more = tmp_path / "more.gin"
    more.write_text(
        "from __gin__ import dynamic_registration\n"
        "from my_package import cased\n"
        f"cased.Cased.file = '{tmp_path}/vocab.txt'\n"
        "cased.Cased.name = 'mine'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    binding = "KINDS = (@cased.Cased, @small/pd.ReadVocabulary)"
    read, stages, _ = config.load([kinds, str(more)], [binding])
    assert read.axes["KIND"] == ("@cased.Cased", "@small/pd.ReadVocabulary")
    assert [type(stage).__name__ for stage in stages] == ["Cased", "ReadVocabulary"]
    assert config.imported_modules() == ["my_package.cased", "pd_bert.api"]
    for name in ("my_package.cased", "my_package"):
        del sys.modules[name]


def test_names_that_no_file_imports_are_unknown(kinds: str) -> None:
    with pytest.raises(InputError) as caught:
        config.load([kinds], ["bert.Bert.name = 'a'"])
    assert str(caught.value) == (
        "binding \"bert.Bert.name = 'a'\": 'bert' was not provided by an import "
        "statement."
    )
    config.load([kinds], ["pd.Bert.name = 'a'"])
