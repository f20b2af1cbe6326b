"""All formats, and which one a folder has."""

import pathlib

from pd_bert.errors import InputError
from pd_bert.formats.artifact import ArtifactFolder
from pd_bert.formats.base import Format
from pd_bert.formats.huggingface import HuggingFace
from pd_bert.formats.keras_preset import KerasPreset
from pd_bert.formats.tf1_bert import TF1Bert

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (ArtifactFolder(), HuggingFace(), KerasPreset(), TF1Bert())
}
WRITABLE = tuple(
    name for name, format in FORMATS.items() if type(format).write is not Format.write
)
_SHOWN = 8


def recognize(folder: pathlib.Path) -> Format:
    """Returns the format of a folder; raises InputError if it has none of them."""
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}")
    for format in FORMATS.values():
        if format.recognizes(folder):
            return format
    found = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    raise InputError(
        "a checkpoint's folder must contain "
        f"{' or '.join(format.holds for format in FORMATS.values())}; "
        f"{folder} contains {shown or 'nothing'}"
    )
