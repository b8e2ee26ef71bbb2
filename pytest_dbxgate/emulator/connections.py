"""Open connections, so that one can be closed in the middle of a request."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """The transports by the client's address."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def cut(self, client: tuple[str, int]) -> None:
        """Close the connection of a client at once."""
        self._open[client].abort()

    def protocol(self) -> type[asyncio.Protocol]:
        """The HTTP protocol for uvicorn, which enters and leaves its connections here."""
        opened = self._open

        class Protocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                opened[_address(transport)] = transport
                # Head and body are two writes; without this each answer would wait 40 ms.
                transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
                )
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                opened.pop(_address(self.transport), None)
                super().connection_lost(exc)

        return Protocol


def _address(transport: asyncio.Transport) -> tuple[str, int]:
    host, port = transport.get_extra_info("peername")[:2]
    return cast(str, host), cast(int, port)
