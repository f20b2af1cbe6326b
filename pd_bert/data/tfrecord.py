"""The layout of TFRecord files."""

import os
import pathlib
import struct
from collections.abc import Iterator

from pd_bert.errors import InputError

FRAME_BYTES = 16
"""The bytes beside each example: 8 of its length, 4 and 4 of checksums."""

_BUFFER = 1 << 18
_LENGTH = struct.Struct("<Q")


def read_examples(
    path: pathlib.Path, *, offset: int, size: int, keep: list[bool]
) -> Iterator[bytes]:
    """Yields those of the serialized examples in a part of a file that are kept.

    The part has `size` bytes from byte `offset` on and as many examples as `keep`. What
    is not kept is skipped, which takes a tenth of the time of parsing it. Raises
    InputError if the file ends before the part does. The checksums are not compared:
    `Records.check` compares that of the whole file.
    """
    with path.open("rb", buffering=_BUFFER) as file:
        if file.seek(0, os.SEEK_END) < offset + size:
            raise InputError(
                f"the manifest lists examples up to byte {offset + size} of {path}, "
                f"which has {file.tell()}"
            )
        file.seek(offset)
        # The checksum of the example before, this one's length and its checksum.
        frame = b"\0" * 4 + file.read(FRAME_BYTES - 4)
        for kept in keep:
            (length,) = _LENGTH.unpack_from(frame, 4)
            if kept:
                yield file.read(length)
            else:
                file.seek(length, os.SEEK_CUR)
            frame = file.read(FRAME_BYTES)
