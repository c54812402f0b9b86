"""What happens to a camera's pictures in the stress test: each of (T, H, W, 3) uint8 BGR, to the same size.

Fixed strengths, and other generators than those of training's views: who trains on a test's own disturbances is not
tested by them. Lengths are shares of the picture's height, so that any camera is disturbed alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.dataset.sensing import as_jpeg, looked_up

Pictures = NDArray[np.uint8]
OnPictures = Callable[[Pictures, np.random.Generator], Pictures]


def in_light(*gains_bgr: float) -> OnPictures:
    """With other gains of the levels of blue, green and red, clipped at white; levels grow slower than the light."""
    table = np.arange(256)[:, None] * np.array(gains_bgr)
    return lambda frames, _rng: looked_up(frames, table)


def half_in_shade(frames: Pictures, rng: np.random.Generator) -> Pictures:
    """Lit from one side, ever darker towards the other."""
    gains = np.linspace(1.3, 0.2, frames.shape[2], dtype=np.float32)
    gains = gains if rng.random() < 0.5 else gains[::-1]
    return np.stack([np.clip(frame * gains[:, None], 0, 255).astype(np.uint8) for frame in frames])


def defocused(radius: float) -> OnPictures:
    """As by a lens out of focus: a point becomes a disc."""

    def blur(frames: Pictures, _rng: np.random.Generator) -> Pictures:
        size = 2 * max(round(radius * frames.shape[1]), 1) + 1
        return _filtered(frames, np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8))

    return blur


def shaken(length: float) -> OnPictures:
    """As by a camera that moves while each picture is taken: a point becomes a line, in one direction."""

    def blur(frames: Pictures, rng: np.random.Generator) -> Pictures:
        half = max(round(length * frames.shape[1] / 2), 1)
        angle = rng.uniform(0, np.pi)
        reach = np.array([half * np.cos(angle), half * np.sin(angle)]).round().astype(int)
        line = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
        cv2.line(line, (half - reach[0], half - reach[1]), (half + reach[0], half + reach[1]), 1)
        return _filtered(frames, line)

    return blur


def grainy(levels: float) -> OnPictures:
    """With the shot noise of little light: its standard deviation is `levels` at white, and falls with the root."""

    def add(frames: Pictures, rng: np.random.Generator) -> Pictures:
        return np.stack([grain(frame, rng) for frame in frames])

    def grain(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        deviation = levels * np.sqrt(frame / np.float32(255))
        return np.clip(frame + deviation * rng.standard_normal(frame.shape, np.float32), 0, 255).astype(np.uint8)

    return add


def behind_posts(frames: Pictures, rng: np.random.Generator) -> Pictures:
    """Seen through upright posts that hide a third of the picture."""
    width = frames.shape[2]
    period = max(width // 6, 3)
    hidden = (np.arange(width) + rng.integers(period)) % period < period / 3
    shown = frames.copy()
    shown[:, :, hidden] = rng.integers(40, 180, 3)
    return shown


def side_covered(frames: Pictures, rng: np.random.Generator) -> Pictures:
    """With a dark wall over 40 % of the picture, on one side."""
    covered = round(0.4 * frames.shape[2])
    shown = frames.copy()
    shown[:, :, slice(0, covered) if rng.random() < 0.5 else slice(-covered, None)] = 35
    return shown


def below_covered(frames: Pictures, _rng: np.random.Generator) -> Pictures:
    """With the lower 40 % of the picture behind a table's edge, which hides legs."""
    shown = frames.copy()
    shown[:, -round(0.4 * frames.shape[1]) :] = (60, 80, 100)
    return shown


def compressed(quality: int) -> OnPictures:
    """After JPEG of a quality, 1 to 100."""
    return lambda frames, _rng: np.stack([as_jpeg(frame, quality) for frame in frames])


def cropped(share: float) -> OnPictures:
    """A part of `share` of each side, anywhere, enlarged: the camera is nearer, and aims beside the person."""

    def crop(frames: Pictures, rng: np.random.Generator) -> Pictures:
        height, width = frames.shape[1:3]
        high, wide = round(share * height), round(share * width)
        top, left = (int(rng.integers(0, size + 1)) for size in (height - high, width - wide))
        part = frames[:, top : top + high, left : left + wide]
        return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in part])

    return crop


def far_away(scale: float) -> OnPictures:
    """The whole picture made smaller, its edges drawn out: the person is further off."""

    def shrink(frames: Pictures, _rng: np.random.Generator) -> Pictures:
        height, width = frames.shape[1:3]
        move = np.array([[scale, 0, (1 - scale) * width / 2], [0, scale, (1 - scale) * height]], np.float32)
        draw = partial(cv2.warpAffine, M=move, dsize=(width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.stack([draw(frame) for frame in frames])

    return shrink


def _filtered(frames: Pictures, kernel: NDArray[np.uint8]) -> Pictures:
    weights = kernel.astype(np.float32) / kernel.sum()
    return np.stack([cv2.filter2D(frame, -1, weights, borderType=cv2.BORDER_REPLICATE) for frame in frames])
