"""Predicts labels or scores for texts; writes JSON, one object per line.

  pd-bert-predict --model=runs/quickstart/latest/distill-pd --text='A lovely film.'
  pd-bert-predict --model=my_saved_model --input=reviews.csv --text_column=review \\
      --output=predictions.jsonl

The model is a folder that pd-bert-run made (latest/distill-…, latest/finetune-…,
latest/export-…) or a SavedModel of pd-bert-export. The input is .txt, one text per
line, or .tsv or .csv with a header, or .jsonl; each may be gzip (.gz). A task that is
no classification or regression reads files of its own format. Every text gives one
object, in the same order, an empty text too: the text, then label, probability and
probabilities of a classifier, the score of a regression, or entities and words of a
tagging (docs/tagging.md).
"""

import json
import pathlib
from collections.abc import Iterable

import tqdm
from absl import flags

from pd_bert.bin import program
from pd_bert.data.source import Row
from pd_bert.errors import InputError
from pd_bert.export.predictor import load_predictor
from pd_bert.sources.any_file import rows_of, text_output

_MODEL = flags.DEFINE_string("model", None, "The folder of the model.", required=True)
_TEXT = flags.DEFINE_multi_string("text", [], "A text to predict")
_TEXT_B = flags.DEFINE_multi_string(
    "text_b", [], "The second text of a pair, one for each --text"
)
_INPUT = flags.DEFINE_string("input", None, "A file of texts, instead of --text.")
_TEXT_COLUMN = flags.DEFINE_string("text_column", "text", "The column of the text.")
_TEXT_B_COLUMN = flags.DEFINE_string(
    "text_b_column", None, "The column of the second text of pairs."
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The file to write, as a whole or not at all; default: standard output.",
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 64, "The number of texts per batch.", lower_bound=1
)


def _main() -> None:
    if bool(_TEXT.value) == bool(_INPUT.value):
        raise InputError("give the texts by --text or by --input, one of the two")
    predictor = load_predictor(pathlib.Path(_MODEL.value))
    if _INPUT.value:
        columns = {"text": _TEXT_COLUMN.value, "text_b": _TEXT_B_COLUMN.value}
        source = predictor.task.open_file(_INPUT.value, columns=columns)
        source.check()
        rows: Iterable[Row] = source.rows()
    else:
        rows = rows_of(_TEXT.value, _TEXT_B.value)
    predictions = predictor.predict(rows, batch_size=_BATCH_SIZE.value)
    bar = tqdm.tqdm(unit=" examples", disable=not _INPUT.value, mininterval=0.5)
    with text_output(_OUTPUT.value) as file, bar:
        for prediction in predictions:
            print(json.dumps(prediction, ensure_ascii=False), file=file)
            bar.update()


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
