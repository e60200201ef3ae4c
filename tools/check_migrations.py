"""Are the migrations up to date: do they make exactly the tables that the models describe?

Upgrades an empty SQLite database to the newest migration and compares; exit code 1 if not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Upgrade a throw-away database, then let Alembic look for differences."""
    from flask_migrate import check, upgrade

    from app import create_app

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(
            {"INSTANCE_DIR": Path(folder), "DATABASE_URL": f"sqlite:///{folder}/check.db"}
        )
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            check(directory=str(ROOT / "migrations"))


if __name__ == "__main__":
    main()
