"""A page of a specimen, drawn on by fractions of it, which remembers what on it is personal."""

import math

from PIL import Image, ImageDraw, ImageFont

WIDTH = 1240
INK, FAINT, RED, BLUE = (40, 40, 48), (110, 115, 130), (200, 40, 40), (30, 60, 160)

Box = tuple[float, float, float, float]


class Sheet:
    """A page to draw on, by fractions of it."""

    def __init__(
        self, width_mm: float, height_mm: float, paper: tuple[int, int, int], width: int = WIDTH
    ) -> None:
        self.image = Image.new("RGB", (width, round(width * height_mm / width_mm)), paper)
        self.draw = ImageDraw.Draw(self.image)
        self.personal = Image.new("L", self.image.size)
        """White where something stands that a masked view must not show."""
        self._mark = ImageDraw.Draw(self.personal)
        self._guilloche(paper)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return x * self.image.width, y * self.image.height

    def box(self, box: Box, fill: object = None, outline: object = None, width: int = 2) -> None:
        corners = (*self.at(*box[:2]), *self.at(*box[2:]))
        self.draw.rectangle(corners, fill=fill, outline=outline, width=width)  # type: ignore[arg-type]

    def text(
        self,
        x: float,
        y: float,
        text: str,
        high: float = 0.045,
        ink: object = INK,
        anchor: str = "lm",
        personal: bool = False,
    ) -> None:
        """A line whose middle is at height `y`; `high` is of the page's height."""
        font = ImageFont.load_default(high * self.image.height)
        self.draw.text(self.at(x, y), text, fill=ink, font=font, anchor=anchor)  # type: ignore[arg-type]
        if personal:
            self._mark.text(self.at(x, y), text, fill=255, font=font, anchor=anchor)

    def columns(self, left: float, right: float, y: float, text: str, high: float = 0.045) -> None:
        """A line of characters of one width, as OCR-B is."""
        pitch = (right - left) / len(text)
        for number, letter in enumerate(text):
            self.text(left + pitch * (number + 0.5), y, letter, high, anchor="mm", personal=True)

    def field(
        self,
        x: float,
        y: float,
        label: str,
        value: str,
        high: float = 0.04,
        personal: bool = True,
    ) -> None:
        self.text(x, y - 0.034, label, 0.024, FAINT)
        self.text(x, y + 0.006, value, high, personal=personal)

    def portrait(self, box: Box) -> None:
        """Somebody who looks like nobody."""
        left, top, right, bottom = box
        wide, high = right - left, bottom - top
        self.box(box, fill=(222, 228, 234))
        self.hide(box)
        middle = left + wide / 2
        round_ = self.draw.ellipse
        shirt = (
            *self.at(left + wide * 0.08, top + high * 0.62),
            *self.at(right - wide * 0.08, bottom + high * 0.5),
        )
        picture = self.image.copy()
        round_(shirt, fill=(60, 70, 90))
        # What the ellipse drew below the portrait is taken away again.
        edge = round(self.at(0, bottom)[1])
        below = (0, edge, self.image.width, self.image.height)
        self.image.paste(picture.crop(below), below[:2])
        round_(
            (
                *self.at(middle - wide * 0.27, top + high * 0.1),
                *self.at(middle + wide * 0.27, top + high * 0.5),
            ),
            fill=(50, 40, 36),
        )
        round_(
            (
                *self.at(middle - wide * 0.22, top + high * 0.18),
                *self.at(middle + wide * 0.22, top + high * 0.68),
            ),
            fill=(196, 160, 136),
        )
        for side in (-1, 1):
            x = middle + side * wide * 0.09
            round_(
                (
                    *self.at(x - wide * 0.03, top + high * 0.38),
                    *self.at(x + wide * 0.03, top + high * 0.42),
                ),
                fill=INK,
            )

    def signature(self, box: Box) -> None:
        left, top, right, bottom = box
        points = [
            self.at(
                left + (right - left) * step / 90,
                (top + bottom) / 2
                + (bottom - top) * 0.4 * math.sin(step / 4) * math.cos(step / 13),
            )
            for step in range(91)
        ]
        self.draw.line(points, fill=(20, 30, 110), width=4)
        self._mark.line(points, fill=255, width=4)

    def hide(self, box: Box) -> None:
        """Have a box count as personal."""
        self._mark.rectangle((*self.at(*box[:2]), *self.at(*box[2:])), fill=255)

    def disc(self, box: Box, colour: tuple[int, int, int], star: tuple[int, int, int]) -> None:
        self.draw.ellipse((*self.at(*box[:2]), *self.at(*box[2:])), fill=colour)
        x, y = (box[0] + box[2]) / 2 * self.image.width, (box[1] + box[3]) / 2 * self.image.height
        reach = (box[3] - box[1]) * self.image.height * 0.28
        points = [
            (x + r * math.sin(math.pi * k / 5), y - r * math.cos(math.pi * k / 5))
            for k in range(10)
            for r in (reach if k % 2 == 0 else reach * 0.4,)
        ]
        self.draw.polygon(points, fill=star)

    def squares(self, box: Box, rows: int = 25) -> None:
        """A pattern like that of a two-dimensional code, which says nothing."""
        left, top, right, bottom = box
        self.box(box, fill="white")
        self.hide(box)
        for row in range(rows):
            for column in range(rows):
                if (row * row * 7 + column * 13 + row * column) % 5 < 2:
                    x, y = left + (right - left) * column / rows, top + (bottom - top) * row / rows
                    self.box(
                        (x, y, x + (right - left) / rows, y + (bottom - top) / rows), fill="black"
                    )

    def finish(self) -> "Sheet":
        """Write across it what it is."""
        height = self.image.height
        layer = Image.new("L", self.image.size)
        font = ImageFont.load_default(height * 0.16)
        ImageDraw.Draw(layer).text(
            (self.image.width / 2, height / 2), "SPECIMEN", fill=70, font=font, anchor="mm"
        )
        turned = layer.rotate(18, resample=Image.Resampling.BICUBIC)
        self.image.paste(Image.new("RGB", self.image.size, (190, 30, 90)), mask=turned)
        return self

    def _guilloche(self, paper: tuple[int, int, int]) -> None:
        tone = tuple(max(0, part - 16) for part in paper)
        width, height = self.image.size
        for line in range(0, height + 60, 14):
            points = [
                (x, line - 30 + 22 * math.sin(x / 55 + line / 40)) for x in range(0, width + 10, 10)
            ]
            self.draw.line(points, fill=tone, width=2)
