"""Looks: colours of skin, hair and eyes, and which clothes of which cloth a person wears."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.textures import cloth

RGB = tuple[float, float, float]

_SKINS: tuple[RGB, ...] = (  # light to dark
    (0.93, 0.76, 0.67), (0.89, 0.70, 0.58), (0.82, 0.62, 0.48),
    (0.72, 0.51, 0.37), (0.58, 0.39, 0.27), (0.43, 0.28, 0.19), (0.31, 0.20, 0.14),
)
_HAIRS: tuple[RGB, ...] = (
    (0.06, 0.05, 0.05), (0.12, 0.08, 0.06), (0.22, 0.14, 0.09),
    (0.36, 0.23, 0.13), (0.62, 0.47, 0.28), (0.45, 0.19, 0.10), (0.55, 0.54, 0.53),
)
_FAIR_SKINS, _DARK_HAIRS = 3, 3  # the first ones of each table
_IRISES: tuple[RGB, ...] = ((0.20, 0.12, 0.07), (0.28, 0.18, 0.10), (0.30, 0.40, 0.48), (0.30, 0.38, 0.26))
HAIR_STYLES = ("bald", "short", "bob", "long")
_INDIGO: RGB = (0.16, 0.22, 0.36)
_PATTERNS = ("plain", "plain", "plain", "stripes", "hoops", "checks", "dots", "melange")


@dataclass(frozen=True)
class Cloth:
    """A fabric: main and second colour, pattern (see textures.cloth), and how loosely it hangs."""

    colour: RGB
    second: RGB
    pattern: str
    looseness_m: float

    @classmethod
    def top(cls, rng: np.random.Generator) -> Cloth:
        """Draw a shirt's fabric; mostly muted, sometimes bright."""
        return cls(_dye(rng), _dye(rng), str(rng.choice(_PATTERNS)), float(rng.uniform(0.004, 0.022)))

    @classmethod
    def bottom(cls, rng: np.random.Generator) -> Cloth:
        """Draw a fabric for trousers or skirts; often dark, never bright."""
        pattern = str(rng.choice(("plain", "plain", "melange", "denim")))
        colour = _INDIGO if pattern == "denim" else _dye(rng, bright=False)
        return cls(_vary(colour, rng, 0.2), (0.75, 0.78, 0.82), pattern, float(rng.uniform(0.002, 0.022)))

    def texture(self) -> NDArray[np.uint8]:
        """Return one repeat of the fabric, (128, 128, 3) uint8 RGB; the same fabric always looks the same."""
        return cloth(self.colour, self.second, self.pattern)


@dataclass(frozen=True)
class Look:
    """How one person is dressed.

    hair_style: one of HAIR_STYLES. beard: 0 none to 1 full. sleeve: 0.4 to 1 of the arm.
    skirt: instead of trousers. leg: how far down trousers or skirt reach, 0.4 to 1 of the leg.
    hem_m: how far the top reaches below the hip joint (negative: above).
    """

    skin: RGB
    hair: RGB
    iris: RGB
    hair_style: str
    beard: float
    top: Cloth
    sleeve: float
    hem_m: float
    bottom: Cloth
    skirt: bool
    leg: float
    shoes: RGB
    soles: RGB

    @classmethod
    def random(cls, rng: np.random.Generator, sex: float = 0.5, age: float = 0.3) -> Look:
        """Draw a look; sex (0 female to 1 male) and age (0 young to 1 old) only shift how likely things are."""
        male = rng.random() < sex
        grey = rng.random() < 1.6 * (age - 0.5)
        chances = (0.12, 0.76, 0.08, 0.04) if male else (0.01, 0.24, 0.4, 0.35)
        skirt = not male and rng.random() < 0.3
        short = rng.random() < 0.2
        skin = int(rng.integers(len(_SKINS)))
        shades = len(_HAIRS) - 1 if skin < _FAIR_SKINS else _DARK_HAIRS  # grey comes with age
        return cls(
            skin=_vary(_SKINS[skin], rng, 0.06),
            hair=_vary(_HAIRS[-1 if grey else rng.integers(shades)], rng, 0.15),
            iris=_IRISES[rng.integers(len(_IRISES))],
            hair_style=str(rng.choice(HAIR_STYLES, p=chances)),
            beard=float(rng.uniform(0.4, 1.0)) if male and rng.random() < 0.4 else 0.0,
            top=Cloth.top(rng),
            sleeve=float(rng.choice((0.42, 0.48, 0.97, 0.97, 1.0))),
            hem_m=float(rng.uniform(-0.03, 0.06)),
            bottom=Cloth.bottom(rng),
            skirt=bool(skirt),
            leg=float(rng.uniform(0.42, 0.75) if skirt else rng.uniform(0.4, 0.5) if short else 1.0),
            shoes=_dye(rng, bright=False),
            soles=(0.9, 0.9, 0.88) if rng.random() < 0.5 else (0.12, 0.11, 0.1),
        )


def _dye(rng: np.random.Generator, bright: bool = True) -> RGB:
    kind = rng.random()
    if kind < 0.4:  # greys, from black to white
        level = float(rng.uniform(0.08, 0.92))
        return colorsys.hsv_to_rgb(rng.random(), 0.05, level)
    if kind < 0.85 or not bright:
        return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.12, 0.45), rng.uniform(0.15, 0.7))
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.8))


def _vary(colour: RGB, rng: np.random.Generator, spread: float) -> RGB:
    """Return the colour somewhat lighter or darker, its hue the same."""
    factor = float(np.clip(rng.normal(1, spread), 0.6, 1.5))
    return cast(RGB, tuple(min(0.98, factor * value) for value in colour))
