"""The content types that a document may be uploaded as; there are no others."""

from enum import Enum


class ContentType(str, Enum):
    """Content type of a document, by its media type (IANA; RFC 9649 for WebP, RFC 8118 for PDF)."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    TIFF = "image/tiff"
    WEBP = "image/webp"
    HEIC = "image/heic"
    PDF = "application/pdf"
