"""The tensors of a BERT checkpoint, under the names of BERT's reference code.

Kernels are [in, out] and attention heads are side by side in one dimension, as in
https://github.com/google-research/bert. Other layouts are converted from and to these.
"""

from collections.abc import Iterator, Mapping

import keras

from pd_bert.models.bert import Bert
from pd_bert.models.heads import Head, MaskedLMHead, PooledHead
from pd_bert.models.model import Model

Shapes = dict[str, tuple[int, ...]]

POOLER = "bert/pooler/dense"
MASKED_LM = "cls/predictions"
POOLED_HEADS = {"next_sentence": "cls/seq_relationship/", "label": ""}
"""The prefixes of `output_weights` [outputs, hidden] and `output_bias`."""


def known_heads(heads: Mapping[str, Head]) -> dict[str, Head]:
    """Returns the heads that BERT's checkpoints have names for."""
    return {
        name: head
        for name, head in heads.items()
        if (name == "masked_lm" and type(head) is MaskedLMHead)
        or (name in POOLED_HEADS and type(head) is PooledHead)
    }


def shapes(bert: Bert, vocabulary_size: int, heads: Mapping[str, Head]) -> Shapes:
    """Returns the shape of every tensor of a model with these heads, by name."""
    h, f = bert.hidden_dim, bert.feed_forward
    found: Shapes = {
        "bert/embeddings/word_embeddings": (vocabulary_size, h),
        "bert/embeddings/position_embeddings": (bert.max_sequence_length, h),
        "bert/embeddings/token_type_embeddings": (2, h),
        **_norm("bert/embeddings", h),
    }
    for index in range(bert.num_layers):
        layer = f"bert/encoder/layer_{index}"
        for part in ("query", "key", "value"):
            found |= _dense(f"{layer}/attention/self/{part}", h, h)
        found |= _dense(f"{layer}/attention/output/dense", h, h)
        found |= _norm(f"{layer}/attention/output", h)
        found |= _dense(f"{layer}/intermediate/dense", h, f)
        found |= _dense(f"{layer}/output/dense", f, h)
        found |= _norm(f"{layer}/output", h)
    found |= _dense(POOLER, h, h)
    for name, head in known_heads(heads).items():
        if isinstance(head, MaskedLMHead):
            found |= _dense(f"{MASKED_LM}/transform/dense", h, h)
            found |= _norm(f"{MASKED_LM}/transform", h)
            found[f"{MASKED_LM}/output_bias"] = (vocabulary_size,)
        elif isinstance(head, PooledHead):
            prefix = POOLED_HEADS[name]
            found[f"{prefix}output_weights"] = (head.num_outputs, h)
            found[f"{prefix}output_bias"] = (head.num_outputs,)
    return found


def _dense(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def _norm(name: str, size: int) -> Shapes:
    return {f"{name}/LayerNorm/gamma": (size,), f"{name}/LayerNorm/beta": (size,)}


def variables(model: Model) -> dict[str, keras.Variable]:
    """Returns a model's weights under these names; only attention heads are split.

    A pooled head's kernel is [hidden, outputs] here, `output_weights` its transpose.
    """
    return dict(_variables(model))


def _variables(model: Model) -> Iterator[tuple[str, keras.Variable]]:
    backbone = model.encoder.backbone  # type: ignore[attr-defined]
    yield "bert/embeddings/word_embeddings", backbone.token_embedding.embeddings
    positions = backbone.position_embedding.position_embeddings
    yield "bert/embeddings/position_embeddings", positions
    yield "bert/embeddings/token_type_embeddings", backbone.segment_embedding.embeddings
    yield from _of_norm("bert/embeddings", backbone.embeddings_layer_norm)
    for index, layer in enumerate(backbone.transformer_layers):
        name, attention = f"bert/encoder/layer_{index}", layer._self_attention_layer
        for part in ("query", "key", "value"):
            dense = getattr(attention, f"{part}_dense")
            yield from _of_dense(f"{name}/attention/self/{part}", dense)
        yield from _of_dense(f"{name}/attention/output/dense", attention.output_dense)
        norm = layer._self_attention_layer_norm
        yield from _of_norm(f"{name}/attention/output", norm)
        intermediate = layer._feedforward_intermediate_dense
        yield from _of_dense(f"{name}/intermediate/dense", intermediate)
        yield from _of_dense(f"{name}/output/dense", layer._feedforward_output_dense)
        yield from _of_norm(f"{name}/output", layer._feedforward_layer_norm)
    yield from _of_dense(POOLER, backbone.pooled_dense)
    for name in known_heads(model.head_values):
        layers = model.head_layers[name]
        if name == "masked_lm":
            (head,) = layers
            transform = f"{MASKED_LM}/transform"
            yield from _of_dense(f"{transform}/dense", head._intermediate_dense)
            yield from _of_norm(transform, head._intermediate_layer_norm)
            yield f"{MASKED_LM}/output_bias", head._bias
        else:
            dense = layers[-1]
            yield f"{POOLED_HEADS[name]}output_weights", dense.kernel
            yield f"{POOLED_HEADS[name]}output_bias", dense.bias


def _of_dense(
    name: str, layer: keras.layers.Layer
) -> Iterator[tuple[str, keras.Variable]]:
    yield f"{name}/kernel", layer.kernel
    yield f"{name}/bias", layer.bias


def _of_norm(
    name: str, layer: keras.layers.Layer
) -> Iterator[tuple[str, keras.Variable]]:
    yield f"{name}/LayerNorm/gamma", layer.gamma
    yield f"{name}/LayerNorm/beta", layer.beta
