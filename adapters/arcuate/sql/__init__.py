"""SQL databases through SQLAlchemy: PostgreSQL, MariaDB and MySQL, SQLite, DuckDB.

Rows as mappings, pandas tables or Arrow; transactions; streams in bounded memory; COPY into PostgreSQL.
"""

from __future__ import annotations

from arcuate.sql.database import DatabaseConnector
from arcuate.sql.errors import TransactionError
from arcuate.sql.settings import DatabaseConfig

__all__ = ["DatabaseConfig", "DatabaseConnector", "TransactionError"]
