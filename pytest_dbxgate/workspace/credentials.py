"""Secrets in memory: values that no ``repr`` shows, tokens, and what keeps a token fresh."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, NoReturn
from urllib.parse import quote, quote_plus

from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.secrets.redact import MASK

OnSecret = Callable[[str], None]
"""Gets each secret before it is used: the place to call ``##vso[task.setsecret]``."""


class Secret:
    """A value that shows itself only to :meth:`reveal`.

    Frames hold this and not the text, so that no dump of local variables can hold it either.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one expression that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"<secret {MASK}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret stays in the memory of its process")


class Shielded(Mapping[str, str]):
    """A mapping, such as the environment, whose ``repr`` shows names only."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def secret(self, name: str) -> Secret:
        """A value that must not be shown; empty where it is missing."""
        return Secret(self._values.get(name, "").strip())

    def __repr__(self) -> str:
        return f"<{len(self._values)} values, not shown>"


class Token(NamedTuple):
    """What a request is signed with."""

    secret: Secret
    expires: float | None = None
    """When it dies, by the session's clock; None: not known."""


class Veil:
    """All secrets of a session, and texts without them. Safe to use from several threads."""

    def __init__(self, on_secret: OnSecret | None = None) -> None:
        self._on_secret = on_secret
        self._known: set[Secret] = set()
        self._lock = threading.Lock()

    def add(self, secret: Secret) -> Secret:
        """Register a secret before it is used."""
        if not secret:
            return secret
        with self._lock:
            new = secret not in self._known
            self._known.add(secret)
        if new and self._on_secret is not None:
            self._on_secret(secret.reveal())
        return secret

    def __call__(self, words: str | Secret) -> str:
        """A text with each secret that is known taken out of it, whatever it looks like."""
        text = words.reveal() if isinstance(words, Secret) else words
        with self._lock:
            known = sorted(self._known, key=_length, reverse=True)
        for secret in known:
            for form in forms(secret):
                text = text.replace(form, MASK)
        return text

    def __repr__(self) -> str:
        return f"<veil over {len(self._known)} secrets>"


_SHORTEST = 4
"""A shorter value is found anywhere by chance."""


_SHORTEST_CODED = 8
"""The same for a piece of base64."""


def forms(secret: Secret) -> list[str]:
    """A secret as it is, and as JSON, URLs, hex and base64 (at each offset) carry it."""
    value = secret.reveal()
    if len(value) < _SHORTEST:
        return []
    data = value.encode("utf-8", "surrogatepass")
    found = [value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value)]
    found += [data.hex(), data.hex().upper()]
    for offset in range(3):
        # What stands before and after the secret decides the letters at its ends.
        coded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        sure = coded[(0, 2, 3)[offset] : (len(data) + offset) * 8 // 6]
        found += [sure, sure.replace("+", "-").replace("/", "_")]
    longest = [form for form in found[6:] if len(form) >= _SHORTEST_CODED]
    # The longest first: of a form that holds another nothing must be left.
    return sorted(dict.fromkeys([*found[:6], *longest]), key=len, reverse=True)


def _length(secret: Secret) -> int:
    return len(secret.reveal())


class Credentials:
    """The token of a session: fetched once, and again shortly before it dies or when refused.

    Safe to use from several threads. ``fetch`` raises
    :class:`~pytest_dbxgate.errors.AuthenticationError`.
    """

    EARLY = 120.0
    """Seconds before its end at which a token is exchanged for a fresh one."""

    def __init__(
        self,
        method: str,
        why: str,
        fetch: Callable[[], Token],
        *,
        clock: Callable[[], float],
        veil: Veil,
        renewable: bool = True,
    ) -> None:
        self.method = method
        self.why = why
        self.renewable = renewable
        """Whether asking again can give another token."""
        self.veil = veil
        self._fetch = fetch
        self._clock = clock
        self._token: Token | None = None
        self._lock = threading.Lock()

    def token(self) -> Secret:
        """The current token; raises :class:`~pytest_dbxgate.errors.AuthenticationError`."""
        with self._lock:
            if self._token is None or self._is_stale(self._token):
                self._renew()
            return self._current()

    def refused(self, token: Secret) -> bool:
        """The workspace refused ``token``: True where there is another one now.

        Of several threads that were refused with the same token only the first exchanges it.
        """
        if not self.renewable:
            return False
        with self._lock:
            if self._token is None or self._token.secret == token:
                self._token = None
                self._renew()
            return self._current() != token

    def _renew(self) -> None:
        token = self._fetch()
        self.veil.add(checked(token.secret, self.method))
        self._token = token

    def _current(self) -> Secret:
        assert self._token is not None
        return self._token.secret

    def _is_stale(self, token: Token) -> bool:
        if not self.renewable or token.expires is None:
            return False
        return self._clock() >= token.expires - self.EARLY

    def __repr__(self) -> str:
        return f"<credentials by {self.method}>"


def checked(token: Secret, method: str) -> Secret:
    """``token``; raises :class:`AuthenticationError` where it can be none. Libraries would show
    it in their own error."""
    if all("!" <= letter <= "~" for letter in token.reveal()) and token:
        return token
    raise AuthenticationError(
        f"auth {method!r}: the token is empty, or holds a character that no token holds",
        next_step="look for a line end, a quote or a blank where it was pasted",
    )


def fixed(method: str, why: str, token: Secret, *, veil: Veil) -> Credentials:
    """Credentials of a token that nothing can renew."""
    veil.add(checked(token, method))
    return Credentials(
        method, why, lambda: Token(token), clock=lambda: 0.0, veil=veil, renewable=False
    )
