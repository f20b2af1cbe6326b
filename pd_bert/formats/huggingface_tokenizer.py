"""The tokenizer files of a Hugging Face folder."""

import dataclasses
import pathlib
from typing import Any

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from pd_bert.errors import InputError
from pd_bert.system.atomic import read_json, write_json
from pd_bert.text.vocabulary import (
    CLS,
    CONTINUATION_PREFIX,
    MASK,
    PAD,
    SEP,
    SPECIAL_TOKENS,
    UNK,
    Vocabulary,
    is_cased,
)

_TOKENS, _FAST, _CONFIG = "vocab.txt", "tokenizer.json", "tokenizer_config.json"
_SPECIAL = {
    "unk_token": UNK,
    "sep_token": SEP,
    "pad_token": PAD,
    "cls_token": CLS,
    "mask_token": MASK,
}
# As in text/wordpiece.py, which counts bytes: a longer word is one [UNK].
_LONGEST_WORD = 400


def config_of(folder: pathlib.Path) -> dict[str, Any]:
    """Returns tokenizer_config.json; {} where there is none."""
    return _object(folder / _CONFIG)


def read_vocabulary(folder: pathlib.Path, lowercase: bool | None) -> Vocabulary:
    """Returns a folder's word pieces, from vocab.txt or tokenizer.json.

    Raises InputError if there are none, or if only one of lower-casing and stripping of
    accents is wanted, which `Vocabulary` cannot express.
    """
    fast = _object(folder / _FAST)
    if (folder / _TOKENS).is_file():
        read = Vocabulary.read(folder / _TOKENS)
    elif fast:
        read = Vocabulary(tokens=_fast_tokens(fast, folder))
    else:
        raise InputError(
            f"a Hugging Face folder must contain its vocabulary, {_TOKENS} or {_FAST}; "
            f"{folder} does not"
        )
    if lowercase is None:
        lowercase = _lowercase(folder, fast)
    if lowercase is None:  # only the letters of the pieces can show it
        lowercase = not is_cased(read.tokens)
    return dataclasses.replace(read, lowercase=lowercase)


def _fast_tokens(fast: dict[str, Any], folder: pathlib.Path) -> tuple[str, ...]:
    """Returns the word pieces of a tokenizer.json."""
    found = fast.get("model")
    model = found if isinstance(found, dict) else {}
    ids = model.get("vocab")
    if (
        not isinstance(ids, dict)
        or model.get("type", "WordPiece") != "WordPiece"
        or model.get("continuing_subword_prefix") != CONTINUATION_PREFIX
    ):
        raise InputError(
            f"a BERT tokenizer must have word pieces; {folder / _FAST} has none"
        )
    ordered = sorted(ids, key=ids.__getitem__)
    if [ids[token] for token in ordered] != list(range(len(ordered))):
        raise InputError(
            f"the ids of a vocabulary must be 0, 1, … without gaps: {folder / _FAST}"
        )
    return tuple(ordered)


def _lowercase(folder: pathlib.Path, fast: dict[str, Any]) -> bool | None:
    """Returns the folder's setting of lower case; None if it has none."""
    config = config_of(folder)
    normalizer = fast.get("normalizer")
    if not isinstance(normalizer, dict):
        normalizer = {}
    lowercase = config.get("do_lower_case", normalizer.get("lowercase"))
    strip = config.get("strip_accents", normalizer.get("strip_accents"))
    if None not in (strip, lowercase) and bool(strip) != bool(lowercase):
        raise InputError(
            "accents can be stripped from lower-cased texts and from no others; "
            f"{folder} has do_lower_case {lowercase} and strip_accents {strip}: set "
            "lowercase to read it nevertheless"
        )
    return None if lowercase is None else bool(lowercase)


def write_tokenizer(
    vocabulary: Vocabulary, folder: pathlib.Path, *, longest: int
) -> None:
    """Writes vocab.txt, tokenizer.json and their settings.

    `longest` is the number of tokens that transformers truncates to. Unlike
    `WordPiece`, transformers recognizes special tokens such as [MASK] inside a text.
    """
    vocabulary.write(folder / _TOKENS)
    _tokenizer(vocabulary).save(str(folder / _FAST))
    config = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": vocabulary.lowercase,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "model_max_length": longest,
        **_SPECIAL,
    }
    write_json(folder / _CONFIG, config)
    write_json(folder / "special_tokens_map.json", _SPECIAL)


def _tokenizer(vocabulary: Vocabulary) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(
        models.WordPiece(
            vocabulary.ids,
            unk_token=UNK,
            continuing_subword_prefix=CONTINUATION_PREFIX,
            max_input_chars_per_word=_LONGEST_WORD,
        )
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=vocabulary.lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix=CONTINUATION_PREFIX)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS}:0 $A:0 {SEP}:0",
        pair=f"{CLS}:0 $A:0 {SEP}:0 $B:1 {SEP}:1",
        special_tokens=[(CLS, vocabulary.cls_id), (SEP, vocabulary.sep_id)],
    )
    return tokenizer


def _object(path: pathlib.Path) -> dict[str, Any]:
    data = read_json(path) if path.is_file() else {}
    return data if isinstance(data, dict) else {}
