"""Drivers of Python by remote control: a line of JSON in is a request, a line of JSON out is its answer.

{"id": 1, "op": "open", "driver": "asyncpg", ...} -> {"id": 1, "session": 1}
{"id": 2, "op": "ask", "session": 1, "text": "select 1"} -> {"id": 2, "rows": ["1"]}
"""

import asyncio
import json
import sys

import asyncpg


class Session:
    def __init__(self, connection):
        self.connection = connection
        self.running = None

    async def ask(self, text):
        self.running = asyncio.ensure_future(self.connection.fetch(text))
        try:
            return {"rows": [str(row[0]) for row in await self.running]}
        except asyncio.CancelledError:
            return {"rows": [], "error": "canceling statement due to user request"}


class Server:
    def __init__(self):
        self.sessions = {}

    async def handle(self, request):
        op = request["op"]
        if op == "open":
            connection = await asyncpg.connect(
                host=request["host"],
                port=request["port"],
                user=request["user"],
                password=request["password"],
                database=request["database"],
                ssl=request.get("ssl", "prefer"),
                timeout=20,
            )
            session = Session(connection)
            self.sessions[request["id"]] = session
            closed = {"closed": request["id"]}
            connection.add_termination_listener(lambda _: answer(closed))
            return {"session": request["id"]}
        session = self.sessions[request["session"]]
        if op == "ask":
            return await session.ask(request["text"])
        if op == "cancel":
            session.running.cancel()
            return {}
        if op == "run":
            scope = {"asyncpg": asyncpg, "asyncio": asyncio}
            exec(request["code"], scope)
            return {"value": await scope["main"](session.connection)}
        if op == "close":
            del self.sessions[request["session"]]
            await session.connection.close(timeout=5)
            return {}
        raise ValueError(op)

    async def serve(self, request):
        try:
            result = await self.handle(request)
        except Exception as error:  # whatever a driver raises is its answer
            result = {"rows": [], "error": str(error) or repr(error), "kind": type(error).__name__}
        answer({"id": request["id"], **result})


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def main():
    server = Server()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        asyncio.ensure_future(server.serve(json.loads(line)))


asyncio.run(main())
