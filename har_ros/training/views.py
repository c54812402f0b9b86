"""Further views of a clip: in another light, out of focus, from nearer by or further off, with things in the way.

One draw for a whole clip: what flickers from frame to frame would be taken for motion.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.dataset.sensing import as_jpeg, looked_up

Pictures = NDArray[np.uint8]
_NOISE_LEVELS, _LEAST_CROP, _MOST_HIDDEN, _MOST_THINGS = 12.0, 0.75, 0.3, 4
_FURTHER_OFF, _LEAST_SIZE = 0.2, 0.5  # share of views, and how large the picture is in them at the least


def augment(frames: Pictures, rng: np.random.Generator) -> Pictures:
    """Return frames (T, H, W, 3) uint8 BGR in another view of the same size."""
    shown = _cropped(frames, rng)
    if rng.random() < 0.3:
        shown = _with_things_in_the_way(shown, rng)
    shown = _in_another_light(shown, rng)
    if rng.random() < 0.3:
        sigma = rng.uniform(0.4, 1.5)
        shown = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in shown])
    if rng.random() < 0.4:
        noise = rng.standard_normal(shown.shape, np.float32) * np.float32(rng.uniform(1, _NOISE_LEVELS))
        shown = np.clip(shown + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = int(rng.integers(25, 80))
        shown = np.stack([as_jpeg(frame, quality) for frame in shown])
    return shown


def _cropped(frames: Pictures, rng: np.random.Generator) -> Pictures:
    """Zoom and shift: a part of the picture, turned a little, in its full size; or all of it, smaller.

    Around a smaller one there is something else, not what a border's mirror would show: the person again.
    """
    height, width = frames.shape[1:3]
    further_off = rng.random() < _FURTHER_OFF
    scale = rng.uniform(_LEAST_SIZE, 1) if further_off else 1 / rng.uniform(_LEAST_CROP, 1.05)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 3), scale)
    slack = abs(scale - 1) / 2 if further_off else max(scale - 1, 0) / 2
    turn[:, 2] += rng.uniform(-slack, slack, 2) * (width, height)
    border = cv2.BORDER_TRANSPARENT if further_off else cv2.BORDER_REFLECT
    shown = np.repeat(_texture(height, width, rng)[None], len(frames), 0)
    for frame, around in zip(frames, shown):
        cv2.warpAffine(frame, turn, (width, height), around, borderMode=border)
    return shown


def _with_things_in_the_way(frames: Pictures, rng: np.random.Generator) -> Pictures:
    """One large thing or some small ones, such as posts: together they hide about _MOST_HIDDEN at the most."""
    height, width = frames.shape[1:3]
    hidden, count = frames.copy(), int(rng.integers(1, _MOST_THINGS + 1))
    for _ in range(count):
        area = rng.uniform(0.1, 1) * _MOST_HIDDEN / count
        tall = rng.uniform(area, 1)
        high, wide = int(height * tall) + 1, int(width * area / tall) + 1
        top, left = int(rng.integers(0, height - high + 1)), int(rng.integers(0, width - wide + 1))
        hidden[:, top : top + high, left : left + wide] = _texture(high, wide, rng)
    return hidden


def _texture(height: int, width: int, rng: np.random.Generator) -> Pictures:
    """Return a surface (height, width, 3) of one colour or of some that run into each other."""
    colours = rng.integers(0, 256, (4, 4, 3), np.uint8)
    colours = colours if rng.random() < 0.5 else colours[:1, :1]
    return np.asarray(cv2.resize(colours, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _in_another_light(frames: Pictures, rng: np.random.Generator) -> Pictures:
    """Gamma, gain of each colour, brightness and saturation, by a table for each colour and a mix with grey."""
    levels = np.arange(256) / 255
    gains = rng.uniform(0.6, 1.4) * rng.normal(1, 0.08, 3)
    table = levels[:, None] ** np.exp(rng.uniform(-0.6, 0.6)) * gains + rng.normal(0, 0.05)
    lit = looked_up(frames, 255 * table)
    if rng.random() < 0.5:
        tall = lit.reshape(-1, *frames.shape[2:])  # all frames below each other
        grey = cv2.cvtColor(cv2.cvtColor(tall, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        share = rng.uniform(0, 1.3)
        lit = np.asarray(cv2.addWeighted(tall, share, grey, 1 - share, 0), np.uint8).reshape(frames.shape)
    return lit

