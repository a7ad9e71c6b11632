"""Evidence for the demonstration: plain sketches of a product, a type plate or a receipt, drawn, never photographed."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import date

from PIL import Image, ImageDraw, ImageFont

from wenguo.demo.corpus import Woven

SIZE = (880, 660)
WALLS = ((236, 232, 222), (222, 230, 236), (228, 236, 226), (240, 230, 228))
BODIES = ((250, 250, 248), (70, 78, 90), (196, 60, 52), (58, 110, 150), (222, 214, 196))
INK = (52, 58, 66)


def of(woven: Woven, rng: random.Random, day: date) -> list[tuple[str, bytes]]:
    """One or two pictures, (file name, bytes), for this complaint."""
    name = day.strftime("%Y%m%d")
    made = [(f"现场照片_{name}.jpg", _drawn(_product, woven, rng, day, "JPEG"))]
    extra = rng.random()
    if extra < 0.35:
        made.append((f"机身标签_{woven.order.batch}.png", _drawn(_plate, woven, rng, day, "PNG")))
    elif extra < 0.6:
        made.append((f"购买小票_{woven.order.number}.png", _drawn(_receipt, woven, rng, day, "PNG")))
    return made


Sketch = Callable[[ImageDraw.ImageDraw, Woven, random.Random, date], None]


def _drawn(sketch: Sketch, woven: Woven, rng: random.Random, day: date, format: str) -> bytes:
    image = Image.new("RGB", SIZE, rng.choice(WALLS))
    sketch(ImageDraw.Draw(image), woven, rng, day)
    out = io.BytesIO()
    image.save(out, format, quality=78)
    return out.getvalue()


def _write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: float, fill: object = INK) -> None:
    pen.text(place, text, fill=fill, font=ImageFont.load_default(size))  # type: ignore[arg-type]


def _product(pen: ImageDraw.ImageDraw, woven: Woven, rng: random.Random, day: date) -> None:
    floor = rng.randint(470, 540)
    pen.rectangle((0, floor, SIZE[0], SIZE[1]), fill=tuple(rng.randint(150, 190) for _ in range(3)))
    body = rng.choice(BODIES)
    _SHAPES.get(woven.product.kind, _box)(pen, body, floor)
    x, y = rng.randint(330, 520), rng.randint(240, 400)
    pen.ellipse((x - 60, y - 44, x + 60, y + 44), outline=(214, 40, 40), width=7)  # where it is broken
    pen.line((x + 55, y - 40, x + 130, y - 110), fill=(214, 40, 40), width=7)
    _write(pen, (24, 22), f"{woven.product.model}  {woven.order.batch}", 30)
    _write(pen, (SIZE[0] - 250, SIZE[1] - 44), f"{day:%Y-%m-%d}", 28, (250, 190, 60))


def _box(pen: ImageDraw.ImageDraw, body: tuple[int, int, int], floor: int) -> None:
    pen.rounded_rectangle((280, 120, 600, floor + 40), 26, fill=body, outline=INK, width=5)
    pen.line((280, 260, 600, 260), fill=INK, width=4)
    pen.rectangle((560, 300, 572, 400), fill=INK)


def _round(pen: ImageDraw.ImageDraw, body: tuple[int, int, int], floor: int) -> None:
    pen.ellipse((250, floor - 110, 630, floor + 50), fill=body, outline=INK, width=5)
    pen.ellipse((400, floor - 90, 480, floor - 50), fill=(120, 130, 140), outline=INK, width=3)


def _kettle(pen: ImageDraw.ImageDraw, body: tuple[int, int, int], floor: int) -> None:
    pen.polygon([(340, 180), (540, 180), (590, floor), (290, floor)], fill=body, outline=INK)
    pen.arc((540, 220, 700, 420), 270, 90, fill=INK, width=22)
    pen.polygon([(345, 200), (260, 150), (330, 260)], fill=body, outline=INK)
    pen.rectangle((280, floor, 600, floor + 26), fill=INK)


def _wide(pen: ImageDraw.ImageDraw, body: tuple[int, int, int], floor: int) -> None:
    pen.rounded_rectangle((140, 150, 740, 330), 30, fill=body, outline=INK, width=5)
    for step in range(6):
        pen.line((180, 250 + step * 12, 700, 250 + step * 12), fill=(140, 148, 156), width=3)


def _drum(pen: ImageDraw.ImageDraw, body: tuple[int, int, int], floor: int) -> None:
    _box(pen, body, floor)
    pen.ellipse((340, 290, 540, 490), fill=(150, 170, 186), outline=INK, width=8)


def _stick(pen: ImageDraw.ImageDraw, body: tuple[int, int, int], floor: int) -> None:
    pen.line((300, floor, 560, 140), fill=body, width=46)
    pen.line((300, floor, 560, 140), fill=INK, width=3)
    pen.rectangle((250, floor - 20, 350, floor + 20), fill=INK)


_SHAPES = {
    "电热水壶": _kettle, "扫地机器人": _round, "电饭煲": _round, "空调": _wide, "油烟机": _wide, "热水器": _wide,
    "洗衣机": _drum, "电动牙刷": _stick, "吸尘器": _stick, "家用摄像头": _round,
}  # fmt: skip


def _plate(pen: ImageDraw.ImageDraw, woven: Woven, rng: random.Random, day: date) -> None:
    pen.rounded_rectangle((120, 130, 760, 530), 18, fill=(208, 212, 214), outline=(120, 126, 130), width=6)
    lines = ("CHENGGUANG", f"MODEL  {woven.product.model}", f"BATCH  {woven.order.batch}", f"S/N  {woven.order.serial}",
             "220V~ 50Hz")  # fmt: skip
    for row, line in enumerate(lines):
        _write(pen, (160, 165 + row * 68), line, 40)


def _receipt(pen: ImageDraw.ImageDraw, woven: Woven, rng: random.Random, day: date) -> None:
    pen.rectangle((240, 40, 640, 630), fill=(252, 252, 248), outline=(190, 190, 186), width=2)
    order = woven.order
    paid = (f"{order.model} x{order.quantity}", f"CNY {order.paid_fen / 100:.2f}", "-" * 24)
    lines = ("CHENGGUANG STORE", f"{order.bought_on:%Y-%m-%d}", f"No. {order.number}", "-" * 24, *paid)
    for row, line in enumerate(lines):
        _write(pen, (270, 70 + row * 62), line, 30)
