"""The wheel holds what the programs look for."""

import pathlib
import shutil
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).parents[2]


def test_the_wheel_holds_every_gin_file(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pd_bert", "gin"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--wheel-dir", str(tmp_path), str(source)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entry_points,) = (n for n in names if n.endswith("entry_points.txt"))
        scripts = archive.read(entry_points).decode()
    folder = ROOT / "gin"
    wanted = {f"pd_bert/gin/{p.relative_to(folder)}" for p in folder.rglob("*.gin")}
    assert wanted and wanted <= names
    # The report's page.
    templates = ROOT / "pd_bert" / "report" / "templates"
    wanted = {f"pd_bert/report/templates/{p.name}" for p in templates.iterdir()}
    assert "pd_bert/report/templates/page.html" in wanted and wanted <= names
    assert "pd-bert-run = pd_bert.bin.run:main" in scripts
