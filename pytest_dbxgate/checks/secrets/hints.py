"""What to do about a secret of each rule."""

from __future__ import annotations

_SCOPE = 'read it with dbutils.secrets.get("scope", "key")'

HINTS = {
    "DBX601": f"revoke it; {_SCOPE}, or sign in without one (OAuth, a managed identity)",
    "DBX602": f"rotate it; {_SCOPE}, in Spark configurations write {{{{secrets/scope/key}}}}",
    "DBX603": f"rotate the key that signed it; {_SCOPE}",
    "DBX604": f"rotate its key or password; {_SCOPE}",
    "DBX605": f"delete it in Microsoft Entra ID; {_SCOPE}, or use a managed identity",
    "DBX606": f"deactivate it; {_SCOPE}, or use an instance profile",
    "DBX607": f"replace the key pair; {_SCOPE}",
    "DBX608": f"change it; {_SCOPE}, in job files write {{{{secrets/scope/key}}}}",
    "DBX609": f"revoke it, or wait until it has expired; {_SCOPE}",
    "DBX610": f"revoke it; {_SCOPE}",
}
