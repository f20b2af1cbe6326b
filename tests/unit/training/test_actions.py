"""The actions of a training: what it reports while it runs."""

import numpy as np

from pd_bert.training.actions import ProgressBar


def test_a_resumed_training_does_not_count_what_was_done_before() -> None:
    before = 10**9
    with ProgressBar("pretrain", 2 * before, 1) as bar:
        bar._bar.mininterval = bar._bar.miniters = 0
        bar.steps(before + 20, np.ones(20))
        bar.steps(before + 40, np.ones(20))
        shown = bar._bar.format_dict
    assert (shown["initial"], shown["n"]) == (before, before + 40)
    # Not the examples of before in the milliseconds since.
    assert shown["rate"] < before
