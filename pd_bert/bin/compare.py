"""Compares unlabeled texts with labeled ones, before anything is trained.

  pd-bert-compare --labeled=train.tsv --text_column=sentence --held_out=dev.tsv \\
      --held_out=test.tsv --transfer=reviews.txt.gz --vocabulary=vocab.txt

It prints how many texts are repeated or occur in held-out files, which must not be in a
transfer set; how similar the two sets are; how many words are unknown; and how long the
texts are. Files are .txt (one text per line), .tsv or .csv with a header, or .jsonl;
each may be compressed by gzip (.gz).
"""

import json
import pathlib
from collections.abc import Iterator

from absl import flags

from pd_bert.bin import program
from pd_bert.curation.cleaning import clean, hashes
from pd_bert.curation.token_statistics import TokenStatistics
from pd_bert.curation.tokenized import Tokenized, of_rows
from pd_bert.curation.transfer_report import TransferReport
from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.source import Source, nonempty
from pd_bert.runs.results_table import aligned
from pd_bert.sources.any_file import open_file
from pd_bert.system import interrupt
from pd_bert.text.vocabulary import Vocabulary

_LABELED = flags.DEFINE_string(
    "labeled", None, "A file of the texts to train on.", required=True
)
_TRANSFER = flags.DEFINE_string(
    "transfer", None, "A file of unlabeled texts.", required=True
)
_HELD_OUT = flags.DEFINE_multi_string("held_out", [], "Texts to measure on")
_VOCABULARY = flags.DEFINE_string(
    "vocabulary", None, "The vocab.txt file.", required=True
)
_LOWERCASE = flags.DEFINE_bool(
    "lowercase", True, "Lower-case the texts and strip accents."
)
_TEXT_COLUMN = flags.DEFINE_string(
    "text_column", "text", "The column of the text, in all files."
)
_TEXT_B_COLUMN = flags.DEFINE_string(
    "text_b_column", None, "The column of the second text of pairs."
)
_LENGTH = flags.DEFINE_integer(
    "sequence_length", 128, "The number of word pieces of a text that count.", 3
)
_JSON = flags.DEFINE_bool("json", False, "Print JSON instead of a table.")


def _main() -> None:
    vocabulary = Vocabulary.read(_VOCABULARY.value, lowercase=_LOWERCASE.value)
    encode = EncodeRows(
        vocabulary=pathlib.Path(_VOCABULARY.value),
        lowercase=_LOWERCASE.value,
        sequence_length=_LENGTH.value,
        inputs=("text",) if _TEXT_B_COLUMN.value is None else ("text", "text_b"),
    )
    for file in (_LABELED.value, _TRANSFER.value, *_HELD_OUT.value):
        _open(file).check()

    def read(file: str) -> Iterator[Tokenized]:
        rows = (row for row in _open(file).rows() if row.size)  # not blank ones
        return of_rows(nonempty(rows, file), encode, stop=interrupt.check)

    cleaning = clean(
        hashes(read(_TRANSFER.value)),
        train=hashes(read(_LABELED.value)),
        held_out={file: hashes(read(file)) for file in _HELD_OUT.value},
    )
    report = TransferReport(
        cleaning=cleaning,
        transfer=TokenStatistics.of(read(_TRANSFER.value), vocabulary, cleaning.keep),
        labeled=TokenStatistics.of(read(_LABELED.value), vocabulary),
        vocabulary=vocabulary,
    )
    as_json = json.dumps(report.to_json(), indent=2) if _JSON.value else ""
    print(as_json or aligned(report.lines(), left=1))


def _open(file: str) -> Source:
    return open_file(file, text=_TEXT_COLUMN.value, text_b=_TEXT_B_COLUMN.value)


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
