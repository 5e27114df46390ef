"""What all tests of the documents share."""

from tests.pdf_fonts import _quick_pdf_fonts, pdf_fonts_of_users  # noqa: F401
