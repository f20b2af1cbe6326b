"""Vectors of a smaller width from a teacher's matrix."""

import numpy as np
import pytest

from pd_bert.errors import InputError
from pd_bert.models import teacher_vectors
from pd_bert.models.bert import Bert
from pd_bert.models.network import Network
from pd_bert.models.teacher_vectors import PcaOfTeacher, SvdOfTeacher
from pd_bert.models.word_vectors import RandomVectors, VectorInputs
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

VOCABULARY = Vocabulary(tokens=(*SPECIAL_TOKENS, *(f"w{i}" for i in range(35))))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> VectorInputs:
    """Of 3 in 8 dimensions, and some pieces in another order; in blocks of 16 rows."""
    monkeypatch.setattr(teacher_vectors, "_ROWS", 16)
    draw = np.random.default_rng(0)
    table = draw.normal(size=(40, 8)) * np.arange(8, 0, -1) + 1
    ids = np.array([*range(0, 40, 2), 1, 39])
    return VectorInputs(
        vocabulary=VOCABULARY, ids=ids, width=3, table=table.astype(np.float32)
    )


@pytest.mark.parametrize("values", [SvdOfTeacher(), PcaOfTeacher()])
def test_they_are_those_of_the_decomposition(given, values) -> None:
    found, known = values.vectors(given)
    table = given.table.astype(np.float64)
    if isinstance(values, PcaOfTeacher):
        table -= table.mean(0)
    u, sigma, vt = np.linalg.svd(table, full_matrices=False)
    wanted = (u * sigma)[given.ids, :3]
    signs = np.sign((wanted * found).sum(0))
    np.testing.assert_allclose(found, wanted * signs, atol=1e-4)
    assert found.dtype == np.float32 and known.all()
    # The sign of an axis is fixed by its largest element.
    largest = np.abs(vt[:3]).argmax(1)
    assert (signs == np.sign(vt[np.arange(3), largest])).all()


def test_inner_products_are_kept_at_full_width(given) -> None:
    table = given.table
    whole = VectorInputs(vocabulary=VOCABULARY, ids=np.arange(40), width=8, table=table)
    found, _ = SvdOfTeacher().vectors(whole)
    np.testing.assert_allclose(found @ found.T, table @ table.T, rtol=1e-3, atol=1e-2)


def test_a_width_above_the_teachers_is_refused() -> None:
    teacher = Network.of(Bert(name="t", num_layers=1, hidden_dim=8, num_heads=1), {}, 9)
    suits = {"teacher": teacher, "vocabulary": None, "where": "encoder s"}
    SvdOfTeacher().require(8, **suits)
    says = "encoder s: PcaOfTeacher .* at most the teacher's width, 8; .* 9 wide"
    with pytest.raises(InputError, match=says):
        PcaOfTeacher().require(9, **suits)
    SvdOfTeacher().require(9, **{**suits, "teacher": None})


def test_random_vectors_are_known_for_no_piece(given) -> None:
    found, known = RandomVectors().vectors(given)
    assert found.shape == (22, 3) and not known.any()
