"""The list of reports: one line each.  A new report is one file and one line here (docs/reports.md)."""

from __future__ import annotations

from app.reports import (
    copies,
    day_sheet,
    engineering_tokens,
    inactive_consumers,
    key_changes,
    purchase_records,
    purchase_statistics,
    reconciliation,
    sales_records,
    sales_statistics,
    token_sales,
)
from app.reports.report import Report

REPORTS: tuple[Report, ...] = (
    sales_statistics.REPORT,
    sales_records.REPORT,
    engineering_tokens.REPORT,
    key_changes.REPORT,
    token_sales.REPORT,
    purchase_statistics.REPORT,
    purchase_records.REPORT,
    inactive_consumers.REPORT,
    reconciliation.REPORT,
    day_sheet.REPORT,
    copies.REPORT,
)
BY_NAME = {report.name: report for report in REPORTS}
