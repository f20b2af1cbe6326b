"""The configuration of a BERT checkpoint, with the keys of its reference code."""

import pathlib
from collections.abc import Mapping
from typing import Any

from pd_bert.errors import InputError
from pd_bert.models.bert import Bert

_EPSILON = 1e-12


def positive(config: Mapping[str, Any], key: str, path: pathlib.Path) -> int:
    """Returns a size of a configuration; raises InputError if it is none."""
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(
            f"{key} must be a positive integer; received {value!r}: {path}"
        )
    return value


def bert_of(
    config: Mapping[str, Any], path: pathlib.Path, *, activations: Mapping[str, bool]
) -> Bert:
    """Returns the architecture that a configuration describes.

    `activations` maps the names that `hidden_act` may have to True for the exact GELU.
    Raises InputError for a model that `Bert` cannot compute.
    """
    activation = config.get("hidden_act", "gelu")
    if activation not in activations:
        raise InputError(
            f"hidden_act must be {' or '.join(activations)}; received "
            f"{activation!r}: {path}"
        )
    fixed = {
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
        "type_vocab_size": 2,
        "layer_norm_eps": _EPSILON,
    }
    for key, wanted in fixed.items():
        if config.get(key, wanted) != wanted:
            raise InputError(
                f"{key} must be {wanted!r}; received {config[key]!r}: {path}"
            )
    layers = positive(config, "num_hidden_layers", path)
    hidden = positive(config, "hidden_size", path)
    return Bert(
        name=f"L{layers}-H{hidden}",
        num_layers=layers,
        hidden_dim=hidden,
        num_heads=positive(config, "num_attention_heads", path),
        intermediate_dim=positive(config, "intermediate_size", path),
        dropout=_rate(config, "hidden_dropout_prob", path),
        max_sequence_length=positive(config, "max_position_embeddings", path),
        exact_gelu=activations[activation],
    )


def _rate(config: Mapping[str, Any], key: str, path: pathlib.Path) -> float:
    value = config.get(key, 0.1)
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise InputError(
            f"{key} must be at least 0 and below 1; received {value!r}: {path}"
        )
    return float(value)


def config_of(bert: Bert, vocabulary_size: int) -> dict[str, Any]:
    """Returns a configuration without `hidden_act`, which readers name differently."""
    return {
        "vocab_size": vocabulary_size,
        "hidden_size": bert.hidden_dim,
        "num_hidden_layers": bert.num_layers,
        "num_attention_heads": bert.attention_heads,
        "intermediate_size": bert.feed_forward,
        "hidden_dropout_prob": bert.dropout,
        "attention_probs_dropout_prob": bert.dropout,
        "max_position_embeddings": bert.max_sequence_length,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": _EPSILON,
        "position_embedding_type": "absolute",
    }
