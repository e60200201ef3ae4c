"""The words of the closed lists under the name that slips know them by; the lists are in `choices`."""

from app.views.choices import METER_TYPE, TOKEN_KIND

__all__ = ["METER_TYPE", "TOKEN_KIND"]
