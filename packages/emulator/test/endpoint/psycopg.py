"""What psycopg2 sees of a forwarding reader, as one line of JSON."""
import datetime, decimal, json, sys
import psycopg2
from psycopg2.extras import Json

seen = {}
connection = psycopg2.connect(sys.argv[1])
row = (1, "größer 🐘", memoryview(bytes(range(256))), Json({"a": [1, None]}), ["x", "y z"],
       datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc), decimal.Decimal("1234567890.0987654321"), None)


def one(cursor, sql, values=None):
    cursor.execute(sql, values)
    return cursor.fetchone()[0]


def sqlstate(work):
    try:
        work()
        return None
    except psycopg2.Error as error:
        connection.rollback()
        return error.pgcode


with connection, connection.cursor() as cursor:
    seen["standby first"] = one(cursor, "SELECT pg_is_in_recovery()")
    cursor.execute("INSERT INTO wide VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)
    seen["then primary"] = not one(cursor, "SELECT pg_is_in_recovery()")
with connection, connection.cursor() as cursor:
    seen["standby again"] = one(cursor, "SELECT pg_is_in_recovery()")
    cursor.execute("SELECT * FROM wide")
    got = cursor.fetchone()
    seen["values"] = [bytes(got[2]) == bytes(row[2]), got[3] == {"a": [1, None]}] + [got[n] == row[n] for n in (0, 1, 4, 5, 6, 7)]
    cursor.execute("SELECT generate_series(1, 50000)")
    seen["rows"] = len(cursor.fetchall())
cursor = connection.cursor()
seen["again"] = sqlstate(lambda: cursor.execute("INSERT INTO wide (id) VALUES (1)"))
seen["savepoint"] = sqlstate(lambda: cursor.execute("SAVEPOINT a"))
seen["copy"] = sqlstate(lambda: cursor.copy_expert("COPY wide TO STDOUT", sys.stderr))
seen["afterwards"] = one(cursor, "SELECT count(*) FROM wide")
print(json.dumps(seen))
