"""The database's clock as SQL: all hosts that share a database go by it."""

from typing import Any

from sqlalchemy import BigInteger, Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

SQLITE_DAYS = "(julianday('now') - 2440587.5)"
POSTGRES_SECONDS = "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
"""Begin of the statement, not of the transaction, which may have waited for a lock."""


class Now(FunctionElement[float]):
    """Seconds since 1970."""

    inherit_cache = True  # or each statement with it is compiled each time
    type = Double()


class Today(FunctionElement[int]):
    """Days since 1970, in UTC."""

    inherit_cache = True  # or each statement with it is compiled each time
    type = BigInteger()


@compiles(Now, "sqlite")
def _now_in_sqlite(_element: Now, _compiler: Any, **_options: Any) -> str:
    return f"({SQLITE_DAYS} * 86400.0)"


@compiles(Now, "postgresql")
def _now_in_postgres(_element: Now, _compiler: Any, **_options: Any) -> str:
    return POSTGRES_SECONDS


@compiles(Today, "sqlite")
def _today_in_sqlite(_element: Today, _compiler: Any, **_options: Any) -> str:
    return f"CAST({SQLITE_DAYS} AS INTEGER)"


@compiles(Today, "postgresql")
def _today_in_postgres(_element: Today, _compiler: Any, **_options: Any) -> str:
    return f"CAST(floor({POSTGRES_SECONDS} / 86400) AS bigint)"
