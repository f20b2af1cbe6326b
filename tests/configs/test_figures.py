"""Where figures are made."""

from pd_bert import config

FOLDER = config.gin_folder()
# Those of the same name at the scale of two cores have the same figures.
RECIPES = [name for name in config.recipe_names() if name[:6] == "paper/"]


def test_no_other_file_makes_figures() -> None:
    found = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*.gin")
        if "pd.Figure.name" in path.read_text()
    }
    analyses = {f"analyses/{name.removeprefix('paper/')}.gin" for name in RECIPES}
    assert found == {*analyses, "recipes/quickstart.gin"}
