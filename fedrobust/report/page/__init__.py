"""The HTML page of a report: one file that opens offline."""

from fedrobust.report.page.render import render

__all__ = ["render"]
