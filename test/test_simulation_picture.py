"""The picture of the simulated person: body, skinning, clothes, scenes, camera and renderer."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from har_ros.simulation.body import SOLE_M, Body, Shape
from har_ros.simulation.camera import Camera
from har_ros.simulation.layers import cut, triangles_of
from har_ros.simulation.outfit import dress
from har_ros.simulation.renderer import Renderer
from har_ros.simulation.scene import KINDS, Scene
from har_ros.simulation.skeleton import PARENTS, SEGMENTS
from har_ros.simulation.skinning import DRIVES, between, turn, turn_about
from har_ros.simulation.wardrobe import HAIR_STYLES, Look

WIDTH, HEIGHT = 160, 120
FAR = np.array([0, 0, 50.0])
UPRIGHT = np.tile(np.eye(3), (14, 1, 1))
BONES = [drive.bone for drive in DRIVES]
FRONT = Camera((2.6, 0.4, 1.2), (0.0, 0.0, 0.85), 50.0, WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def body():
    return Body(Shape())


@pytest.fixture(scope="module")
def renderer():
    return Renderer(WIDTH, HEIGHT, 2)


def look(seed=5):
    return Look.random(np.random.default_rng(seed))


def posed(skeleton, turns):
    """Segment places and rotations with some joints turned: {segment: rotation in its parent}."""
    rotation, position = np.zeros((14, 3, 3)), np.zeros((14, 3))
    for index, parent in enumerate(PARENTS):
        own = turns.get(SEGMENTS[index], np.eye(3))
        if parent < 0:
            rotation[index], position[index] = own, skeleton.joints_m[index]
        else:
            rotation[index] = rotation[parent] @ own
            step = skeleton.joints_m[index] - skeleton.joints_m[parent]
            position[index] = position[parent] + rotation[parent] @ step
    return position, rotation


def bare(body):
    return np.unique(body.part_quads["skin"])


def test_rest_pose_stands_on_the_floor_as_tall_as_asked(body):
    vertices = body.pose(body.skeleton.joints_m, UPRIGHT, 0.0)[bare(body)]
    assert vertices.dtype == np.float32
    assert vertices[:, 2].min() == pytest.approx(SOLE_M, abs=0.004)
    assert vertices[:, 2].max() == pytest.approx(1.72, abs=0.002)
    assert body.skeleton.height_m == pytest.approx(1.72, abs=1e-6)
    assert np.ptp(vertices[:, 1]) < 0.65  # arms hang


def test_identity_pose_moves_rigid_parts_without_turning_them(body):
    vertices = body.pose(body.skeleton.joints_m, UPRIGHT, 0.0)
    for bones in (("Head",), ("LeftFoot", "LeftToeBase"), ("RightFoot", "RightToeBase")):
        rigid = body.skin.weights[:, [BONES.index(bone) for bone in bones]].sum(axis=1) > 0.999
        assert rigid.sum() > 20
        shift = vertices[rigid] - body.skin.points_m[rigid]
        np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-4)


def test_a_turned_forearm_moves_only_itself(body):
    rest = body.pose(body.skeleton.joints_m, UPRIGHT, 0.0)
    turned = body.pose(*posed(body.skeleton, {"forearm_left": turn_about(np.array([0, 1.0, 0]), -1.2)}), 0.0)
    arm = [BONES.index(f"Left{bone}") for bone in ("ForeArm", "Hand", "FingerBase", "HandFinger1")]
    arm.append(BONES.index("LThumb"))
    share = body.skin.weights[:, arm].sum(axis=1)
    moved = np.linalg.norm(turned - rest, axis=1)
    assert moved[share == 0].max() < 1e-6
    hand = body.skin.weights[:, arm[1:]].sum(axis=1) > 0.99
    assert hand.sum() > 100 and moved[hand].min() > 0.15


def test_bones_keep_their_lengths_in_any_pose(body):
    rng = np.random.default_rng(3)
    axes = rng.normal(size=(14, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    turns = {name: turn_about(axis, rng.uniform(-1, 1)) for name, axis in zip(SEGMENTS, axes)}
    checked = 0
    vertices = body.pose(*posed(body.skeleton, turns), 0.0)
    for bone in BONES:
        rigid = np.flatnonzero(body.skin.weights[:, BONES.index(bone)] > 0.999)[:200]
        if len(rigid) > 2:
            before = np.linalg.norm(body.skin.points_m[rigid] - body.skin.points_m[rigid[0]], axis=1)
            after = np.linalg.norm(vertices[rigid] - vertices[rigid[0]], axis=1)
            np.testing.assert_allclose(after, before, atol=2e-5)
            checked += 1
    assert checked > 10


def test_left_and_right_mirror_each_other(body):
    def bounds(side, sign):
        lift = turn_about(np.array([1.0, 0, 0]), sign * 1.3)
        vertices = body.pose(*posed(body.skeleton, {f"upper_arm_{side}": lift}), 0.0)[bare(body)]
        vertices = vertices * (1, sign, 1)
        return np.concatenate([vertices.min(axis=0), vertices.max(axis=0), vertices.mean(axis=0)])

    np.testing.assert_allclose(bounds("left", 1), bounds("right", -1), atol=0.004)
    joints, ends = body.skeleton.joints_m, body.skeleton.ends_m
    for index, name in enumerate(SEGMENTS):
        if name.endswith("_left"):
            other = SEGMENTS.index(name.replace("_left", "_right"))
            np.testing.assert_allclose(joints[index], joints[other] * (1, -1, 1), atol=0.002)
            np.testing.assert_allclose(ends[index], ends[other] * (1, -1, 1), atol=0.003)


def test_skeletons_have_human_proportions():
    rng = np.random.default_rng(11)
    for _ in range(15):
        shape = Shape.random(rng)
        skeleton = Body(shape).skeleton
        assert skeleton.height_m == pytest.approx(shape.height_m, abs=1e-6)
        assert 40 < skeleton.mass_kg < 130
        share = dict(zip(SEGMENTS, np.linalg.norm(skeleton.ends_m - skeleton.joints_m, axis=1) / shape.height_m))
        for segment, low, high in (
            ("thigh_left", 0.20, 0.28), ("shin_left", 0.20, 0.28), ("upper_arm_left", 0.12, 0.19),
            ("forearm_left", 0.15, 0.24), ("head", 0.11, 0.20), ("foot_left", 0.09, 0.16),
        ):
            assert low < share[segment] < high, segment
        assert 0.46 < skeleton.joints_m[0, 2] / shape.height_m < 0.57
        assert skeleton.ends_m[SEGMENTS.index("foot_left"), 2] == pytest.approx(0.02, abs=1e-6)
        for index, parent in enumerate(PARENTS):  # every segment begins where the body is, not in the air
            assert parent < 0 or np.linalg.norm(skeleton.joints_m[index] - skeleton.joints_m[parent]) < 0.6


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_rotations_between_two_lie_between_them(seed):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle, share = rng.uniform(0.1, 2.0), rng.uniform(0, 1)
    middle = between(np.eye(3)[None], turn_about(axis, angle)[None], np.array([[[share]]]))[0]
    np.testing.assert_allclose(middle @ middle.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(middle) == pytest.approx(1)
    turned = np.arccos(np.clip((np.trace(middle) - 1) / 2, -1, 1))
    assert -1e-6 < turned < angle + 1e-6
    other = rng.normal(size=3)
    if axis @ other > -0.9 * np.linalg.norm(other):
        np.testing.assert_allclose(turn(axis, other) @ axis, other / np.linalg.norm(other), atol=1e-9)


def test_a_cut_leaves_the_inside_with_a_clean_edge(body):
    triangles = triangles_of(body.part_quads["tights"])
    height = body.skin.points_m[:, 2].astype(np.float64)
    for level in (-0.5, 0.0, 0.33):
        piece, faces, field = cut(body.skin, triangles, height - level)
        used = np.unique(faces)
        assert piece.points_m[used, 2].min() == pytest.approx(level, abs=1e-5)
        np.testing.assert_allclose(field[used], piece.points_m[used, 2] - level, atol=1e-5)
        np.testing.assert_allclose(piece.weights[used].sum(axis=1), 1, atol=1e-4)


def test_every_look_dresses_every_shape():
    styles = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        shape = Shape.random(rng)
        person, worn = Body(shape), Look.random(rng, shape.sex, shape.age)
        styles.add(worn.hair_style)
        for layer in dress(person, worn):
            assert np.isfinite(layer.skin.points_m).all() and np.isfinite(layer.albedo).all()
            assert layer.albedo.min() >= 0 and layer.albedo.max() < 1.3
            assert layer.triangles.max() < len(layer.albedo)
            np.testing.assert_allclose(layer.skin.weights.sum(axis=1), 1, atol=1e-3)
    assert len(styles) > 2 and styles <= set(HAIR_STYLES)


def test_the_person_is_where_the_camera_projects_them(body, renderer):
    scene = Scene.random("room", np.random.default_rng(2))
    renderer.set_scene(scene, body, look())
    joints = body.skeleton.joints_m
    empty = renderer.frame(joints + FAR, UPRIGHT, 0.0, FRONT, 0.0)
    full = renderer.frame(joints, UPRIGHT, 0.0, FRONT, 0.0)
    assert full.shape == (HEIGHT, WIDTH, 3) and full.dtype == np.uint8
    changed = np.abs(full.astype(int) - empty).max(axis=2) > 12
    column, row = FRONT.project(body.pose(joints, UPRIGHT, 0.0)[bare(body)]).round().astype(int).T
    assert changed[row.clip(0, HEIGHT - 1), column.clip(0, WIDTH - 1)].mean() > 0.85
    rows = np.flatnonzero(changed.any(axis=1))
    assert abs(rows[0] - row.min()) <= 4
    above_floor = changed[: (row.min() + row.max()) // 2]
    columns = np.flatnonzero(above_floor.any(axis=0))
    assert abs(columns[0] - column.min()) <= 6 and abs(columns[-1] - column.max()) <= 6


def test_a_shadow_darkens_the_floor_beside_the_feet(body, renderer):
    scene = Scene.random("workshop", np.random.default_rng(4))
    renderer.set_scene(scene, body, look())
    empty = renderer.frame(body.skeleton.joints_m + FAR, UPRIGHT, 0.0, FRONT, 0.0).astype(int)
    full = renderer.frame(body.skeleton.joints_m, UPRIGHT, 0.0, FRONT, 0.0)
    column, row = FRONT.project(np.array([[0.1, 0.0, 0.0]])).round().astype(int)[0]
    assert full[row, column].sum() < 0.85 * empty[row, column].sum()


def test_shut_eyes_change_the_face_and_nothing_else(body, renderer):
    scene = Scene.random("room", np.random.default_rng(14))
    renderer.set_scene(scene, body, look())
    head_m = body.skeleton.joints_m[SEGMENTS.index("head")] + (0.1, 0, 0.1)
    near = Camera((float(head_m[0]) + 0.6, 0.0, float(head_m[2])), tuple(head_m), 35.0, WIDTH, HEIGHT)
    opened, shut = (renderer.frame(body.skeleton.joints_m, UPRIGHT, lid, near, 0.0).astype(int) for lid in (0.0, 1.0))
    changed = np.argwhere(np.abs(shut - opened).max(axis=2) > 20)
    assert len(changed) > 30
    eyes = near.project(body.pose(body.skeleton.joints_m, UPRIGHT, 0.0)[np.unique(body.part_quads["eyes"])])
    (left, top), (right, bottom) = eyes.min(axis=0) - 8, eyes.max(axis=0) + 8
    assert (changed >= (top, left)).all() and (changed <= (bottom, right)).all()


def test_frames_are_bit_equal_in_another_process(body, renderer):
    code = (
        "import hashlib, sys, numpy as np; sys.path.insert(0, sys.argv[1]);"
        "from test_simulation_picture import *;"
        "print(picture_hash(Body(Shape()), Renderer(WIDTH, HEIGHT, 2)))"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    other = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert other.stdout.strip() == picture_hash(body, renderer) == picture_hash(body, renderer)


def picture_hash(body, renderer):
    digest = hashlib.sha256()
    for kind in ("car", "outdoor"):
        renderer.set_scene(Scene.random(kind, np.random.default_rng(1)), body, look(1))
        digest.update(renderer.frame(body.skeleton.joints_m, UPRIGHT, 0.3, FRONT, 0.5).tobytes())
    return digest.hexdigest()


def test_scene_after_scene_takes_no_more_memory(body, renderer):
    def resident_mb():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    for number in range(44):
        renderer.set_scene(Scene.random(KINDS[number % 4], np.random.default_rng(number)), body, look(number))
        renderer.frame(body.skeleton.joints_m, UPRIGHT, 0.0, FRONT, 0.0)
        if number == 15:
            before_mb = resident_mb()
    assert resident_mb() - before_mb < 28 * 0.25


def test_windows_of_other_sizes_cost_nothing(body, renderer):
    """Each renderer draws its own window alone."""
    scene = Scene.random("room", np.random.default_rng(3))

    def spent_s():
        started_s = time.process_time()
        for _ in range(6):
            renderer.frame(body.skeleton.joints_m, UPRIGHT, 0.0, FRONT, 0.0)
        return time.process_time() - started_s

    renderer.set_scene(scene, body, look())
    alone_s = min(spent_s() for _ in range(3))
    large = Renderer(800, 600, 2)
    large.set_scene(scene, body, look())
    large.frame(body.skeleton.joints_m, UPRIGHT, 0.0, FRONT, 0.0)
    assert min(spent_s() for _ in range(3)) < 2 * alone_s + 0.02


def test_the_landscape_passes_a_car_and_nothing_else_moves(body, renderer):
    for kind in KINDS:
        renderer.set_scene(Scene.random(kind, np.random.default_rng(6)), body, look())
        now, later = (renderer.frame(body.skeleton.joints_m, UPRIGHT, 0.0, FRONT, t_s) for t_s in (0.0, 0.5))
        assert (now != later).any() == (kind == "car")


def refusal(code, environment):
    """What a fresh interpreter says when it opens a renderer after `code`."""
    script = (
        f"{code}\nfrom har_ros.simulation.renderer import Renderer\nfrom har_ros.core.errors import HarError\n"
        "try:\n    Renderer(64, 48)\nexcept HarError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), **environment},
    )
    return done.stdout.strip()


def test_a_missing_x11_library_is_named_with_its_package(tmp_path):
    (tmp_path / "libX11.so.6").write_bytes(b"")  # the loader finds this one first, and can't load it
    said = refusal("", {"LD_LIBRARY_PATH": str(tmp_path)})
    assert "libX11.so.6" in said and "libx11-6" in said and "\n" not in said


def test_a_missing_panda3d_is_named_with_its_package():
    said = refusal("import sys; sys.modules['panda3d'] = None", {})
    assert "Panda3D" in said and "pip install panda3d" in said and "\n" not in said


def test_a_picture_of_a_person_compresses_like_one(body, renderer):
    """A picture that came out blank, torn or as noise would fail here."""
    renderer.set_scene(Scene.random("outdoor", np.random.default_rng(3)), body, look())
    frame = renderer.frame(body.skeleton.joints_m, UPRIGHT, 0.0, FRONT, 0.0)
    assert 2_000 < len(cv2.imencode(".jpg", frame)[1]) < 12_000
