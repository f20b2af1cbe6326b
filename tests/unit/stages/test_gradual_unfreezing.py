"""Trainings in steps, each of which trains more parts than the one before."""

import functools

import pytest

from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.representation import Representation
from pd_bert.sources.held import Held
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.gradual_unfreezing import from_top, gradual_unfreezing
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.tasks.classification import Classification
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime


@pytest.fixture
def factory(tmp_path) -> functools.partial[Finetune]:
    """Makes trainings that differ in what they are given."""
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    task = Classification(name="t", train=Held(held=()), dev=Held(held=()))
    return functools.partial(
        Finetune,
        name="phase",
        task_data=PrepareTask(
            task=task, vocabulary=ReadVocabulary(file=str(vocabulary))
        ),
        architecture=Bert(name="b", num_layers=2, hidden_dim=8),
        objectives=(Labels(),),
        optimizer=AdamW(learning_rate=1e-3),
    )


GROUPS = [
    ("label",),
    ("pooler",),
    ("layer_1",),
    ("layer_0",),
    ("embeddings", "token_embedding"),
]


def chain(last: Finetune) -> list[Finetune]:
    """The trainings from the first to the last."""
    found = [last]
    while isinstance(before := found[0].initial, Finetune):
        found.insert(0, before)
    return found


def test_parts_are_added_from_output_to_input(factory) -> None:
    stages = chain(gradual_unfreezing(factory))
    added = [
        stage.trainable[len(before.trainable) if before else 0 :]
        for stage, before in zip(stages, [None, *stages], strict=False)
    ]
    assert [set(group) for group in added] == [set(group) for group in GROUPS]
    assert [stage.name for stage in stages][:3] == [
        "phase-label",
        "phase-pooler",
        "phase-layer_1",
    ]
    assert stages[0].initial is None


def test_the_first_step_begins_with_what_is_given(factory) -> None:
    before = factory(name="before")
    stages = chain(gradual_unfreezing(factory, initial=before))
    assert stages[0] == before and len(stages) == 1 + len(GROUPS)


def test_parts_that_no_objective_reads_have_no_step(factory) -> None:
    of_states = functools.partial(factory, objectives=(Representation(),))
    groups = from_top(of_states())
    assert [set(group) for group in groups] == [set(group) for group in GROUPS[2:]]
    pooled = functools.partial(factory, objectives=(Representation(pooled=True),))
    assert from_top(pooled())[0] == ("pooler",)


def test_an_architecture_may_be_that_of_the_initial_model(factory) -> None:
    first = factory()
    later = functools.partial(factory, architecture=None, initial=first)
    assert from_top(later()) == from_top(first)


def test_steps_may_be_given(factory) -> None:
    steps = (("label", "pooler"), ("layer_1", "layer_0"))
    stages = chain(gradual_unfreezing(factory, steps=steps))
    assert [stage.trainable for stage in stages] == [steps[0], steps[0] + steps[1]]
    for wrong in ((), (("label",), ())):
        with pytest.raises(InputError, match="every step must add at least one part"):
            gradual_unfreezing(factory, steps=wrong)


def test_schedules_that_begin_alike_share_their_steps(factory) -> None:
    one = gradual_unfreezing(factory, steps=(("label",), ("pooler",)))
    other = gradual_unfreezing(factory, steps=(("label",), ("layer_1",)))
    assert one.initial == other.initial
    assert one.fingerprint(Runtime()) != other.fingerprint(Runtime())
