"""A data set of TensorFlow Datasets that the test prepares itself."""

import numpy as np
import pytest
import requests

from pd_bert.errors import InputError
from pd_bert.sources.tfds_source import Tfds

# What download_and_prepare() imports; reading prepared data does without.
pytest.importorskip("importlib_resources")
tfds = pytest.importorskip("tensorflow_datasets")

ROWS = [("a é", "x", 1, 5), ("b", "y", 0, 6), ("c", "z", -1, 7)]


@pytest.fixture(scope="module")
def builder_class():
    with tfds.core.registered.skip_registration():

        class TinyPairs(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                features = {
                    "first": tfds.features.Text(),
                    "second": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=["no", "yes"]),
                    "stars": tfds.features.Scalar(np.int32),
                    "idx": tfds.features.Scalar(np.int32),
                    "data": {"body": tfds.features.Text()},
                }
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict(features)
                )

            def _split_generators(self, dl_manager):
                return {"train": self._generate_examples()}

            def _generate_examples(self):
                keys = ("first", "second", "label", "stars")
                for i, row in enumerate(ROWS):
                    example = dict(zip(keys, row, strict=True))
                    # Stored in the order of the keys' hashes.
                    yield i, {**example, "idx": i, "data": {"body": f"body {i}"}}

    return TinyPairs


@pytest.fixture(scope="module")
def data_dir(builder_class, tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("tfds"))
    builder_class(data_dir=folder).download_and_prepare()
    return folder


def test_rows(data_dir):
    source = Tfds(
        name="tiny_pairs",
        split="train",
        text="first",
        text_b="second",
        label="label",
        data_dir=data_dir,
    )
    source.check()
    rows = list(source.rows())
    assert sorted((row.text, row.text_b, row.label) for row in rows if row.label) == [
        ("a é", "x", "yes"),
        ("b", "y", "no"),
    ]
    assert [row.text for row in rows if row.label is None] == ["c"]
    assert [row.where for row in rows] == [
        f"tfds:tiny_pairs/train#{i}" for i in (0, 1, 2)
    ]
    assert rows == list(source.rows())


def test_label_of_numbers_and_part_of_a_split(data_dir):
    source = Tfds(
        name="tiny_pairs:1.0.0",
        split="train[:2]",
        text="first",
        label="stars",
        data_dir=data_dir,
    )
    assert {row.label for row in source.rows()} < {"5", "6", "7"}
    assert len(list(source.documents())) == 2


def test_order_and_nested_features(data_dir):
    source = Tfds(
        name="tiny_pairs",
        split="train",
        text="data/body",
        text_b="first",
        order_by="idx",
        data_dir=data_dir,
    )
    source.check()
    rows = [(row.text, row.text_b) for row in source.rows()]
    assert rows == [(f"body {i}", row[0]) for i, row in enumerate(ROWS)]


def test_fingerprint(data_dir):
    settings = {"name": "tiny_pairs", "data_dir": data_dir}
    sources = [
        Tfds(split="train", text="first", **settings),
        Tfds(split="train[:1]", text="first", **settings),
        Tfds(split="train", text="second", **settings),
        Tfds(split="train", text="first", order_by="idx", **settings),
    ]
    assert len({source.fingerprint() for source in sources}) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "no_such_data"}, "no data set 'no_such_data'"),
        ({"split": "valid"}, "no split 'valid' in train"),
        ({"text": "body"}, "no feature 'body' in data, first"),
        ({"text": "data/text"}, "no feature 'data/text' in data, first"),
        ({"text": "first/body"}, "no feature 'first/body' in data, first"),
        ({"order_by": "id"}, "no feature 'id' in data, first"),
    ],
)
def test_check(data_dir, settings, message):
    defaults = {"name": "tiny_pairs", "split": "train", "text": "first"}
    with pytest.raises(InputError, match=message) as error:
        Tfds(data_dir=data_dir, **defaults | settings).check()
    assert "\n" not in str(error.value)


def test_text_must_be_text(data_dir):
    source = Tfds(name="tiny_pairs", split="train", text="stars", data_dir=data_dir)
    with pytest.raises(InputError, match="must be a text, received"):
        list(source.rows())


def test_failed_download_names_the_data_set(builder_class, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise requests.ConnectionError("no route\nto host")

    builder = builder_class(data_dir=str(tmp_path))
    monkeypatch.setattr(builder, "download_and_prepare", fail)
    monkeypatch.setattr(tfds, "builder", lambda *args, **kwargs: builder)
    source = Tfds(name="tiny_pairs", split="train", text="first")
    with pytest.raises(InputError, match=r"'tiny_pairs' failed.*local files") as error:
        list(source.rows())
    assert isinstance(error.value.__cause__, requests.ConnectionError)
    assert "\n" not in str(error.value)


def test_other_errors_of_a_data_set_pass(builder_class, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError("a defect")

    builder = builder_class(data_dir=str(tmp_path))
    monkeypatch.setattr(builder, "download_and_prepare", fail)
    monkeypatch.setattr(tfds, "builder", lambda *args, **kwargs: builder)
    with pytest.raises(KeyError, match="a defect"):
        list(Tfds(name="tiny_pairs", split="train", text="first").rows())
