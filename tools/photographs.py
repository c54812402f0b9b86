"""Sort the photographs that two public wheels carry into folders for `har simulate --surfaces`.

usage: pip download --no-deps scikit-image==0.26.0 scikit-learn==1.9.1
       python tools/photographs.py scikit_image-*.whl scikit_learn-*.whl photographs

Brick, grass, gravel, cat, coffee, rocket and galaxies are in the public domain or CC0; temple and flower are
CC BY 2.0 (scikit-learn's README of its images names the photographers).
"""

import sys
import zipfile
from pathlib import Path

USES = {
    "pictures": ("chelsea.png", "coffee.png", "rocket.jpg", "hubble_deep_field.jpg", "flower.jpg", "china.jpg"),
    "floors": ("grass.png", "gravel.png", "brick.png"),
    "walls": ("brick.png", "gravel.png"),
    "backdrops": ("china.jpg",),
}


def main(wheels: list[str], out: Path) -> None:
    """Write the photographs; ends with a KeyError where a wheel lacks one."""
    images = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            images |= {Path(name).name: archive.read(name) for name in archive.namelist()
                       if name.endswith((".png", ".jpg"))}  # fmt: skip
    for use, names in USES.items():
        (out / use).mkdir(parents=True, exist_ok=True)
        for name in names:
            (out / use / name).write_bytes(images[name])
    print(f"{out}: {sum(map(len, USES.values()))} files")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1:-1], Path(sys.argv[-1]))
