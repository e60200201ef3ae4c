"""The lines of the web server itself (gunicorn) in the form of all others."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

import config
from app import logs


class WebLog(Logger):  # type: ignore[misc]
    """Given to gunicorn by name (`run.py`); it writes no list of requests, which is the proxy's."""

    def setup(self, cfg: Any) -> None:
        """As gunicorn has it, with our form."""
        super().setup(cfg)
        form = logs.formatter(config.load()["LOG_FORMAT"])
        for handler in self.error_log.handlers:
            handler.setFormatter(form)
