"""``/api/2.0/secrets``: scopes and what is in them."""

from __future__ import annotations

import base64

from pytest_dbxgate.emulator.store import Row, Store
from pytest_dbxgate.emulator.values import Answer, ApiError, Call, Json, answer, exists, missing


class Scopes:
    """The handlers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, call: Call) -> Answer:
        """Whoever creates a scope gets MANAGE [doc]."""
        name = call.text("scope")
        if self._store.get("scope", name) is not None:
            raise exists(f"Scope {name} already exists!")
        acl = {"principal": call.user, "permission": "MANAGE"}
        self._store.put("scope", Row(name, {"secrets": {}, "acls": [acl]}))
        return answer({})

    def delete(self, call: Call) -> Answer:
        self._scope(call)
        self._store.remove("scope", call.text("scope"))
        return answer({})

    def list_(self, call: Call) -> Answer:
        rows = self._store.all("scope")
        scopes = [{"name": row.key, "backend_type": "DATABRICKS"} for row in rows]
        return answer({"scopes": scopes} if scopes else {})

    def acls(self, call: Call) -> Answer:
        return answer({"items": self._scope(call)["acls"]})

    def put_secret(self, call: Call) -> Answer:
        scope = self._scope(call)
        value = call.body.get("bytes_value")
        if value is None:
            value = base64.b64encode(str(call.body.get("string_value", "")).encode()).decode()
        scope["secrets"][call.text("key")] = value
        self._store.put("scope", Row(call.text("scope"), scope))
        return answer({})

    def get_secret(self, call: Call) -> Answer:
        """The value comes in base64 [doc]."""
        key = call.text("key")
        return answer({"key": key, "value": self._secret(call, key)})

    def list_secrets(self, call: Call) -> Answer:
        secrets = [{"key": key} for key in sorted(self._scope(call)["secrets"])]
        return answer({"secrets": secrets} if secrets else {})

    def delete_secret(self, call: Call) -> Answer:
        key = call.text("key")
        self._secret(call, key)
        scope = self._scope(call)
        del scope["secrets"][key]
        self._store.put("scope", Row(call.text("scope"), scope))
        return answer({})

    def _scope(self, call: Call) -> Json:
        name = call.text("scope")
        row = self._store.get("scope", name)
        if row is None:
            raise missing(f"Scope {name} does not exist!")
        return row.value

    def _secret(self, call: Call, key: str) -> str:
        secrets = self._scope(call)["secrets"]
        if key not in secrets:
            raise ApiError(
                404,
                "RESOURCE_DOES_NOT_EXIST",
                f"Failed to get secret {key} for scope {call.text('scope')}.",
            )
        return str(secrets[key])


def secrets_of(store: Store) -> dict[str, str]:
    """Every secret by ``scope/key``, as notebooks get it; those that are no text are left out."""
    found: dict[str, str] = {}
    for row in store.all("scope"):
        for key, value in row.value["secrets"].items():
            try:
                found[f"{row.key}/{key}"] = base64.b64decode(value).decode("utf-8")
            except ValueError:
                continue
    return found
