"""The database's own clock as SQL: leases are compared by it, since the clocks of two machines may differ."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from models.base import Moment


class database_time(FunctionElement[Any]):
    """`database_time(seconds)`: the database's clock at this statement, plus so many whole seconds."""

    type = Moment()
    inherit_cache = True


@compiles(database_time, "sqlite")
def _sqlite(element: database_time, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # Six digits of a second, as SQLAlchemy writes moments, so that texts compare like times.
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"


@compiles(database_time)
def _postgresql(element: database_time, compiler: Any, **options: Any) -> str:
    # now() would be the time when the transaction began.
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **options)}))"
