"""Places and cameras of the simulation: scenes, what hides what, the user's photographs, sensor, blur, stages."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from har_ros.core.errors import HarError
from har_ros.simulation.acts import ACTS
from har_ros.simulation.blur import smear
from har_ros.simulation.body import Body, Shape
from har_ros.simulation.camera import Camera
from har_ros.simulation.furniture import Place
from har_ros.simulation.motion import Step, perform
from har_ros.simulation.postures import CHAIR_X_M
from har_ros.simulation.roadside import Hour
from har_ros.simulation.scene import FREE_M, KINDS, NEAREST_M, Obstacle, Scene
from har_ros.simulation.sensor import Sensor
from har_ros.simulation.sheets import write_sheets
from har_ros.simulation.stage import Stage
from har_ros.simulation.surfaces import Photos

WIDTH, HEIGHT = 160, 120
FRONT = Camera((2.6, 0.4, 1.2), (0.0, 0.0, 0.85), 50.0, WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_leave_room_for_the_person_and_the_camera(kind):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        scene = Scene.random(kind, rng)
        assert scene.pieces
        for obstacle in scene.obstacles:
            assert obstacle.distance_m(0.0, 0.0) > FREE_M
        space = np.array([(x, y, z) for x in (-0.4, 0.4) for y in (-0.4, 0.4) for z in (0.0, 1.8)])
        camera = Camera.random(rng, scene, space, WIDTH, HEIGHT)
        assert 0.7 < camera.position_m[2] < 2.7
        x0, x1, y0, y1 = scene.bounds_m
        assert x0 < camera.position_m[0] < x1 and y0 < camera.position_m[1] < y1
        if kind != "car":
            eye = np.array(camera.position_m)
            assert scene.room_m(eye) > NEAREST_M and scene.visible_share(eye, space) > 0.6
            places = camera.project(space)
            assert ((places > -0.02 * WIDTH) & (places < (1.02 * WIDTH, 1.02 * HEIGHT))).all()


def test_the_same_seed_gives_the_same_scene_and_another_seed_another():
    def colours(seed):
        pieces = Scene.random("room", np.random.default_rng(seed)).pieces
        return np.concatenate([piece.colours.ravel() for piece in pieces])

    assert np.array_equal(colours(1), colours(1))
    assert not np.array_equal(colours(1), colours(2))


def test_a_seat_appears_where_it_is_placed():
    scene = Scene.random("outdoor", np.random.default_rng(0))
    before = len(scene.pieces)
    scene.place_seat(0.4, -0.3, 1.0, 0.45, np.random.default_rng(1))
    seat = np.concatenate([piece.points_m for piece in scene.pieces[before:] if not piece.is_shade])
    np.testing.assert_allclose((seat[:, :2].min(axis=0) + seat[:, :2].max(axis=0)) / 2, (0.4, -0.3), atol=0.06)
    assert seat[:, 2].min() == pytest.approx(0, abs=1e-6)
    assert np.isclose(seat[:, 2], 0.45).any()


def test_an_unknown_kind_of_scene_is_refused():
    with pytest.raises(ValueError, match="'moon' is no scene; use one of room, workshop, outdoor, car"):
        Scene.random("moon", np.random.default_rng(0))


def test_a_camera_sees_its_target_in_the_middle_and_not_what_is_behind():
    camera = replace(FRONT, look_at_m=(0.5, -0.2, 1.0))
    np.testing.assert_allclose(camera.project(np.array([[0.5, -0.2, 1.0]])), [[WIDTH / 2, HEIGHT / 2]], atol=1e-6)
    assert np.isnan(camera.project(np.array([[10.0, 0.0, 1.0]]))).all()
    left, right = camera.project(np.array([[0.5, -0.5, 1.0], [0.5, 0.5, 1.0]]))  # seen from the front
    assert left[0] < right[0]


def test_a_sensor_brightens_blurs_and_adds_noise():
    flat = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    rng = np.random.default_rng(0)
    assert np.array_equal(Sensor().capture(np.zeros_like(flat), rng), np.zeros_like(flat))
    means = [Sensor(exposure=exposure).capture(flat, rng).mean() for exposure in (0.8, 1.0, 1.2)]
    assert means[0] < means[1] < means[2]
    noisy = Sensor(noise=4.0).capture(flat, rng).astype(float)
    assert noisy.std() == pytest.approx(4.0, rel=0.1)
    edge = flat.copy()
    edge[:, WIDTH // 2 :] = 200
    sharp, soft = (Sensor(blur=blur).capture(edge, rng)[60, :, 0] for blur in (0.0, 4.0))
    assert len(np.unique(soft)) > len(np.unique(sharp)) == 2
    first, second = (Sensor.random(np.random.default_rng(7)).capture(flat, np.random.default_rng(8)) for _ in range(2))
    assert np.array_equal(first, second) and first.dtype == np.uint8


def test_a_box_hides_what_is_behind_it_and_nothing_else():
    box = Obstacle(Place(2.0, 0.0, 0.7), 0.6, 0.6, 1.0)
    eye = np.array([4.0, 0.0, 0.8])
    points = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 1.8], [0.0, 1.5, 0.5], [3.0, 0.0, 0.8]])
    assert box.hides(eye, points).tolist() == [True, False, False, False]
    assert box.distance_m(2.0, 0.0) == 0
    assert box.distance_m(2.0 + np.cos(0.7), np.sin(0.7)) == pytest.approx(0.7)


def test_rolling_a_camera_turns_its_picture_about_the_middle():
    points = np.array([[0.0, 0.0, 0.85], [0.0, -0.5, 0.85]])
    upright, rolled = (Camera((2.6, 0.0, 0.85), (0.0, 0.0, 0.85), 50.0, WIDTH, HEIGHT, roll).project(points)
                       for roll in (0.0, 90.0))  # fmt: skip
    np.testing.assert_allclose(rolled[0], upright[0], atol=1e-6)
    away, turned = upright[1] - upright[0], rolled[1] - rolled[0]
    assert np.hypot(*turned) == pytest.approx(np.hypot(*away))
    assert abs(away[1]) < 1e-6 and abs(turned[0]) < 1e-6


def test_noise_grows_with_light_and_a_barrel_leaves_the_middle_where_it_is():
    grey = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    grey[:, WIDTH // 2 :] = 160
    noisy = Sensor(noise=1.0, shot=6.0).capture(grey, np.random.default_rng(0)).astype(float)
    assert noisy[:, WIDTH // 2 :].std() > 3 * noisy[:, : WIDTH // 2].std()
    dot = np.zeros((121, 161, 3), np.uint8)
    dot[58:63, 78:83] = 255
    bent = Sensor(barrel=0.1).capture(dot, np.random.default_rng(0))
    assert bent[60, 80].min() > 200 and 80 < bent.astype(int).sum() / 255 / 3 / 25 * 100 < 140


def test_a_harsher_jpeg_loses_more():
    rng = np.random.default_rng(1)
    image = cv2.resize(rng.integers(0, 255, (30, 40, 3), np.uint8), (WIDTH, HEIGHT))
    good, bad = (np.abs(Sensor(jpeg=quality).capture(image, rng).astype(int) - image).mean() for quality in (95, 30))
    assert good < bad


def test_motion_blurs_the_limb_that_moves_and_leaves_the_rest():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, ::8] = 255
    before = np.tile([30.0, 60.0], (14, 1))
    after = before.copy()
    assert np.array_equal(smear(image, before, after, 20.0), image)
    after[:] += (12.0, 0.0)
    blurred = smear(image, before, after, 20.0)
    assert blurred[60, 30:42].std() < 0.7 * image[60, 30:42].std()
    assert np.array_equal(blurred[:, 100:], image[:, 100:])


def test_the_users_photographs_come_into_the_scene(tmp_path):
    for folder in ("floors", "walls", "pictures", "backdrops"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), np.full((40, 60, 3), (200, 10, 90), np.uint8))
    photos = Photos.load(tmp_path)
    for kind in ("room", "workshop", "outdoor"):
        scenes = [Scene.random(kind, np.random.default_rng(seed), photos) for seed in range(8)]
        pieces = [piece for scene in scenes for piece in scene.pieces]
        photographed = [piece for piece in pieces if piece.texture is not None and piece.texture.shape[0] == 256]
        assert photographed
        assert all((piece.texture == (90, 10, 200)).all() for piece in photographed)


def test_a_folder_without_photographs_or_with_a_broken_one_is_refused(tmp_path):
    with pytest.raises(HarError, match=r"has no photographs; put \.jpg or \.png files into its folders pictures"):
        Photos.load(tmp_path)
    (tmp_path / "walls").mkdir()
    (tmp_path / "walls" / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(HarError, match=r"a\.jpg' can't be read as a picture; save it anew"):
        Photos.load(tmp_path)


def test_days_dusks_and_nights_all_come_and_only_the_dark_ones_have_lamps():
    hours = [Hour.random(np.random.default_rng(seed)) for seed in range(40)]
    assert {hour.name for hour in hours} == {"day", "dusk", "night"}
    for hour in hours:
        assert any(hour.lamp) == (hour.name != "day")
    brightness = {name: np.mean([np.mean(hour.sky) for hour in hours if hour.name == name]) for name in
                  ("day", "dusk", "night")}  # fmt: skip
    assert brightness["day"] > brightness["dusk"] > brightness["night"]


def test_the_chair_stands_behind_home_and_the_person_does_not_move_to_it():
    bare, seated = (
        Stage.random("room", np.random.default_rng(2), WIDTH, HEIGHT, 1.0, chair) for chair in (False, True)
    )
    assert np.array_equal(bare.place_m, seated.place_m) and bare.yaw_rad == seated.yaw_rad
    added = seated.scene.pieces[len(bare.scene.pieces) :]
    points = np.concatenate([piece.points_m for piece in added if not piece.is_shade])
    seat = points[np.isclose(points[:, 2], 0.40)][:, :2].mean(axis=0)
    behind = bare.place_m + CHAIR_X_M * np.array([np.cos(bare.yaw_rad), np.sin(bare.yaw_rad)])
    np.testing.assert_allclose(seat, behind, atol=0.03)


def test_whoever_slides_down_a_wall_has_one_behind_them_and_others_have_not():
    body = Body(Shape())
    stage = Stage.random("outdoor", np.random.default_rng(2), WIDTH, HEIGHT, 1.0, False)
    standing = perform([Step("stand", 2.0)], body.skeleton, 1)
    motion = replace(standing, act=np.full(len(standing.act), list(ACTS).index("fall_slide_down")))
    walled = stage.holding(motion, 0.5, 1.5)
    assert len(walled.scene.obstacles) == len(stage.scene.obstacles) + 1
    wall = walled.scene.obstacles[-1]
    pelvis_m = walled.pose(motion, len(motion.label) - 1)[0][0]
    assert 0.05 < wall.distance_m(float(pelvis_m[0]), float(pelvis_m[1])) < 0.35
    assert stage.holding(standing, 0.0, 1.0).scene is stage.scene


def test_a_contact_sheet_shows_six_people_and_is_small(tmp_path):
    (path,) = write_sheets(tmp_path / "new", 5, ["stand"])
    sheet = cv2.imread(str(path))
    assert path.name == "stand.jpg" and path.stat().st_size <= 80_000
    assert sheet.shape[1] / sheet.shape[0] == pytest.approx(7 * 192 / (6 * 160), rel=0.02)
    (tmp_path / "file").write_text("")
    with pytest.raises(HarError, match=r"can't be made .*; name another folder"):
        write_sheets(tmp_path / "file", 5, ["stand"])
