"""Tagged sentences of a data set that the test prepares itself."""

import pytest

from pd_bert.errors import InputError
from pd_bert.sources.tfds_tagged import TfdsTagged

pytest.importorskip("importlib_resources")
tfds = pytest.importorskip("tensorflow_datasets")

_NAMES = ["O", "B-PER", "I-PER"]
_ROWS = [
    (["Ada", "Smith", "läuft"], ["B-PER", "I-PER", "O"]),
    (["ja"], ["O"]),
    (["x", "Bert"], ["O", "I-PER"]),
]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> str:
    with tfds.core.registered.skip_registration():

        class TinyTags(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                features = {
                    "tokens": tfds.features.Sequence(tfds.features.Text()),
                    "tags": tfds.features.Sequence(
                        tfds.features.ClassLabel(names=_NAMES)
                    ),
                }
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict(features)
                )

            def _split_generators(self, dl_manager):
                return {
                    "train": self._generate_examples(_ROWS[:2]),
                    "test": self._generate_examples(_ROWS[2:]),
                }

            def _generate_examples(self, rows):
                for index, (tokens, tags) in enumerate(rows):
                    yield index, {"tokens": tokens, "tags": tags}

    folder = str(tmp_path_factory.mktemp("tfds"))
    TinyTags(data_dir=folder).download_and_prepare()
    return folder


def test_rows_and_documents(data_dir):
    source = TfdsTagged(
        name="tiny_tags", split="train", data_dir=data_dir, language="de"
    )
    source.check()
    rows = list(source.rows())
    assert sorted((row.words, row.tags, row.language) for row in rows) == [
        (("Ada", "Smith", "läuft"), ("B-PER", "I-PER", "O"), "de"),
        (("ja",), ("O",), "de"),
    ]
    assert sorted(source.documents()) == [["Ada Smith läuft"], ["ja"]]
    plain = TfdsTagged(name="tiny_tags", split="train", data_dir=data_dir)
    assert source.fingerprint() != plain.fingerprint()


def test_tags_that_break_the_scheme(data_dir):
    source = TfdsTagged(name="tiny_tags", split="test", data_dir=data_dir)
    with pytest.raises(InputError, match=r"I-PER comes after O: tfds:tiny_tags/test#0"):
        list(source.rows())
    mended = TfdsTagged(name="tiny_tags", split="test", data_dir=data_dir, repair=True)
    (row,) = mended.rows()
    assert row.tags == ("O", "B-PER")
    with pytest.raises(InputError, match="no feature 'ner_tags'"):
        TfdsTagged(
            name="tiny_tags", split="test", data_dir=data_dir, label="ner_tags"
        ).check()
    with pytest.raises(InputError, match="scheme must be one of"):
        TfdsTagged(
            name="tiny_tags", split="test", data_dir=data_dir, scheme="iob"
        ).check()
