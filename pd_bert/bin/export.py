"""Writes a model as a TensorFlow SavedModel that takes raw text.

  pd-bert-export --model=runs/quickstart/latest/distill-pd --output=my_saved_model

The model is a fine-tuned or distilled one of pd-bert-run. The SavedModel contains the
tokenizer and needs only tensorflow and tensorflow-text. Its signature serving_default
takes `text`, for pairs also `text_b`; its signature token_ids takes ids.
assets.extra/pd_bert.json contains the label names in the order of the logits.
"""

import pathlib

from absl import flags

from pd_bert.artifact import Artifact
from pd_bert.bin import program
from pd_bert.export.saved_model import export
from pd_bert.system.atomic import folder_written_aside

_MODEL = flags.DEFINE_string(
    "model", None, "The folder of a model with a task's head.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The folder to write; it must not exist.", required=True
)


def _main() -> None:
    artifact = Artifact(pathlib.Path(_MODEL.value))
    output = pathlib.Path(_OUTPUT.value)
    with folder_written_aside(output) as aside:
        export(artifact, aside)
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    print(f"SavedModel: {output}, {size / 1e6:.1f} MB")
    print(f"Outputs: {', '.join(artifact.labels)}")


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
