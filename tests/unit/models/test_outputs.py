"""What is asked of a model."""

import pytest

from pd_bert.models.bert import Bert
from pd_bert.models.heads import MaskedLMHead, PooledHead, TokenHead
from pd_bert.models.network import Network
from pd_bert.models.outputs import EVERY_HEAD, Wanted, joined


def test_either_of_two() -> None:
    one = Wanted(hidden=(4, 1), attention=(2,), embeddings=True, heads=("label",))
    other = Wanted(hidden=(1, 3), attention=(2, 1), pooled=True, heads=("tag", "label"))
    wanted = Wanted(
        hidden=(1, 3, 4),
        attention=(1, 2),
        embeddings=True,
        pooled=True,
        heads=("label", "tag"),
    )
    assert one | other == wanted
    assert wanted | one == wanted | wanted == wanted
    assert one | Wanted() == Wanted() | one == one | one
    assert (Wanted(sequence=True) | Wanted()).sequence
    assert Wanted() | Wanted() == Wanted()


def test_every_head_and_some() -> None:
    some = Wanted(heads=("label",), pooled=True)
    assert (some | EVERY_HEAD) == (EVERY_HEAD | some) == Wanted(heads=None, pooled=True)
    assert joined([]) == Wanted() and Wanted().heads == ()
    assert joined([some, Wanted(hidden=(2,)), Wanted(heads=("tag",))]) == Wanted(
        hidden=(2,), pooled=True, heads=("label", "tag")
    )


@pytest.mark.parametrize(
    ("wanted", "layer"),
    [
        (Wanted(), 0),
        (Wanted(embeddings=True), 0),
        (Wanted(hidden=(2, 1)), 2),
        (Wanted(attention=(3,)), 2),  # its scores need the input of layer 3 alone
        (Wanted(attention=(1,)), 0),
        (Wanted(attention=(3,), hidden=(3,)), 3),
        (Wanted(hidden=(1,), sequence=True), None),
        (Wanted(pooled=True), None),
    ],
)
def test_highest_layer(wanted: Wanted, layer: int | None) -> None:
    assert wanted.highest_layer == layer


def test_what_heads_read_of_the_encoder() -> None:
    heads = {
        "label": PooledHead(num_outputs=2),
        "tag": TokenHead(num_outputs=3),
        "masked_lm": MaskedLMHead(),
    }
    network = Network.of(Bert(name="b", num_layers=2, hidden_dim=8), heads, 20)
    for names, sequence, pooled in (
        ((), False, False),
        (("label",), False, True),
        (("tag",), True, False),
        (("masked_lm",), True, False),
        (None, True, True),
    ):
        found = network.encoder_outputs(Wanted(hidden=(1,), heads=names))
        assert (found.sequence, found.pooled) == (sequence, pooled), names
        assert found.hidden == (1,)
