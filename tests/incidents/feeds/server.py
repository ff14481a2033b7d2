"""Real HTTP servers on this machine that speak like the sources, and misbehave on script.

Every record in them is invented.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import socket
import struct
import threading
import time
import urllib.parse
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

PASSWORD = "correct-horse-battery-staple-7719"
USERNAME = "invented.desk@example.org"
UCDP_TOKEN = "ucdp-token-8c41f0aa93"


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # What goes over the wire before the connection is torn down; None for all of it.
    sent_bytes: int | None = None
    delay_seconds: float = 0.0
    endless: bool = False


Trouble = Callable[[Request, Reply], Reply]


def as_json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def status(code: int, **headers: str) -> Trouble:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}

    def trouble(request: Request, reply: Reply) -> Reply:
        return Reply(code, b"no", shown)

    return trouble


def hang(seconds: float) -> Trouble:
    def trouble(request: Request, reply: Reply) -> Reply:
        return Reply(reply.status, reply.body, delay_seconds=seconds)

    return trouble


def reset(request: Request, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body, sent_bytes=len(reply.body) // 2)


def cut(request: Request, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body[: len(reply.body) // 2])


def web_page(request: Request, reply: Reply) -> Reply:
    return Reply(200, b"<!DOCTYPE html><html><body>We will be back soon</body></html>")


def huge(request: Request, reply: Reply) -> Reply:
    return Reply(200, b" " * 65536, endless=True)


class Server:
    """Answers by ``respond``; troubles are used up one a request, on paths that hold their key."""

    def __init__(self) -> None:
        self.log: list[Request] = []
        self.troubles: dict[str, list[Trouble | None]] = {}
        self.lock = threading.Lock()
        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}"

    def respond(self, request: Request) -> Reply:
        raise NotImplementedError

    def trouble(self, path: str, *troubles: Trouble | None) -> None:
        """Let the next requests for a path go wrong, None for one that goes well."""
        self.troubles.setdefault(path, []).extend(troubles)

    def reply(self, request: Request) -> Reply:
        with self.lock:
            self.log.append(request)
            reply = self.respond(request)
            for path, waiting in self.troubles.items():
                if path in request.path and waiting:
                    trouble = waiting.pop(0)
                    return reply if trouble is None else trouble(request, reply)
        return reply

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.log if path in request.path]


Kind = TypeVar("Kind", bound=Server)


@contextlib.contextmanager
def running(server: Kind) -> Iterator[Kind]:
    thread = threading.Thread(target=server.httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.httpd.shutdown()
        server.httpd.server_close()
        thread.join()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def _do(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size).decode()
            request = Request(
                self.command, parts.path, dict(urllib.parse.parse_qsl(parts.query)),
                dict(self.headers), dict(urllib.parse.parse_qsl(body)),
            )  # fmt: skip
            reply = server.reply(request)
            with contextlib.suppress(OSError):
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            time.sleep(reply.delay_seconds)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.endless:
                self.send_header("Connection", "close")
                self.close_connection = True
                self.end_headers()
                for _ in range(1000):
                    self.wfile.write(reply.body)
                return
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if reply.sent_bytes is None:
                self.wfile.write(reply.body)
                return
            self.wfile.write(reply.body[: reply.sent_bytes])
            self.wfile.flush()
            # Linger 0: closing sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def event(number: int, country: str = "Niger") -> dict[str, object]:
    """An invented record with the columns of ACLED's API."""
    return {
        "event_id_cnty": f"XXX{number}",
        "event_date": f"2024-{1 + number // 28 % 12:02}-{1 + number % 28:02}",
        "year": 2024,
        "time_precision": 1,
        "disorder_type": "Political violence",
        "event_type": "Violence against civilians",
        "sub_event_type": "Abduction/forced disappearance",
        "actor1": "Invented group",
        "inter1": 3,
        "civilian_targeting": "Civilian targeting",
        "country": country,
        "iso": 562,
        "admin1": "Tillaberi",
        "location": "Invented place",
        "latitude": "14.50",
        "longitude": "1.25",
        "geo_precision": 2,
        "source": "Invented",
        "notes": f'An invented note, with a comma, "quotes"\nand a second line, number {number}.',
        "fatalities": 0,
        "tags": None,
        "timestamp": 1735689600 + number,
    }


class Acled(Server):
    """ACLED's API as of 2025/26."""

    def __init__(self, rows: int = 45) -> None:
        super().__init__()
        self.records = [event(number) for number in range(rows)]
        self.deleted: list[dict[str, object]] = []
        self.announces = True
        self.restrictions: dict[str, object] = {}
        self.tokens: dict[str, str] = {}
        self.valid: set[str] = set()
        self.refresh_works = True
        self.uses_per_token: int | None = None

    def respond(self, request: Request) -> Reply:
        if request.path == "/oauth/token" and request.method == "POST":
            return self._login(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.valid:
            return as_json({"message": "Invalid token"}, 401)
        if self.uses_per_token is not None:
            self.valid.discard(token)
        if request.path == "/api/acled/read":
            return self._listing(request, self._matching(request.query))
        if request.path == "/api/deleted/read":
            since = int(request.query["deleted_timestamp"])
            gone = [row for row in self.deleted if int(str(row["deleted_timestamp"])) >= since]
            return self._listing(request, gone)
        return Reply(404)

    def _matching(self, query: dict[str, str]) -> list[dict[str, object]]:
        names = query["country"].split("|") if "country" in query else None
        since = int(query.get("timestamp", 0))
        return [
            row
            for row in self.records
            if (names is None or row["country"] in names) and int(str(row["timestamp"])) >= since
        ]

    def _listing(self, request: Request, rows: list[dict[str, object]]) -> Reply:
        size, page = int(request.query["limit"]), int(request.query["page"])
        part = rows[size * (page - 1) : size * page]
        answer: dict[str, object] = {
            "status": 200, "success": True, "last_update": 5, "messages": [], "data": part,
            "data_query_restrictions": self.restrictions,
        }  # fmt: skip
        if self.announces and request.query.get("with_total") == "true":
            answer |= {"count": len(part), "total_count": len(rows)}
        return as_json(answer)

    def _login(self, request: Request) -> Reply:
        form = request.form
        if form.get("grant_type") == "refresh_token":
            good = self.refresh_works and form.get("refresh_token") in self.tokens
        else:
            good = form.get("username") == USERNAME and form.get("password") == PASSWORD
        if not good or form.get("client_id") != "acled":
            # As some servers do: what was sent comes back in the refusal.
            return as_json({"error": "invalid_grant", "message": f"not accepted: {form}"}, 400)
        number = len(self.tokens) + 1
        access, refresh = f"access-secret-{number}-e5d1", f"refresh-secret-{number}-77ab"
        self.tokens[refresh] = access
        self.valid.add(access)
        return as_json(
            {"token_type": "Bearer", "expires_in": 86400, "access_token": access,
             "refresh_token": refresh}
        )  # fmt: skip


class Ucdp(Server):
    """UCDP's API: pages from 0, a token in a header of its own."""

    def __init__(self, rows: int = 45, first_page: int = 0) -> None:
        super().__init__()
        self.first_page = first_page
        self.records = [
            {
                "id": 900000 + number, "relid": f"INV-{number}", "year": 2024, "active_year": True,
                "type_of_violence": 3, "where_prec": 2, "latitude": 14.500001, "longitude": 1.25,
                "country": "Niger", "country_id": 436, "date_prec": 1,
                "date_start": "2024-03-01T00:00:00", "date_end": "2024-03-02T00:00:00",
                "source_headline": "Invented", "best": 1, "gwnob": None,
            }
            for number in range(rows)
        ]  # fmt: skip

    def respond(self, request: Request) -> Reply:
        if request.headers.get("x-ucdp-access-token") != UCDP_TOKEN:
            return as_json({"message": "API token required"}, 401)
        if request.path != "/gedevents/25.1":
            return Reply(404)
        size = int(request.query["pagesize"])
        page = int(request.query["page"]) - self.first_page
        pages = -(-len(self.records) // size)
        page = max(page, 0)
        return as_json(
            {
                "TotalCount": len(self.records),
                "TotalPages": pages,
                "PreviousPageUrl": f"{self.url}/x?page={page - 1}" if page else "",
                "NextPageUrl": f"{self.url}/x?page={page + 1}" if page + 1 < pages else "",
                "Result": self.records[size * page : size * (page + 1)],
            }
        )


def mention(number: int, columns: int) -> str:
    """An invented row of GDELT 1.0 (57 columns, 58 with the address) or 2.0 (61)."""
    cells = [""] * columns
    cells[:5] = [str(800000 + number), "20240101", "202401", "2024", "2024.0027"]
    cells[25:30] = ["1", "181", "181", "18", "4"]
    finer = columns == 61
    place = 35 + 2 * (8 if finer else 7)
    cells[place : place + 4] = ["4", "Invented place, Tillaberi, Niger", "NG", "NG06"]
    coordinates = place + (5 if finer else 4)
    cells[coordinates : coordinates + 2] = ["14.5", "1.25"]
    cells[coordinates + 3] = "20240101120000" if finer else "20240101"
    if columns > 57:
        cells[coordinates + 4] = "https://example.org/invented"
    return "\t".join(cells) + "\n"


def zipped(rows: int, columns: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.CSV", "".join(mention(n, columns) for n in range(rows)))
    return out.getvalue()


class Gdelt(Server):
    """GDELT's files and lists; ``wrong_sums`` are listed with a sum that is not theirs."""

    def __init__(self, version: int, stamps: list[str]) -> None:
        super().__init__()
        self.version = version
        columns = 58 if version == 1 else 61
        self.files = {stamp: zipped(3 + n, columns) for n, stamp in enumerate(stamps)}
        self.wrong_sums: set[str] = set()

    def respond(self, request: Request) -> Reply:
        folder, _, name = request.path.strip("/").partition("/")
        if folder == ("events" if self.version == 1 else "gdeltv2"):
            if name in ("md5sums", "filesizes", "masterfilelist.txt"):
                return Reply(200, self._list(name).encode())
            stamp = name.partition(".")[0]
            if stamp in self.files:
                return Reply(200, self.files[stamp])
        return Reply(404)

    def _list(self, name: str) -> str:
        lines = []
        for stamp, content in self.files.items():
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if stamp in self.wrong_sums:
                md5 = "0" * 32
            file = f"{stamp}.export.CSV.zip"
            lines.append(
                {
                    "md5sums": f"{md5}  {file}\n",
                    "filesizes": f"{len(content)} {file}\n",
                    "masterfilelist.txt": (
                        f"{len(content)} {md5} http://elsewhere.invalid/gdeltv2/{file}\n"
                        f"12 {md5} http://elsewhere.invalid/gdeltv2/{stamp}.mentions.CSV.zip\n"
                        "http://elsewhere.invalid/gdeltv2/a_line_without_sum.export.CSV.zip\n"
                    ),
                }[name]
            )
        return "".join(lines)
