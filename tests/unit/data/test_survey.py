"""The content of a source as estimated from a part, against its real content."""

import dataclasses
import gzip
import itertools
import math
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from pd_bert.contrib.docstrings import Docstrings
from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.files import Meter, read_lines
from pd_bert.data.source import Row, Source, documents_of, rows_of
from pd_bert.data.survey import Survey, counted, joined
from pd_bert.errors import InputError
from pd_bert.sources.concatenate import Concatenate
from pd_bert.sources.sample import Sample
from pd_bert.sources.sentences import Sentences
from pd_bert.sources.table import Table
from pd_bert.sources.text_lines import TextLines

_LINES = 30_000
_NO_TIME = 0.0  # the first item is all that there is time for
_LONG = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    """The same texts as lines, as gzip, and in a column of two tables."""
    folder = tmp_path_factory.mktemp("survey")
    texts = [f"Line {i:05d} is here. It has two sentences." for i in range(_LINES)]
    lines = "".join(f"{text}\n" for text in texts)
    (folder / "texts.txt").write_text(lines)
    (folder / "texts.txt.gz").write_bytes(gzip.compress(lines.encode()))
    rows = [f'{i},"{text}",a note\n' for i, text in enumerate(texts)]
    (folder / "table.csv").write_text("id,text,note\n" + "".join(rows))
    documents = "\n\n".join("\n".join(texts[i : i + 5]) for i in range(0, _LINES, 5))
    (folder / "corpus.txt").write_text(documents)
    return folder


def whole(source: Source, read: Callable) -> Survey:
    return source.survey(read, _LONG)


def test_what_is_read_to_the_end_is_exact(folder) -> None:
    found = whole(TextLines(files=str(folder / "texts.txt")), rows_of)
    assert (found.count, found.exact) == (_LINES, True)
    assert not found.whole  # but only some are kept, spread evenly
    numbers = [int(row.text[5:10]) for row in found.items]
    assert len(set(np.diff(numbers))) == 1
    assert numbers[-1] > 0.9 * _LINES
    corpus = whole(TextLines(files=str(folder / "corpus.txt")), documents_of)
    assert (corpus.count, corpus.whole) == (_LINES // 5, True)


@pytest.mark.parametrize(
    ("file", "read", "count"),
    [
        ("texts.txt", rows_of, _LINES),
        ("table.csv", rows_of, _LINES),
        ("corpus.txt", documents_of, _LINES // 5),
    ],
)
def test_a_part_tells_about_how_many_there_are(folder, file, read, count) -> None:
    source = _Hasty(inner=_source(folder / file), items=1000)
    found = source.survey(read, _NO_TIME)
    assert not found.exact
    assert len(found.items) == 1000
    assert found.count == pytest.approx(count, rel=0.05)


def test_a_part_of_a_gzip_file_tells_it_by_the_bytes_on_disk(folder) -> None:
    path = folder / "texts.txt.gz"
    with Meter([path]) as meter:
        for _ in itertools.islice(read_lines(path), _LINES // 2):
            pass
        # gzip reads ahead in blocks.
        assert 0.4 < meter.share() <= 1
        assert sum(1 for _ in read_lines(path)) == _LINES
        assert meter.share() == 1


def test_sources_of_sources_compose_what_theirs_tell(folder) -> None:
    lines, table = _source(folder / "texts.txt"), _source(folder / "table.csv")
    both = whole(Concatenate(sources=(lines, table, lines)), rows_of)
    assert (both.count, both.exact) == (3 * _LINES, True)
    drawn = Sample(source=lines, count=100)
    assert whole(drawn, rows_of).count == 100
    assert len(whole(drawn, rows_of).items) == 100
    sentences = whole(Sentences(source=lines), rows_of)
    assert sentences.count == 2 * _LINES


def test_parts_are_kept_in_proportion() -> None:
    large = Survey(items=range(100), count=10_000, exact=False, seconds=1)
    small = Survey(items=range(50), count=1_000, exact=True, seconds=1)
    found = joined([large, small])
    assert (found.count, found.exact, found.seconds) == (11_000, False, 2)
    assert len(found.items) == 110


def test_a_source_that_cannot_tell_its_size_is_read_in_full() -> None:
    source = Docstrings(packages=("absl",))
    found = source.survey(rows_of, _NO_TIME)
    assert found.whole
    assert found.count == len(list(source.rows()))


def test_what_cannot_be_read_is_an_error_with_its_place(tmp_path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"fine\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"bad\.txt:2"):
        TextLines(files=str(path)).survey(rows_of, _LONG)


def test_nothing_is_counted_of_nothing() -> None:
    found = counted(iter(()), lambda: None, _LONG)
    assert (found.count, found.whole) == (0, True)


@pytest.mark.parametrize("count", [1, 31, 32, 1000])
def test_steps_are_those_of_the_real_batches(count: int) -> None:
    lengths = np.arange(count) % 40 + 3
    records = _expected(lengths)
    epoch = records.batch_lengths(batch_size=32, buckets=(8, 16, 64), shuffle=True)
    assert sum(epoch.values()) == math.ceil(count / 32)
    shards = dataclasses.replace(records, shards=10)
    ordered = shards.batch_lengths(batch_size=32, buckets=(64,), by_shard=True)
    assert ordered == {64: 10 * math.ceil(math.ceil(count / 10) / 32)}


def test_a_data_set_too_large_to_plan_is_scaled() -> None:
    records = dataclasses.replace(_expected(np.full(100, 20)), count=1 << 30)
    epoch = records.batch_lengths(batch_size=32, buckets=(32,), shuffle=True)
    assert epoch == {32: (1 << 30) / 32}


def test_a_feature_more_takes_more_room() -> None:
    records = _expected(np.full(10, 20))
    more = records.with_features(
        {"teacher_logits": Feature(dtype="float32", shape=(2,))}
    )
    assert more.bytes > records.bytes
    assert set(more.spec) == {*TOKENS, "teacher_logits"}


def _expected(lengths: np.ndarray) -> ExpectedRecords:
    return ExpectedRecords(
        count=len(lengths),
        read_lengths=lambda: lengths,
        bytes=1000,
        exact=True,
        spec=TOKENS,
        sequence_length=64,
    )


def _source(path: pathlib.Path) -> Source:
    if path.suffix == ".csv":
        return Table(files=str(path), text="text")
    return TextLines(files=str(path))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Hasty(Source):
    """A source whose time is up when it has given so many items."""

    inner: Source
    items: int

    def rows(self) -> Iterator[Row]:
        return self.inner.rows()

    def documents(self) -> Iterator[list[str]]:
        return self.inner.documents()

    def fingerprint(self) -> str:
        return ""

    def check(self) -> None:
        pass

    def survey(self, read: Callable, seconds: float) -> Survey:
        given = 0

        def items() -> Iterator:
            nonlocal given
            for item in read(self.inner):
                given += 1
                yield item

        with Meter([pathlib.Path(self.inner.files)]) as meter:  # type: ignore[attr-defined]
            share = lambda: meter.share() if given >= self.items else None  # noqa: E731
            return counted(items(), share, seconds)
