"""The public names, as Python and gin files reach them."""

import pathlib
import re
import subprocess
import sys

import pytest

from pd_bert import api, config

FOLDER = config.gin_folder()
FILES = sorted(FOLDER.rglob("*.gin"))


def test_every_name_is_found() -> None:
    for name in dir(api):
        assert getattr(api, name).__name__ == name
    with pytest.raises(AttributeError, match=r"'pd_bert\.api' has no attribute 'Bret'"):
        _ = api.Bret


def test_importing_it_loads_no_tensorflow() -> None:
    code = (
        "import sys; from pd_bert import api as pd; dir(pd); "
        "assert not {'tensorflow', 'keras', 'gin'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "path", FILES, ids=[str(path.relative_to(FOLDER)) for path in FILES]
)
def test_gin_files_have_one_import_and_name_what_is_public(path: pathlib.Path) -> None:
    text = path.read_text()
    imports = re.findall(r"^(?:from|import) .*", text, re.M)
    assert set(imports) <= {
        "from __gin__ import dynamic_registration",
        "from pd_bert import api as pd",
    }
    used = re.findall(r"(?<![\w.])([a-z]\w*)\.([A-Za-z]\w*)\b", _without_strings(text))
    assert {module for module, _ in used} <= {"pd"}
    assert {name for _, name in used} <= set(dir(api))
    assert bool(used) == ("from pd_bert import api as pd" in imports)


def _without_strings(text: str) -> str:
    return re.sub(r"'[^'\n]*'|^(#|from|import|include).*", "", text, flags=re.M)
