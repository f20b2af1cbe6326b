"""Reads a checkpoint of BERT in one format and writes it in another.

  pd-bert-convert --input=bert-base-uncased --output=bert_base --to=artifact
  pd-bert-convert --input=runs/quickstart/latest/distill-pd --output=my_model \\
      --to=huggingface

The input is a folder of pd_bert (an artifact), of Hugging Face (config.json,
model.safetensors), of keras-nlp (a preset) or of BERT's reference code
(bert_config.json, a TensorFlow 1 checkpoint, vocab.txt); its format is recognized.
Weights are read from safetensors, never from a pickle. Parts of the model that the
other format cannot hold are listed.
"""

import dataclasses
import pathlib

from absl import flags

from pd_bert.bin import program
from pd_bert.errors import InputError
from pd_bert.formats.base import LoadedModel
from pd_bert.formats.known import FORMATS, WRITABLE, recognize
from pd_bert.system.atomic import folder_written_aside

_INPUT = flags.DEFINE_string("input", None, "The folder to read.", required=True)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The folder to write; it must not exist.", required=True
)
_TO = flags.DEFINE_enum("to", None, WRITABLE, "The format to write.", required=True)
_LOWERCASE = flags.DEFINE_bool(
    "lowercase",
    None,
    "Lower-case the texts; by default as the input records it, else yes.",
)
_PAIRS = flags.DEFINE_bool(
    "pairs",
    None,
    "The classifier takes two texts; by default as the input records it, else no.",
)


def _main() -> None:
    folder, output = pathlib.Path(_INPUT.value), pathlib.Path(_OUTPUT.value)
    with folder_written_aside(output) as aside:
        source = recognize(folder)
        checkpoint = _of_pairs(source.read(folder, _LOWERCASE.value))
        lines = FORMATS[_TO.value].write(checkpoint, aside)
    print(f"Read: {folder} ({source.name}); {checkpoint.summary()}")
    for line in lines:
        print(f"Note: {line}")
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    print(f"Wrote: {output} ({_TO.value}), {size / 1e6:.1f} MB")


def _of_pairs(checkpoint: LoadedModel) -> LoadedModel:
    if _PAIRS.value is None:
        return checkpoint
    if not checkpoint.info.get("labels"):
        raise InputError("--pairs needs a classifier; the input has no labels")
    inputs = ["text", "text_b"] if _PAIRS.value else ["text"]
    info = {**checkpoint.info, "inputs": inputs}
    return dataclasses.replace(checkpoint, info=info)


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
