"""The pictures of the documentation are what the vault makes today."""

from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from tests.renditions.print_pictures import pictures

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "images" / "renditions"


def test_each_picture_is_as_it_would_be_drawn_now() -> None:
    drawn = pictures()
    assert {path.stem for path in FOLDER.glob("*.png")} == set(drawn)
    for name, picture in drawn.items():
        kept = Image.open(FOLDER / f"{name}.png").convert("RGB")
        assert kept.size == picture.size, "run: python -m tests.renditions.print_pictures"
        # Colours are fewer in the file.
        assert max(ImageStat.Stat(ImageChops.difference(kept, picture)).mean) < 4, name
        assert (FOLDER / f"{name}.png").stat().st_size < 60_000
