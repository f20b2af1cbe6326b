"""The command-line programs."""

from pd_bert.bin.native_log import quieten

quieten()
