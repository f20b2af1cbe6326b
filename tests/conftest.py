"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; without it, the tests that need it skip.

    `$PD_BERT_DATA` names it; the default is `../shared/data` beside the repository.
    """
    default = _REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("PD_BERT_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"needs the data folder {folder}; set PD_BERT_DATA to move it")
    return folder
