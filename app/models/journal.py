"""What the in-process security module must remember, as tables.

`module_answer` keeps every answer under its message id, `module_token_id` the newest token
id of a meter and base date: ids never repeat and never go back, whatever the clock does.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import UTCDateTime


class ModuleAnswer(Model):
    """One answer of the module, for ever, under the id of the message that asked."""

    __tablename__ = "module_answer"

    message_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    # The tokens, as the module's own text; read only by the module.
    tokens: Mapped[str] = mapped_column(Text)
    answered_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ModuleTokenId(Model):
    """The newest token id of one PAN within one base date (93, 14, 35)."""

    __tablename__ = "module_token_id"

    pan: Mapped[str] = mapped_column(String(18), primary_key=True)
    base_date: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    token_id: Mapped[int] = mapped_column(Integer)
