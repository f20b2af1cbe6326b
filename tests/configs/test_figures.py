"""The figures of the shipped recipes draw columns that results have."""

import pathlib
import re

import pytest

from pd_bert import config
from pd_bert.analysis.runs import _DEFAULTS
