"""Docstrings of small packages made for the test."""

from collections import Counter

import pytest

from pd_bert.contrib.docstring_text import STDLIB, clean, hidden_names, package_files
from pd_bert.contrib.docstrings import Docstrings
from pd_bert.contrib.near_duplicates import group_near_duplicates
from pd_bert.errors import InputError

NAMES = hidden_names(("numpy", "keras_hub", "keras"), ("np", "tf"))


@pytest.mark.parametrize(
    ("docstring", "text"),
    [
        ("Adds `x`\nto y.\n\n>>> add(1)\n2\n\nEnd.", "Adds x to y.\nEnd."),
        ("Use :class:`~a.B` of **x**.", "Use a.B of x."),
        ("Title\n=====\n\n.. note:: odd\n\nText.", "Title\nText."),
        ("Do.\n\n```python\nx = 1\n\ny = 2\n```\n\nDone.", "Do.\nDone."),
        ("See https://numpy.org/doc for more.", "See for more."),
        ("Copyright 2020 X.\nLicensed under Y.\n\nMath.", "Math."),
        ("np.sum and numpy, NumPy_x.", "it and it, it."),
        ("A keras-hub KerasHub tf.keras.Model", "A it it it"),
        ("An input of snp, not tfoo; a np.", "An input of snp, not tfoo; a it."),
    ],
)
def test_clean(docstring, text):
    assert clean(docstring, NAMES) == text


def test_near_duplicates():
    words = [f"w{i}" for i in range(100)]
    base = " ".join(words)
    late_change = " ".join([*words[:97], "other", *words[98:]])
    opening = " ".join([*words[:12], "and", "now", "for", "something", "else"])
    texts = [base, "Nothing like it at all in here.", late_change, opening, base[1:]]
    groups = group_near_duplicates(texts)
    assert groups == [0, 1, 0, 0, 0]


@pytest.fixture
def packages(tmp_path, monkeypatch) -> tuple[str, str]:
    """Two packages: `alphapkg` of 200 docstrings, `betapkg` of 20."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, count in (("alphapkg", 200), ("betapkg", 20)):
        folder = tmp_path / name
        (folder / "_vendor").mkdir(parents=True)
        long = f"The module of {name}: what it holds and what it does for users."
        (folder / "__init__.py").write_text(f'"""{long}"""\nraise SystemExit\n')
        (folder / "_vendor" / "copy.py").write_text(f'"""Copied. {long}"""\n')
        (folder / "broken.py").write_text("def (:\n")
        lines = [
            f"if True:\n  def f{i}():\n"
            f'    """Does {name} thing number {i} in its very own way, {i * 7}."""\n'
            for i in range(count)
        ]
        (folder / "things.py").write_text("\n".join([*lines, lines[0]]))
    return "alphapkg", "betapkg"


def test_rows(packages):
    rows = list(Docstrings(packages=packages).rows())
    # The two modules' docstrings are the same text once the names are hidden.
    assert len(rows) == 201
    assert not any("alphapkg" in row.text or "betapkg" in row.text for row in rows)
    row = next(row for row in rows if "number 3 " in row.text)
    assert row.text == "Does it thing number 3 in its very own way, 21."
    assert row.label == "alphapkg"
    assert row.where == "alphapkg/things.py:15"


def test_splits_are_disjoint_and_complete(packages):
    def read(split: str) -> set[str]:
        source = Docstrings(packages=packages, split=split, balanced=False)
        return {row.text for row in source.rows()}

    parts = [read(split) for split in ("train", "dev", "test", "transfer")]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(read("all"))
    assert read("corpus") == parts[0] | parts[3]


def test_labels_limit_and_documents(packages):
    transfer = Docstrings(packages=packages, split="transfer")
    assert {row.label for row in transfer.rows()} == {None}
    every = list(Docstrings(packages=packages).rows())
    assert list(Docstrings(packages=packages, limit=5).rows()) == every[:5]
    documents = list(Docstrings(packages=packages, limit=5).documents())
    assert [" ".join(document) for document in documents] == [
        row.text for row in every[:5]
    ]


def test_balanced(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    counts = {"twopkg": 20, "onepkg": 90, "threepkg": 20}
    for name, count in counts.items():
        (tmp_path / name).mkdir()
        lines = [
            f'class C{i}:\n  """Thing {i} of {count} has a docstring like no other."""'
            for i in range(len(name) * 100, len(name) * 100 + count)
        ]
        (tmp_path / name / "__init__.py").write_text("\n".join(lines))
    train = Docstrings(
        packages=tuple(counts), split="train", fractions=(1.0, 0.0, 0.0, 0.0)
    )
    labels = [row.label for row in train.rows()]
    assert Counter(labels) == {"twopkg": 20, "onepkg": 40, "threepkg": 20}


def test_fingerprint(packages):
    base = Docstrings(packages=packages)
    others = [
        Docstrings(packages=packages[:1]),
        Docstrings(packages=packages, split="dev"),
        Docstrings(packages=packages, limit=5),
        Docstrings(packages=packages, balanced=False),
        Docstrings(packages=("numpy", STDLIB)),
    ]
    assert base.fingerprint() == Docstrings(packages=packages).fingerprint()
    assert base.fingerprint() not in {each.fingerprint() for each in others}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"packages": ("no_such_package_here",)}, "none named 'no_such_package_here'"),
        ({"packages": ("no.such.package",)}, "none named 'no.such.package'"),
        ({"packages": ()}, "once each, received none"),
        ({"packages": ("numpy", "numpy")}, "once each"),
        ({"split": "valid"}, "must be one of .*received 'valid'"),
        ({"fractions": (0.5, 0.1, 0.1, 0.1)}, "add up to 1"),
        ({"limit": 0}, "at least 1, received 0"),
    ],
)
def test_check(settings, message):
    with pytest.raises(InputError, match=message):
        Docstrings(**settings).check()


def test_stdlib_leaves_out_other_packages():
    names = [name for _, name in package_files(STDLIB)]
    assert "json/decoder.py" in names
    assert not any("site-packages" in name or name[:5] == "test/" for name in names)
