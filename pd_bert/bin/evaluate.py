"""Measures a model on a file with labels; prints its metrics as JSON.

  pd-bert-evaluate --model=runs/quickstart/latest/distill-pd --input=test.tsv \\
      --text_column=sentence --label_column=label
  pd-bert-evaluate --model=my_saved_model --input=dev.tsv --text_column=sentence \\
      --label_column=label --label_value=0=negative --label_value=1=positive

The metrics are those of the task that the model was trained on. The model is a folder
as for pd-bert-predict; the input of a classification or regression is .tsv or .csv with
a header, or .jsonl, each may be gzip (.gz); another task reads files of its own format.
A label that the model does not know is an error.
"""

import json
import pathlib

from absl import flags

from pd_bert.bin import program
from pd_bert.errors import InputError
from pd_bert.export.measure import measure
from pd_bert.export.predictor import load_predictor

_MODEL = flags.DEFINE_string("model", None, "The folder of the model.", required=True)
_INPUT = flags.DEFINE_string(
    "input", None, "A file with one labeled text per row.", required=True
)
_TEXT_COLUMN = flags.DEFINE_string("text_column", "text", "The column of the text.")
_TEXT_B_COLUMN = flags.DEFINE_string(
    "text_b_column", None, "The column of the second text of pairs."
)
_LABEL_COLUMN = flags.DEFINE_string("label_column", "label", "The column of the label.")
_LABEL_VALUE = flags.DEFINE_multi_string(
    "label_value",
    [],
    "A label of the file and the model's label for it, FILE=MODEL",
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 64, "The number of texts per batch.", lower_bound=1
)


def _main() -> None:
    values = []
    for pair in _LABEL_VALUE.value:
        files, equals, models = pair.partition("=")
        if not equals:
            raise InputError(f"--label_value must be FILE=MODEL; received {pair!r}")
        values.append((files, models))
    predictor = load_predictor(pathlib.Path(_MODEL.value))
    source = predictor.task.open_file(
        _INPUT.value,
        columns={
            "text": _TEXT_COLUMN.value,
            "text_b": _TEXT_B_COLUMN.value,
            "label": _LABEL_COLUMN.value,
        },
        label_values=tuple(values),
    )
    source.check()
    measured = measure(predictor, source, batch_size=_BATCH_SIZE.value)
    print(json.dumps(measured, indent=2))


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
