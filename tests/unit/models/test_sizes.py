"""The sizes of Turc et al. (2019), Table 1a."""

import importlib.util  # noqa: F401  # gin uses it without importing it

import gin
import pytest

from pd_bert import config
from pd_bert.models.bert import Bert, resized
from pd_bert.models.heads import MaskedLMHead, PooledHead
from pd_bert.models.model import Model

VOCABULARY = 30522

# (layers, hidden): the table's millions, and the count of encoder and pooler.
TABLE = {
    (2, 128): (4.4, 4_385_920),
    (2, 256): (9.7, 9_591_040),
    (2, 512): (22.8, 22_458_880),
    (2, 768): (39.2, 38_603_520),
    (4, 128): (4.8, 4_782_464),
    (4, 256): (11.3, 11_170_560),
    (4, 512): (29.1, 28_763_648),
    (4, 768): (53.4, 52_779_264),
    (6, 128): (5.2, 5_179_008),
    (6, 256): (12.8, 12_750_080),
    (6, 512): (35.4, 35_068_416),
    (6, 768): (67.5, 66_955_008),
    (8, 128): (5.6, 5_575_552),
    (8, 256): (14.4, 14_329_600),
    (8, 512): (41.7, 41_373_184),
    (8, 768): (81.7, 81_130_752),
    (10, 128): (6.0, 5_972_096),
    (10, 256): (16.0, 15_909_120),
    (10, 512): (48.0, 47_677_952),
    (10, 768): (95.9, 95_306_496),
    (12, 128): (6.4, 6_368_640),
    (12, 256): (17.6, 17_488_640),
    (12, 512): (54.3, 53_982_720),
    (12, 768): (110.1, 109_482_240),
}
NAMES = {
    "tiny": (2, 128),
    "mini": (4, 256),
    "small": (4, 512),
    "medium": (8, 512),
    "base": (12, 768),
    "large": (24, 1024),
}
NAMED = {shape: name for name, shape in NAMES.items()}
SIZES = [(NAMED.get(s, f"l{s[0]}_h{s[1]}"), *s) for s in [*TABLE, (24, 1024)]]


@pytest.mark.parametrize(("name", "layers", "hidden"), SIZES)
def test_size_file(name: str, layers: int, hidden: int) -> None:
    gin.clear_config()
    gin.parse_config_file(str(config.gin_folder() / "sizes" / f"{name}.gin"))
    with gin.config_scope(name):
        size = gin.get_configurable(Bert)()
    assert size == Bert(name=name, num_layers=layers, hidden_dim=hidden)
    assert size.attention_heads == hidden // 64 and size.feed_forward == 4 * hidden


def test_no_size_file_is_left_out() -> None:
    files = {path.stem for path in (config.gin_folder() / "sizes").glob("*.gin")}
    of_bert = {name for name in files if not name.startswith("bilstm_")}
    assert of_bert == {name for name, _, _ in SIZES} | {"all"}


@pytest.mark.parametrize("shape", TABLE)
def test_parameters(shape: tuple[int, int]) -> None:
    layers, h = shape
    millions, count = TABLE[shape]
    size = Bert(name="any", num_layers=layers, hidden_dim=h)
    assert size.parameters(VOCABULARY) == count
    # The table counts the MLM head, with its decoder tied, and the NSP head.
    with_heads = count + (h * h + h + 2 * h + VOCABULARY) + (2 * h + 2)
    # It says 67.5 for 67.58 and 81.7 for 81.75; the others are rounded.
    assert abs(with_heads / 1e6 - millions) < 0.08


@pytest.mark.parametrize("shape", [(2, 128), (4, 256)])
def test_a_model_has_that_many(shape: tuple[int, int]) -> None:
    layers, h = shape
    size = Bert(name="any", num_layers=layers, hidden_dim=h)
    encoder = Model(size, {}, VOCABULARY)
    assert encoder.parameters == TABLE[shape][1]
    heads = {
        "masked_lm": MaskedLMHead(),
        "next_sentence": PooledHead(num_outputs=2),
    }
    pretrained = Model(size, heads, VOCABULARY)
    assert round(pretrained.parameters / 1e6, 1) == TABLE[shape][0]


def test_a_size_like_another() -> None:
    tiny = Bert(name="tiny", num_layers=2, hidden_dim=128)
    deep = resized(tiny, num_layers=12)
    assert (deep.name, deep.num_layers, deep.hidden_dim) == ("l12_h128", 12, 128)
    assert resized(tiny, num_layers=2) == tiny  # by its own name: both are made once
    plain = resized(tiny, dropout=0.0)
    assert (plain.name, plain.dropout, plain.num_layers) == ("tiny", 0.0, 2)
