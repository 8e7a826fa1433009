"""What a Python tool says to the runner, written from docs/formats/ipc.md alone.

`connect()` gives None without a runner. One-way calls return once the bytes are with the kernel,
so that what was said counts even if the process ends right away.
"""

import os
import socket
import struct

HELLO, WELCOME, ERROR = 0x0001, 0x8001, 0x80FF
TRACK_VALUE, DISABLE_CACHE, GET_ENV, GET_ENVS = 0x0014, 0x0015, 0x0020, 0x0021


class Refused(Exception):
    """The runner does not want what was said."""


def connect(endpoint=None):
    endpoint = os.environb.get(b"VT_IPC", b"") if endpoint is None else os.fsencode(endpoint)
    return Client(endpoint) if endpoint else None


def _hint(kind):
    return lambda self, path: self._send(kind, 0, os.path.join(os.getcwdb(), os.fsencode(path)))


class Client:
    ignore_input, ignore_output = _hint(0x0010), _hint(0x0011)
    track_input, track_output = _hint(0x0012), _hint(0x0013)
    requests = 0

    def __init__(self, endpoint):
        path, _, token = endpoint.rpartition(b":")
        self.stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stream.connect(path)
        self._send(HELLO, 0, b"vt-ipc", struct.pack("<HH", 1, 0), bytes.fromhex(token.decode()))
        self._receive(WELCOME)

    def track_value(self, key, value):
        self._send(TRACK_VALUE, 0, key.encode(), value if isinstance(value, bytes) else value.encode())

    def disable_cache(self, reason=None):
        self._send(DISABLE_CACHE, 0, *([] if reason is None else [reason.encode()]))

    def get_env(self, name, tracked=True):
        """The bytes of a variable, or None if it is unset."""
        return next(iter(self._ask(GET_ENV, name.encode(), bytes([tracked]))), None)

    def get_envs(self, glob=None, prefix=None, tracked=True):
        """Names and bytes of all variables that match a glob or begin with a prefix."""
        tag, text = (b"\0", glob) if prefix is None else (b"\1", prefix)
        fields = self._ask(GET_ENVS, tag, text.encode(), bytes([tracked]))
        return {name.decode(): value for name, value in zip(fields[::2], fields[1::2])}

    def _ask(self, kind, *fields):
        self.requests += 1
        self._send(kind, self.requests, *fields)
        return self._receive(kind | 0x8000, self.requests)

    def _send(self, kind, request, *fields):
        fields = b"".join(struct.pack("<I", len(field)) + field for field in fields)
        self.stream.sendall(struct.pack("<IHI", 6 + len(fields), kind, request) + fields)

    def _receive(self, kind, request=0):
        payload = self._exactly(struct.unpack("<I", self._exactly(4))[0])
        fields, at = [], 6
        while at < len(payload):
            start, at = at + 4, at + 4 + struct.unpack_from("<I", payload, at)[0]
            fields.append(payload[start:at])
        if struct.unpack_from("<HI", payload) != (kind, request):
            raise Refused(fields[0].decode() if payload[:2] == struct.pack("<H", ERROR) else "nonsense")
        return fields

    def _exactly(self, count):
        data = self.stream.recv(count, socket.MSG_WAITALL) if count else b""
        if len(data) < count:
            raise ConnectionError("the runner has gone")
        return data
