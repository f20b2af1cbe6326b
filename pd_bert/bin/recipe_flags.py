"""The flags of the programs that run a recipe."""

from absl import flags

GIN_FILE = flags.DEFINE_multi_string(
    "gin_file",
    None,
    "A recipe's name or path, or another gin file",
    required=True,
)
GIN_BINDINGS = flags.DEFINE_multi_string(
    "gin_bindings", [], "A binding that overrides the files, 'K = V'"
)
WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "The directory for artifacts and results; it is made if it does not exist.",
    required=True,
)
REUSE = flags.DEFINE_multi_string(
    "reuse",
    [],
    "Another working directory: stages that are finished there are linked, not run",
)
