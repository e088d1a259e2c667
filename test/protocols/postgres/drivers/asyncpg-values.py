"""Reads one row with asyncpg, which takes every value in the binary format, and prints what it made of it."""

import asyncio
import json
import sys

import asyncpg


async def main(port: int, statements: list[str]) -> None:
    client = await asyncpg.connect(host="127.0.0.1", port=port, user="anybody", password="", ssl=False)
    for statement in statements:
        try:
            row = await client.fetchrow(statement)
            print(json.dumps([str(value) if value is not None else None for value in row]))
        except asyncpg.PostgresError as error:
            print(json.dumps({"error": str(error)}))
    await client.close()


asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[2])))
