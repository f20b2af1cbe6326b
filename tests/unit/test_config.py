"""Bindings over a recipe that has axes."""

import pathlib

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
