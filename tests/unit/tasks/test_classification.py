"""What a classification refuses."""

import pytest

from pd_bert.errors import InputError
from pd_bert.sources.table import Table
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.metrics import accuracy, f1


@pytest.mark.parametrize("labels", [(), ("a", "b", "c")])
def test_f1_is_that_of_the_second_of_two_labels(labels: tuple[str, ...]) -> None:
    source = Table(files="none.tsv", label="label")
    task = Classification(
        name="t", train=source, dev=source, labels=labels, measures=(f1, accuracy)
    )
    with pytest.raises(InputError, match="f1 is that of the second of two labels"):
        task.check()
    Classification(
        name="t", train=source, dev=source, labels=("no", "yes"), measures=(f1,)
    ).check()
