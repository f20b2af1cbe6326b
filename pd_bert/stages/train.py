"""Stages that train a model: what they share."""

import dataclasses
import math
from collections.abc import Sequence

from pd_bert.costs.work import (
    Load,
    ModelPasses,
    TeacherLoad,
    TrainingLoad,
    TrainingSteps,
    Works,
)
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.models.initialization import Whole
from pd_bert.models.network import Network
from pd_bert.stages.base import Context, Info, Outcome, Stage, require_same_labels
from pd_bert.stages.data_set import DataSet
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.stages.train_settings import TrainSettings
from pd_bert.stages.train_together import train_together
from pd_bert.training.inputs import BatchInputs
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime


class Train(TrainSettings):
    """Trains a model; see `TrainSettings`."""

    def companions(self, runtime: Runtime) -> str:
        """Equal for students that can learn from the same batches and teachers."""
        return dataclasses.replace(
            self,
            name="",
            architecture=None,
            initial=None,
            initialization=Whole(),
            trainable=None,
            objectives=(),
            student_inputs=BatchInputs(),
            optimizer=AdamW(learning_rate=0.0),
            accumulation=1,
            seed=self.order,
            order_seed=self.order,
        ).fingerprint(runtime)

    def run(self, context: Context) -> Info:
        (outcome,) = self.run_together([(self, context)])
        if isinstance(outcome, InputError):
            raise outcome
        return outcome

    @classmethod
    def run_together(cls, runs: Sequence[tuple[Stage, Context]]) -> list[Outcome]:
        return train_together([(s, c) for s, c in runs if isinstance(s, Train)])

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        self._require_same_texts(inputs)
        data, mine = self.data, inputs[self.field_of(self.data.train.stage)]
        labels: tuple[str, ...] | None = ()
        if data.labels is not None:
            labels = inputs[self.field_of(data.labels)].labels
        for stage in () if labels is None else self._labelers(labels):
            has = inputs[self.field_of(stage)].labels
            if stage is data.train.stage and not has:
                continue  # it stores no logits, which `require_features` refuses
            require_same_labels(
                self.where,
                model=f"the teacher of {stage.title}",
                has=has,
                wanted=labels,
            )
        outline = dataclasses.replace(
            super().outline(inputs, survey),
            labels=labels,
            inputs=mine.inputs,
            sequence_length=mine.sequence_length,
        )
        initial = inputs["initial"].network if "initial" in inputs else None
        architecture = self.architecture or (initial.architecture if initial else None)
        size = outline.vocabulary_size
        if labels is None or architecture is None or size is None:
            return outline
        network = Network.of(architecture, data.task.heads(labels), size)
        self.require(network, self._networks(inputs, with_every_head=True))
        if records := (mine.splits or {}).get(data.train.folder):
            self.require_features(records.spec, network, data.train.stage.title)
        if initial is not None:
            # Vocabularies are the same, so their sizes are.
            its = Network.of(initial.architecture, {}, size)
            self.initialization.check(network, its, self.where)
        return dataclasses.replace(outline, network=network)

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        measured = {
            split: self._expected(data, inputs)
            for split, data in self.data.measured.items()
        }
        decides = measured.get("dev")
        if self.validation is not None:
            decides = self._expected(DataSet(self.validation), inputs)
        data = self._expected(self.data.train, inputs)
        networks = self._networks(inputs)
        load = TrainingLoad(
            network=outline.require_network(),
            task=self.data.task,
            spec=tuple(data.spec.items()),
            sequence_length=data.sequence_length,
            batch_size=self.batch_size,
            buckets=runtime.buckets(self.buckets, data.sequence_length),
            objectives=self.objectives,
            trainable=self.trainable,
            student_inputs=self.student_inputs,
            teachers=tuple(
                TeacherLoad(
                    name=name,
                    network=networks.get(name),
                    wanted=wanted,
                    live=name in self.live,
                )
                for name, wanted in self.wanted_of_teachers.items()
            ),
            optimizer=self.optimizer,
            accumulation=self.accumulation,
        )
        epoch = data.batch_lengths(
            batch_size=self.batch_size, buckets=load.buckets, shuffle=True
        )
        per_epoch = math.ceil(sum(epoch.values()))
        steps = self.steps or per_epoch * self.epochs
        every = self.evaluate_every or max(1, per_epoch)
        evaluations = None if decides is None else math.ceil(steps / every)
        training = TrainingSteps(
            load=load,
            records=data,
            epoch=epoch,
            steps=steps,
            evaluations=evaluations,
            exact=data.exact or self.steps is not None,
        )
        # The best weights are measured once more on every split. Rows of a validation
        # set may have no label: their loss is that of the objectives.
        passes = [(records, 1.0) for records in measured.values()]
        judging = (decides, float(evaluations or 0)) if decides else None
        if judging and self.validation is None:
            passes.append(judging)
        measuring = Load(
            network=load.network,
            task=load.task,
            spec=tuple(passes[-1][0].spec.items()) if passes else load.spec,
            sequence_length=load.sequence_length,
            batch_size=max(self.batch_size, 32),
            buckets=load.buckets,
        )
        works = (training, ModelPasses(load=measuring, records=tuple(passes)))
        if judging is None or self.validation is None:
            return works
        judged = dataclasses.replace(
            measuring, spec=tuple(judging[0].spec.items()), measured=False
        )
        return *works, ModelPasses(load=judged, records=(judging,))

    def _expected(self, data: DataSet, inputs: Outlines) -> ExpectedRecords:
        return inputs[self.field_of(data.stage)].require_records(data.folder)

    def _networks(
        self, inputs: Outlines, *, with_every_head: bool = False
    ) -> dict[str, Network]:
        """The networks of the teachers by name, as far as they are known."""
        found = {}
        for name in self.wanted_of_teachers:
            stage = self.live.get(name, self.data.train.stage)
            outline = inputs[self.field_of(stage)]
            network = outline.network if name in self.live else outline.teacher
            if network and (outline.every_head or not with_every_head):
                found[name] = network
        return found

    def _require_same_texts(self, inputs: Outlines) -> None:
        """Raises InputError for data to measure on whose rows have other texts."""
        train = self.data.train.stage
        for stage in (each.stage for each in self.data.measured.values()):
            one, other = (inputs[self.field_of(s)].inputs for s in (train, stage))
            if one and other and one != other:
                raise InputError(
                    f"{self.where}: transfer set and task must have the same texts; "
                    f"{train.title} has {' and '.join(one)}, {stage.title} has "
                    f"{' and '.join(other)}"
                )
