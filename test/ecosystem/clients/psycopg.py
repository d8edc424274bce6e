"""Does what each line of JSON asks for on a session of psycopg2, and answers each with a line of JSON."""
import base64, datetime, decimal, json, sys
import psycopg2
from psycopg2.extras import Json, RealDictCursor

connection = psycopg2.connect(sys.argv[1], cursor_factory=RealDictCursor)
connection.autocommit = True


def begin():
    connection.autocommit = False


def end(how):
    how()
    connection.autocommit = True


def rows(sql, values=None):
    with connection.cursor() as cursor:
        if sql.startswith("copy "):
            cursor.copy_expert(sql, sys.stderr)
        else:
            cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def insert(item):
    with connection.cursor() as cursor:
        cursor.execute("insert into item values (%s, %s, %s, %s, %s, %s, %s, %s)", (
            item["id"],
            item["name"],
            item["data"] and psycopg2.Binary(base64.b64decode(item["data"])),
            item["doc"] and Json(item["doc"]),
            item["tags"],
            item["made"] and datetime.datetime.fromisoformat(item["made"].replace("Z", "+00:00")),
            item["price"] and decimal.Decimal(item["price"]),
            item["flag"],
        ))


def plain(value):
    if isinstance(value, memoryview):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)


does = {
    "insert": insert,
    "find": lambda id: next(iter(rows("select * from item where id = %s", (id,))), None),
    "rows": rows,
    "begin": begin,
    "commit": lambda: end(connection.commit),
    "rollback": lambda: end(connection.rollback),
}
for line in sys.stdin:
    name, *values = json.loads(line)
    try:
        answer = {"gives": does[name](*values)}
    except psycopg2.Error as error:
        answer = {"code": error.pgcode, "message": str(error)}
    print(json.dumps(answer, default=plain), flush=True)
connection.close()
