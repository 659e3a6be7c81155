"""Petals: the embedded data set, five kinds of flowers drawn by a seeded program.

Every picture depends only on (class, split, index), so any one can be drawn alone, and the pixels are the
same on every machine. Three rules keep them so:

* the random numbers come from `random.Random` seeded with text and from `np.random.RandomState`, whose
  streams are frozen (`np.random.default_rng` may change between NumPy versions);
* sines and cosines come from `math`, and points are rounded to whole pixels before they are drawn;
* arrays only meet + - * / and clip, which IEEE 754 defines to the last bit.
"""

from __future__ import annotations

import colorsys
import hashlib
import json
import math
import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from tqdm import tqdm

from alexnet_paddle.errors import InputError

Canvas = ImageDraw.ImageDraw
RGB = tuple[float, ...]
Ink = tuple[int, ...]  # an RGB in whole numbers
Point = tuple[float, float]
Pixel = tuple[int, int]
Outline = tuple[Point, ...]

VERSION = 2
CHECKSUM = "a90315714950395326bc03d38a3188556c50e0012da4d56add5841feecdb6d41"  # pixel_checksum() of this version
SPLITS = {"train": 400, "val": 100, "test": 100}  # images a class
DISPLAY_NAMES = {
    "daisy": {"en": "daisy", "zh": "雏菊"},
    "dandelion": {"en": "dandelion", "zh": "蒲公英"},
    "rose": {"en": "rose", "zh": "玫瑰"},
    "sunflower": {"en": "sunflower", "zh": "向日葵"},
    "tulip": {"en": "tulip", "zh": "郁金香"},
}
CLASSES = tuple(sorted(DISPLAY_NAMES))

SCALE = 2  # pictures are drawn this many times larger, then reduced: smooth edges

# Ranges of hue, saturation and value (0..1; a hue may pass 1). All classes draw from the same colours, with
# habits of their own: colour is a hint, never the answer.
COLOURS = {
    "white": ((0.00, 1.00), (0.00, 0.10), (0.88, 1.00)),
    "yellow": ((0.12, 0.17), (0.55, 0.95), (0.85, 1.00)),
    "orange": ((0.05, 0.10), (0.65, 0.95), (0.85, 1.00)),
    "red": ((0.96, 1.02), (0.70, 0.95), (0.60, 0.92)),
    "pink": ((0.88, 0.98), (0.25, 0.60), (0.85, 1.00)),
    "purple": ((0.72, 0.85), (0.30, 0.70), (0.50, 0.85)),
    "green": ((0.20, 0.40), (0.35, 0.80), (0.25, 0.70)),
    "brown": ((0.04, 0.11), (0.45, 0.75), (0.15, 0.45)),
    "grey": ((0.00, 1.00), (0.00, 0.15), (0.30, 0.75)),
    "sky": ((0.52, 0.62), (0.15, 0.55), (0.60, 1.00)),
}
PETAL_COLOURS = ("white", "yellow", "orange", "red", "pink", "purple")
HABITS = {  # how often each class wears each of PETAL_COLOURS
    "daisy": (8, 2, 1, 1, 3, 3),
    "dandelion": (4, 8, 2, 1, 1, 1),
    "rose": (2, 2, 1, 7, 5, 1),
    "sunflower": (1, 8, 5, 2, 1, 1),
    "tulip": (2, 2, 2, 4, 5, 6),
}
GROUND_COLOURS = (*("green", "green", "brown", "grey", "sky") * 4, *PETAL_COLOURS)

# Petal outlines: (distance from the base, half width), both as a fraction of the petal's own length and width.
STRAP = ((0, 0.3), (0.3, 0.75), (0.7, 1), (0.9, 0.8), (1, 0.3))
POINTED = ((0, 0.5), (0.3, 0.95), (0.5, 1), (0.75, 0.6), (1, 0))
ROUND = ((0, 0.3), (0.25, 0.75), (0.5, 1), (0.75, 1), (0.92, 0.7), (1, 0.3))
CUP = ((0, 0.35), (0.15, 0.8), (0.35, 1), (0.6, 0.95), (0.85, 0.5), (1, 0))
BLADE = ((0, 0.6), (0.4, 1), (0.7, 0.7), (1, 0))


def colour(rng: Random, name: str) -> RGB:
    """One (r, g, b) in 0..255 from the ranges of a named colour."""
    hue, saturation, value = (rng.uniform(*limits) for limits in COLOURS[name])
    return tuple(255 * part for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def shade(rgb: RGB, factor: float) -> Ink:
    """A colour made darker (factor < 1) or lighter (> 1), as whole numbers that Pillow takes."""
    return tuple(min(255, round(part * factor)) for part in rgb)


def mix(a: RGB, b: RGB, fraction: float) -> RGB:
    """The colour at `fraction` of the way from a to b."""
    return tuple(x + (y - x) * fraction for x, y in zip(a, b))


@dataclass(frozen=True)
class Pose:
    """Where a flower stands: centre and radius in canvas pixels, `tilt` 1 seen from the front and near 0
    from the side, `roll` its turn in the picture and `sun` the direction of the light, in radians."""

    x: float
    y: float
    radius: float
    tilt: float
    roll: float
    sun: float

    def place(self, points: Iterable[Point]) -> list[Pixel]:
        """Points of the flower's own plane (the flower has radius 1) as whole canvas pixels."""
        cos, sin = math.cos(self.roll) * self.radius, math.sin(self.roll) * self.radius
        placed = []
        for u, v in points:
            v *= self.tilt
            placed.append((round(self.x + u * cos - v * sin), round(self.y + u * sin + v * cos)))
        return placed


def petal(
    canvas: Canvas,
    pose: Pose,
    angle: float,
    length: float,
    width: float,
    outline: Outline,
    rgb: RGB,
    base: Point = (0, 0),
    bend: float = 0.0,
) -> None:
    """One petal from `base` towards `angle`: a dark rim, the body, and a light patch along the middle."""
    cos, sin = math.cos(angle), math.sin(angle)
    light = 0.9 + 0.18 * math.cos(angle + pose.roll - pose.sun)

    def ring(part: float) -> list[Pixel]:
        points = []
        for side, steps in ((1, outline), (-1, outline[::-1])):
            for along, half in steps:
                u = length * (along if part == 1 else 0.12 + 0.8 * along)
                v = side * half * width * part + bend * length * along * along
                points.append((base[0] + u * cos - v * sin, base[1] + u * sin + v * cos))
        return pose.place(points)

    canvas.polygon(ring(1), fill=shade(rgb, light), outline=shade(rgb, 0.62 * light))
    canvas.polygon(ring(0.45), fill=shade(mix(rgb, (255, 255, 255), 0.18), light))


def ellipse(canvas: Canvas, pose: Pose, radius: float, rgb: RGB, centre: Point = (0, 0)) -> None:
    """A disc in the flower's plane."""
    steps = [math.tau * i / 24 for i in range(24)]
    points = [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in steps]
    canvas.polygon(pose.place(points), fill=shade(rgb, 1))


def seeds(canvas: Canvas, pose: Pose, rng: Random, radius: float, count: int, rgb: RGB) -> None:
    """`count` dots in the spiral order of real seed heads (each a golden angle on from the last)."""
    dot = max(1, round(pose.radius * radius / 14))
    start = rng.uniform(0, math.tau)
    for i in range(count):
        r, a = radius * math.sqrt((i + 0.5) / count), start + 2.39996 * i
        ((x, y),) = pose.place([(r * math.cos(a), r * math.sin(a))])
        canvas.rectangle((x, y, x + dot, y + dot), fill=shade(rgb, rng.uniform(0.6, 1.5)))


def ring_of_petals(
    canvas: Canvas, pose: Pose, rng: Random, count: int, length: float, width: float, outline: Outline, rgb: RGB
) -> None:
    """Petals all round the centre, each a little different from its neighbours."""
    start = rng.uniform(0, math.tau)
    for i in range(count):
        angle = start + math.tau * (i + rng.uniform(-0.2, 0.2)) / count
        tint = shade(rgb, rng.uniform(0.88, 1.08))
        petal(canvas, pose, angle, length * rng.uniform(0.88, 1.05), width, outline, tint, bend=rng.uniform(-0.1, 0.1))


def daisy(canvas: Canvas, pose: Pose, rng: Random, rgb: RGB) -> None:
    """Thin separate petals round a small disc."""
    disc = rng.uniform(0.2, 0.3)
    count = rng.randint(10, 16)
    width = rng.uniform(0.6, 0.85) * math.pi * 0.6 / count
    ring_of_petals(canvas, pose, rng, count, 1, width, STRAP, rgb)
    heart = colour(rng, rng.choice(("yellow", "yellow", "orange", "green", "brown")))
    ellipse(canvas, pose, disc, shade(heart, 0.7))
    ellipse(canvas, pose, disc * 0.8, heart, (-0.03, -0.03))
    seeds(canvas, pose, rng, disc * 0.8, 14, heart)


def sunflower(canvas: Canvas, pose: Pose, rng: Random, rgb: RGB) -> None:
    """Pointed petals in two rings round a large disc full of seeds."""
    disc = rng.uniform(0.5, 0.64)
    count = rng.randint(16, 24)
    width = rng.uniform(0.8, 1.1) * math.pi * 0.7 / count
    ring_of_petals(canvas, pose, rng, count, 1, width, POINTED, shade(rgb, 0.85))
    ring_of_petals(canvas, pose, rng, count, rng.uniform(0.82, 0.92), width, POINTED, rgb)
    heart = colour(rng, rng.choice(("brown", "brown", "brown", "orange", "green")))
    ellipse(canvas, pose, disc, shade(heart, 0.6))
    seeds(canvas, pose, rng, disc * 0.95, 90, heart)
    ellipse(canvas, pose, disc * rng.uniform(0.2, 0.45), shade(heart, rng.choice((0.5, 1.3))))


def dandelion(canvas: Canvas, pose: Pose, rng: Random, rgb: RGB) -> None:
    """A ball of very many thin florets, or the seed head that follows it."""
    (dandelion_clock if rng.random() < 0.35 else dandelion_flower)(canvas, pose, rng, rgb)


def dandelion_flower(canvas: Canvas, pose: Pose, rng: Random, rgb: RGB) -> None:
    """Rings of florets, the outer ones first, over a darker ball."""
    ellipse(canvas, pose, 0.6, shade(rgb, 0.6))
    thick = max(2, round(pose.radius * rng.uniform(0.045, 0.06)))
    for step in range(6):
        reach, count = 1 - 0.16 * step, 48 - 6 * step
        for i in range(count):
            angle = math.tau * (i + rng.uniform(-0.5, 0.5)) / count
            far, near = reach * rng.uniform(0.85, 1.05), max(0.0, reach - 0.35)
            cos, sin = math.cos(angle), math.sin(angle)
            light = rng.uniform(0.68, 1.05) + 0.14 * math.cos(angle + pose.roll - pose.sun)
            ends = pose.place([(near * cos, near * sin), (far * cos, far * sin)])
            canvas.line(ends, fill=shade(rgb, light * (0.8 + 0.05 * step)), width=thick)


def dandelion_clock(canvas: Canvas, pose: Pose, rng: Random, rgb: RGB) -> None:
    """Seeds with little parachutes on thin stalks; the wind may have taken some."""
    pale = mix(rgb, (245, 245, 245), rng.uniform(0.5, 0.95))
    gap, start = rng.choice((0, 0, rng.uniform(0.1, 0.35))), rng.uniform(0, math.tau)
    heart = colour(rng, rng.choice(("brown", "green", "grey")))
    for i in range(64):
        angle = start + math.tau * (1 - gap) * i / 64
        reach = rng.choice((0.55, 0.75, 0.85, 0.9)) * rng.uniform(0.92, 1.05)
        x, y = reach * math.cos(angle), reach * math.sin(angle)
        tint = shade(pale, rng.uniform(0.75, 1.05))
        canvas.line(pose.place([(0, 0), (x, y)]), fill=shade(tint, 0.85), width=1)
        for spoke in range(-2, 3):
            a = angle + 0.55 * spoke
            canvas.line(pose.place([(x, y), (x + 0.17 * math.cos(a), y + 0.17 * math.sin(a))]), fill=tint, width=1)
    ellipse(canvas, pose, rng.uniform(0.09, 0.15), heart)


def rose(canvas: Canvas, pose: Pose, rng: Random, rgb: RGB) -> None:
    """Rounded petals that overlap in a spiral towards the middle, without a disc."""
    rings, lift = rng.randint(4, 6), rng.uniform(0, 0.3)
    start = rng.uniform(0, math.tau)
    for ring in range(rings):
        reach = 1 - 0.8 * ring / rings
        count = rng.randint(5, 6) if ring < 2 else rng.randint(3, 5)
        base = (0, -lift * ring / rings)
        for i in range(count):
            angle = start + 0.7 * ring + math.tau * (i + rng.uniform(-0.12, 0.12)) / count
            tint = shade(rgb, (0.95 - 0.3 * ring / rings) * rng.uniform(0.88, 1.08))
            petal(
                canvas,
                pose,
                angle,
                reach * rng.uniform(0.92, 1.04),
                reach * 2.6 / count,
                ROUND,
                tint,
                base,
                bend=rng.uniform(0, 0.25),
            )
    turns, centre = rng.uniform(1.5, 2.5), -lift
    points = [
        (
            0.26 * t / 30 * math.cos(start + turns * math.tau * t / 30),
            centre + 0.26 * t / 30 * math.sin(start + turns * math.tau * t / 30),
        )
        for t in range(31)
    ]
    canvas.line(pose.place(points), fill=shade(rgb, 0.42), width=max(1, round(pose.radius * 0.035)))


def tulip(canvas: Canvas, pose: Pose, rng: Random, rgb: RGB) -> None:
    """A cup of a few big petals, seen from the side."""
    spread, wide = rng.uniform(0.12, 0.5), rng.uniform(0.36, 0.5)
    up, base = -math.pi / 2, (0, 0.85)
    for side, length, light in ((-0.5, 1.75, 0.75), (0.5, 1.75, 0.75), (-1, 1.7, 0.92), (1, 1.7, 0.92), (0, 1.55, 1)):
        angle = up + side * spread + rng.uniform(-0.07, 0.07)
        curve = -side * rng.uniform(-0.05, 0.2)
        petal(canvas, pose, angle, length * rng.uniform(0.93, 1.05), wide, CUP, shade(rgb, light), base, curve)


# How to draw each flower, its smallest `tilt` and its largest `roll` (roses and tulips stay upright).
FLOWERS = {
    "daisy": (daisy, 0.62, math.pi),
    "dandelion": (dandelion, 0.75, math.pi),
    "rose": (rose, 0.6, 0.6),
    "sunflower": (sunflower, 0.62, math.pi),
    "tulip": (tulip, 1.0, 0.7),
}


def background(rng: Random, side: int) -> Image.Image:
    """A (side, side) canvas: two colours and out-of-focus blobs, some in the colours of petals."""
    small = side // 6
    image = Image.new("RGB", (small, small), shade(colour(rng, rng.choice(GROUND_COLOURS)), 0.6))
    canvas = ImageDraw.Draw(image)
    for _ in range(rng.randint(3, 9)):
        x, y, r = rng.uniform(0, small), rng.uniform(0, small), rng.uniform(0.05, 0.3) * small
        box = [round(edge) for edge in (x - r, y - r, x + r, y + r)]
        canvas.ellipse(box, fill=shade(colour(rng, rng.choice(GROUND_COLOURS)), rng.uniform(0.35, 0.75)))
    return image.filter(ImageFilter.BoxBlur(1)).resize((side, side), Image.Resampling.BICUBIC)


def leaf(canvas: Canvas, rng: Random, side: int, outline: Outline = CUP) -> None:
    """A leaf or a blade of grass from anywhere in any direction."""
    pose = Pose(rng.uniform(0, side), rng.uniform(0, side), side, 1, 0, rng.uniform(0, math.tau))
    length = rng.uniform(0.25, 0.6)
    width = length * (rng.uniform(0.12, 0.25) if outline is CUP else rng.uniform(0.02, 0.06))
    petal(
        canvas,
        pose,
        rng.uniform(0, math.tau),
        length,
        width,
        outline,
        colour(rng, "green"),
        bend=rng.uniform(-0.3, 0.3),
    )


def stone(canvas: Canvas, rng: Random, side: int) -> None:
    """A rounded stone with a lighter top."""
    pose = Pose(
        rng.uniform(0, side),
        rng.uniform(0, side),
        rng.uniform(0.04, 0.13) * side,
        rng.uniform(0.5, 1),
        rng.uniform(-0.5, 0.5),
        0,
    )
    rgb = colour(rng, rng.choice(("grey", "brown")))
    ellipse(canvas, pose, 1, shade(rgb, 0.7))
    ellipse(canvas, pose, 0.7, rgb, (-0.1, -0.2))


def clutter(canvas: Canvas, rng: Random, side: int) -> None:
    """Leaves, grass and stones behind the flowers."""
    for _ in range(rng.randint(0, 6)):
        kind = rng.random()
        if kind < 0.2:
            stone(canvas, rng, side)
        else:
            leaf(canvas, rng, side, CUP if kind < 0.6 else BLADE)


def stem(canvas: Canvas, pose: Pose, rng: Random, side: int) -> None:
    """A curved stem from the flower to beyond the lower edge."""
    foot, bow = pose.x + rng.uniform(-0.3, 0.3) * side, rng.uniform(-0.1, 0.1) * side
    points = []
    for i in range(9):
        t = i / 8
        points.append(
            (round(pose.x + (foot - pose.x) * t + bow * 4 * t * (1 - t)), round(pose.y + (1.1 * side - pose.y) * t))
        )
    canvas.line(points, fill=shade(colour(rng, "green"), 0.9), width=max(2, round(pose.radius * 0.1)))


def poses(rng: Random, side: int, tilt: float, roll: float) -> Iterator[Pose]:
    """One to three poses; flowers that share a picture are smaller."""
    count = rng.choice((1, 1, 1, 1, 1, 1, 2, 2, 3))
    largest = {1: 0.48, 2: 0.36, 3: 0.3}[count]
    sun = rng.uniform(0, math.tau)
    start = rng.uniform(0, math.tau)
    for i in range(count):
        off = rng.uniform(0, 0.18) if count == 1 else rng.uniform(0.22, 0.34)
        angle = start + math.tau * i / count + rng.uniform(-0.3, 0.3)
        yield Pose(
            side * (0.5 + off * math.cos(angle)),
            side * (0.5 + off * math.sin(angle)),
            side * rng.uniform(0.82, 1) * largest,
            rng.uniform(tilt, 1),
            rng.uniform(-roll, roll),
            sun,
        )


def shadow(image: Image.Image, rng: Random) -> None:
    """Darken one soft-edged part of the picture."""
    mask = Image.new("L", (12, 12), 0)
    x, y, r = rng.uniform(0, 12), rng.uniform(0, 12), rng.uniform(2, 7)
    ImageDraw.Draw(mask).ellipse([round(e) for e in (x - r, y - r, x + r, y + r)], fill=rng.randint(60, 110))
    image.paste((10, 12, 25), (0, 0), mask.resize(image.size, Image.Resampling.BICUBIC))


def light(image: Image.Image, rng: Random) -> Image.Image:
    """Brightness, a colour cast, a gradient across the picture and the noise of a sensor."""
    pixels = np.asarray(image).astype(np.float64)
    size = len(pixels)
    ramp = np.arange(size) / (size - 1) - 0.5
    across, down = rng.uniform(-0.35, 0.35), rng.uniform(-0.35, 0.35)
    gain = rng.uniform(0.85, 1.25) * (1 + across * ramp[None, :, None] + down * ramp[:, None, None])
    cast = np.array([rng.uniform(0.85, 1.1) for _ in range(3)])
    noise = np.random.RandomState(rng.getrandbits(32)).randint(-8, 9, pixels.shape)
    pixels = pixels * gain * cast + noise * rng.uniform(0, 1)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def draw(class_name: str, split: str, index: int, size: int = 96) -> Image.Image:
    """Draw one picture, (size, size) RGB. The same arguments always give the same pixels.

    Raises KeyError for an unknown class; `index` may be any number, also beyond the set's own.
    """
    rng = Random(f"petals {class_name} {split} {index}")
    side = SCALE * size
    flower, tilt, roll = FLOWERS[class_name]

    image = background(rng, side)
    canvas = ImageDraw.Draw(image)
    clutter(canvas, rng, side)
    if rng.random() < 0.7:
        image = image.filter(ImageFilter.BoxBlur(rng.randint(1, 4)))
        canvas = ImageDraw.Draw(image)
    rgb = colour(rng, rng.choices(PETAL_COLOURS, HABITS[class_name])[0])
    placed = list(poses(rng, side, tilt, roll))
    for pose in placed:
        if flower is tulip or rng.random() < 0.6:
            stem(canvas, pose, rng, side)
    for pose in placed:
        flower(canvas, pose, rng, shade(rgb, rng.uniform(0.9, 1.05)))
    if rng.random() < 0.25:
        leaf(canvas, rng, side, rng.choice((CUP, BLADE)))
    if rng.random() < 0.3:
        shadow(image, rng)

    image = image.reduce(SCALE)
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.BoxBlur(rng.uniform(0.3, 0.8)))
    return light(image, rng)


def _is_current(directory: Path) -> bool:
    """Whether `directory` holds a whole set of this version: petals.json is written last."""
    try:
        return json.loads((directory / "petals.json").read_text(encoding="utf-8"))["version"] == VERSION
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sibling(directory: Path) -> Path:
    """A name beside `directory` that no other process uses; on the same disk, so a rename is one step."""
    return directory.with_name(f".{directory.name}-{os.getpid()}-{uuid.uuid4().hex[:8]}")


def _publish(work: Path, directory: Path, replace: bool) -> None:
    """Rename the finished `work` to `directory`; when another process was first, its result stays."""
    if replace:
        old = _sibling(directory)
        with suppress(FileNotFoundError):  # another process moved it a moment ago
            directory.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    try:
        work.rename(directory)
    except OSError:
        if not _is_current(directory):
            raise InputError(f"{directory} exists and is not a petals set; move it away first") from None


def _write(directory: Path, terminal: bool) -> None:
    """Draw every picture into `directory`, then its petals.json."""
    tasks = [(name, split, i) for split, count in SPLITS.items() for name in CLASSES for i in range(count)]
    for name, split, index in tqdm(tasks, desc="petals", unit="img", disable=not terminal):
        path = directory / split / name / f"{index:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(name, split, index).save(path)
    about = {"name": "petals", "version": VERSION, "classes": CLASSES, "display_names": DISPLAY_NAMES}
    text = json.dumps(about, ensure_ascii=False, indent=2)
    (directory / "petals.json").write_text(text + "\n", encoding="utf-8")


def generate(directory: Path) -> Path:
    """Draw the whole set into `directory` (about 20 seconds), in place of an older one, and return its Path.

    The pictures go to `directory/{train,val,test}/<class>/NNNN.png`. They are drawn in a sibling folder that
    is renamed at the end, so `directory` is whole or absent whenever the work is interrupted. Raises
    InputError when `directory` holds something else or cannot be written.
    """
    directory = Path(directory).absolute()
    work, replace, terminal = _sibling(directory), (directory / "petals.json").exists(), sys.stderr.isatty()
    if not terminal:
        print(f"petals: drawing the pictures into {directory}", flush=True)
    try:
        work.mkdir(parents=True)
        _write(work, terminal)
        _publish(work, directory, replace)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made ({error.strerror}); choose another folder") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not terminal:
        print("petals: done", flush=True)
    return directory


def ensure(directory: Path) -> Path:
    """Return `directory` as a Path, drawing the set when it is absent or of another version."""
    directory = Path(directory).absolute()
    return directory if _is_current(directory) else generate(directory)


def pixel_checksum(directory: Path) -> str:
    """sha256 over the relative paths and decoded RGB pixels of every PNG: the same for the same pictures,
    however the PNG files were compressed."""
    directory, digest = Path(directory), hashlib.sha256()
    for path in sorted(directory.rglob("*.png"), key=lambda path: path.relative_to(directory).as_posix()):
        digest.update(path.relative_to(directory).as_posix().encode())
        with Image.open(path) as image:
            digest.update(image.convert("RGB").tobytes())
    return digest.hexdigest()
