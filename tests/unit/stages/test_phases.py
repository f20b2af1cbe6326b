"""Schedules of several trainings, as stages."""

import functools

import pytest

from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.objectives.masked_lm import MaskedLM
from pd_bert.runs.recipe import in_order
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Stage
from pd_bert.stages.phases import phases
from pd_bert.stages.prepare_corpus import PrepareCorpus
from pd_bert.stages.pretrain import Pretrain
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime


@pytest.fixture
def factory(tmp_path) -> functools.partial[Pretrain]:
    """Makes trainings that differ in what they are given."""
    vocabulary, texts = tmp_path / "vocab.txt", tmp_path / "texts.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    texts.write_text("one text\n")
    return functools.partial(
        Pretrain,
        name="phase",
        corpus=PrepareCorpus(
            source=TextLines(files=str(texts)),
            vocabulary=ReadVocabulary(file=str(vocabulary)),
        ),
        architecture=Bert(name="b", num_layers=1, hidden_dim=8),
        objectives=(MaskedLM(),),
        optimizer=AdamW(learning_rate=1e-3),
    )


def test_each_goes_on_from_the_one_before(factory) -> None:
    first, second, third = (functools.partial(factory, steps=n) for n in (1, 2, 3))
    last = phases((first, second, third))
    assert isinstance(last, Pretrain) and last.steps == 3
    middle = last.initial
    assert isinstance(middle, Pretrain) and middle.steps == 2
    assert middle.initial == first() and first().initial is None


def test_a_single_training_is_that_training(factory) -> None:
    assert phases((factory,)) == factory()


def test_schedules_that_begin_alike_share_their_first_stages(factory) -> None:
    first, second, third, other = (
        functools.partial(factory, steps=n) for n in (1, 2, 3, 4)
    )
    one, two = phases((first, second, third)), phases((first, second, other))
    runtime = Runtime()
    assert one.fingerprint(runtime) != two.fingerprint(runtime)
    assert one.initial is not None and two.initial is not None
    assert one.initial.fingerprint(runtime) == two.initial.fingerprint(runtime)
    trained = [s for s in in_order([one, two], runtime) if isinstance(s, Pretrain)]
    assert [stage.steps for stage in trained] == [1, 2, 3, 4]
    # In another order the phases are other stages.
    three = phases((second, first, third))
    assert three.fingerprint(runtime) != one.fingerprint(runtime)


def test_what_is_no_schedule_of_trainings(factory) -> None:
    with pytest.raises(InputError, match="phases: a schedule has at least one"):
        phases(())

    def no_training() -> Stage:
        return factory().corpus

    with pytest.raises(InputError, match="phases: each is a training stage"):
        phases((no_training,))  # type: ignore[list-item]
