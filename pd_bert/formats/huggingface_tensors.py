"""Weights in safetensors files, under the names of Hugging Face's BERT.

Only safetensors are read: a pickle can run any program.
"""

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import safetensors
import safetensors.numpy

from pd_bert.errors import InputError
from pd_bert.formats.bert_tensors import MASKED_LM, shapes
from pd_bert.formats.tensor_file import TensorFile
from pd_bert.models.bert import Bert
from pd_bert.models.heads import Head, MaskedLMHead, PooledHead
from pd_bert.system.atomic import read_json

WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_DECODER = "cls.predictions.decoder"
# Buffers, and copies of weights under another name.
_IGNORED = (
    "bert.embeddings.position_ids",
    "embeddings.position_ids",
    f"{_DECODER}.weight",
    f"{_DECODER}.bias",
)
_NAMES = {
    f"{MASKED_LM}/output_bias": ("cls.predictions.bias", f"{_DECODER}.bias"),
    "cls/seq_relationship/output_weights": ("cls.seq_relationship.weight",),
    "cls/seq_relationship/output_bias": ("cls.seq_relationship.bias",),
    "output_weights": ("classifier.weight",),
    "output_bias": ("classifier.bias",),
}


def names(reference: str) -> tuple[str, ...]:
    """Returns a tensor's names in PyTorch: the one that is written, then older ones.

    >>> names("bert/encoder/layer_0/output/LayerNorm/gamma")[0]
    'bert.encoder.layer.0.output.LayerNorm.weight'
    """
    if reference in _NAMES:
        return _NAMES[reference]
    path, _, last = reference.replace("layer_", "layer.").rpartition("/")
    stem = path.replace("/", ".")
    endings = {"kernel": ("weight",), "gamma": ("weight", "gamma")}
    endings |= {"beta": ("bias", "beta"), "bias": ("bias",)}
    found = [f"{stem}.{end}" for end in endings.get(last, (f"{last}.weight",))]
    return (*found, *(name.removeprefix("bert.") for name in found))


def open_tensors(folder: pathlib.Path, bert: Bert, *, classifier: bool) -> TensorFile:
    """Opens the safetensors of a folder; raises InputError if they are not readable."""
    places = dict(_places(folder))
    heads: dict[str, Head] = {
        "masked_lm": MaskedLMHead(),
        "next_sentence": PooledHead(num_outputs=2),
    }
    if classifier:
        heads["label"] = PooledHead(num_outputs=1)
    found = {}
    for reference in shapes(bert, 1, heads):
        for name in names(reference):
            if name in places:
                found[reference] = name
                break
    held = {}
    for reference, name in found.items():
        shape = places[name][1]
        held[reference] = shape[::-1] if reference.endswith("/kernel") else shape

    def read(reference: str) -> np.ndarray:
        name = found[reference]
        array = _read(places[name][0], name)
        return array.T if reference.endswith("/kernel") else array

    used = {*found.values(), *_IGNORED}
    return TensorFile(
        folder=folder,
        shapes=held,
        read=read,
        unused=tuple(name for name in places if name not in used),
    )


def require_tied(folder: pathlib.Path) -> None:
    """Raises InputError if the masked-LM head has an output matrix of its own."""
    places = dict(_places(folder))
    decoder = f"{_DECODER}.weight"
    if decoder not in places:
        return
    embeddings = next(
        n for n in names("bert/embeddings/word_embeddings") if n in places
    )
    first = _read(places[decoder][0], decoder)
    if not np.array_equal(first, _read(places[embeddings][0], embeddings)):
        raise InputError(
            "a masked-LM head must share the token embeddings; "
            f"{decoder} differs from them: {folder}"
        )


def write_tensors(arrays: Mapping[str, np.ndarray], path: pathlib.Path) -> None:
    """Writes one file; `arrays` have their reference names as keys."""
    bare = not any(name.startswith("cls") or "/" not in name for name in arrays)
    renamed = {}
    for reference, array in arrays.items():
        # The names of an encoder alone have no prefix, those with heads have `bert.`.
        name = names(reference)[0]
        array = array.T if reference.endswith("/kernel") else array
        key = name.removeprefix("bert.") if bare else name
        renamed[key] = np.ascontiguousarray(array)
    # transformers refuses a file without the format "pt".
    safetensors.numpy.save_file(renamed, path, metadata={"format": "pt"})


def _places(
    folder: pathlib.Path,
) -> Iterator[tuple[str, tuple[pathlib.Path, tuple[int, ...]]]]:
    """Yields the name, the file and the shape of each stored tensor."""
    for path in _files(folder):
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 (it is no mapping)
                    yield name, (path, tuple(file.get_slice(name).get_shape()))
        except (safetensors.SafetensorError, OSError) as error:
            raise InputError(f"not readable safetensors ({error}): {path}") from error


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / _INDEX).is_file():
        index = read_json(folder / _INDEX)
        listed = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(listed, dict) or not listed:
            raise InputError(f"an index of safetensors must have weight_map: {folder}")
        shards = {pathlib.Path(str(name)).name for name in listed.values()}
        return [folder / name for name in sorted(shards)]
    if any((folder / name).is_file() for name in _PICKLES):
        raise InputError(
            f"weights are read from {WEIGHTS} only, as a pickle can run any program; "
            f"{folder} has only {_PICKLES[0]}: save it again with transformers"
        )
    raise InputError(f"a Hugging Face folder must contain {WEIGHTS}; {folder} does not")


def _read(path: pathlib.Path, name: str) -> np.ndarray:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return np.asarray(file.get_tensor(name), np.float32)
    except (safetensors.SafetensorError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be read ({error}): {path}") from error
