"""Specimens as files of each type, with everything in them that a rendition must lose."""

import io
import zlib

import pillow_heif
from PIL import Image, PngImagePlugin

from vault.records import ContentType

FORMATS: tuple[ContentType, ...] = tuple(
    one for one in ContentType if one is not ContentType.UNSPECIFIED
)
"""Every format that a document may have."""

PLANTED = (
    b"PLANTED-ARTIST",
    b"PLANTED-COMMENT",
    b"PLANTED-XMP",
    b"PLANTED-TEXT-LAYER",
    b"PLANTED-TITLE",
    b"PLANTED-NOTE",
)
"""Texts of which each file holds some, and no rendition any."""

_XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b"PLANTED-XMP</x:xmpmeta><?xpacket end='w'?>"
)

pillow_heif.register_heif_opener()


def as_file(content_type: ContentType, *pages: Image.Image, quality: int = 92) -> bytes:
    """The pages as a file; several only as TIFF or PDF."""
    if content_type is ContentType.PDF:
        return as_pdf(*pages)
    file = io.BytesIO()
    # Copies: Pillow leaves settings of one format in a picture, and trips over them in another.
    first, *rest = (page.copy() for page in pages)
    if content_type is ContentType.JPEG:
        first.save(
            file, "JPEG", quality=quality, exif=_exif(), xmp=_XMP, comment=b"PLANTED-COMMENT"
        )
    elif content_type is ContentType.PNG:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Title", "PLANTED-TITLE")
        texts.add_itxt("XML:com.adobe.xmp", _XMP.decode())
        first.save(file, "PNG", pnginfo=texts, exif=_exif())
    elif content_type is ContentType.TIFF:
        tags = {270: "PLANTED-TITLE", 315: "PLANTED-ARTIST", 700: _XMP}
        first.save(
            file,
            "TIFF",
            compression="tiff_lzw",
            tiffinfo=tags,
            save_all=bool(rest),
            append_images=rest,
        )
    elif content_type is ContentType.WEBP:
        first.save(file, "WEBP", quality=quality, exif=_exif(), xmp=_XMP)
    else:
        first.save(file, "HEIF", quality=quality, exif=_exif().tobytes(), xmp=_XMP)
    return file.getvalue()


def as_pdf(*pages: Image.Image, count: int | None = None, extra: bytes = b"") -> bytes:
    """A PDF 1.7 of scanned pages with a hidden layer of text, a note, and a title.

    `count`: as many pages as that, by showing the first again. `extra`: into the trailer.
    """
    objects: list[bytes] = [b"<</Type/Catalog/Pages 2 0 R>>", b""]
    kids: list[int] = []
    for page in pages:
        picture = io.BytesIO()
        page.save(picture, "JPEG", quality=92)
        number = len(objects) + 1
        kids.append(number)
        width, height = 360, 360 * page.height / page.width
        drawn = (
            f"q {width} 0 0 {height:.2f} 0 0 cm /I Do Q "
            "BT 3 Tr /F 12 Tf 20 20 Td (PLANTED-TEXT-LAYER) Tj ET"
        ).encode()
        note = (
            b"<</Type/Annot/Subtype/FreeText/Rect[9 9 90 30]/DA(/F 9 Tf)/Contents(PLANTED-NOTE)>>"
        )
        font = b"<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %.2f]/Contents %d 0 R/Annots[%s]"
            b"/Resources<</XObject<</I %d 0 R>>/Font%s>>>>"
            % (width, height, number + 1, note, number + 2, font),
            _stream(b"", drawn),
            _stream(
                b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB"
                b"/BitsPerComponent 8/Filter/DCTDecode" % page.size,
                picture.getvalue(),
            ),
        ]
    shown = kids if count is None else [kids[0]] * count
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (
        len(shown),
        b" ".join(b"%d 0 R" % kid for kid in shown),
    )
    objects.append(b"<</Title(PLANTED-TITLE)/Author(PLANTED-ARTIST)>>")
    return pdf_of(objects, b"/Info %d 0 R" % len(objects) + extra)


def pdf_of(objects: list[bytes], trailer: bytes) -> bytes:
    """Objects, numbered from 1, the first of them the catalogue, as a file."""
    file = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places: list[int] = []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<</Size %d/Root 1 0 R%s>>\n" % (len(objects) + 1, trailer)
    return bytes(file + b"startxref\n%d\n%%%%EOF\n" % start)


def encrypted_pdf(page: Image.Image) -> bytes:
    """A PDF that asks for a password (PDF 32000-1, 7.6.3): nobody has it."""
    return as_pdf(
        page,
        extra=b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>"
        % (b"5a" * 32, b"a5" * 32),
    )


def png_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """Some kilobytes that would be gigabytes of pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        whole = name + data
        return len(data).to_bytes(4, "big") + whole + zlib.crc32(whole).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    packed = zlib.compress(bytes(4 << 20), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def _stream(entries: bytes, data: bytes) -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x013B] = "PLANTED-ARTIST"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0PLANTED-COMMENT"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (0.0, 0.0, 1.0), "E", (0.0, 0.0, 1.0)
    place[0x1D] = "PLANTED-NOTE"
    return exif
