"""A table into a database, out of it again, and through R."""

import numpy as np
import pandas as pd

from arcuate.client import connect
from arcuate.integrations import DatabaseConnector, IntegrationError

measured = pd.DataFrame({"trial": [1, 2, 3], "level": [0.5, 1.5, 4.0], "note": ["ok", None, "it's late"]})

with DatabaseConnector({"url": "sqlite:///measured.db"}) as db:
    db.execute_query("CREATE TABLE measured (trial BIGINT PRIMARY KEY, level DOUBLE PRECISION, note TEXT)")
    print(db.insert("measured", measured), "rows")

    query = "INSERT INTO measured VALUES (%s, %s, %s) RETURNING trial"
    print(db.execute_query(query, (np.int64(4), None, {"json": 1}))[0]["trial"])
    print(db.execute_query("SELECT note FROM measured WHERE trial >= :first", {"first": 3}))

    try:
        with db.transaction():
            db.execute_query("DELETE FROM measured")
            db.execute_query(query, (9, 0.0, None))
            db.execute_query(query, (9, 0.0, None))
    except IntegrationError as error:
        print(error)

    for row in db.stream_rows("SELECT trial, level FROM measured ORDER BY trial"):
        print(row)

    table = db.read_table("SELECT level FROM measured WHERE level IS NOT NULL ORDER BY trial")
    with connect("r") as r:
        print(r.mean(table["level"].to_numpy()))
    print(db.health().status)
