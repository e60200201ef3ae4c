"""The list of reports: one line each.  A new report is one file and one line here (docs/reports.md)."""

from __future__ import annotations

from app.reports import (
    purchase_statistics,
    sales_records,
    sales_statistics,
)
from app.reports.report import Report

REPORTS: tuple[Report, ...] = (
    sales_statistics.REPORT,
    sales_records.REPORT,
    purchase_statistics.REPORT,
)
BY_NAME = {report.name: report for report in REPORTS}
