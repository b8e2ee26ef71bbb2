"""Notebooks and job files with secrets in them, drawn from a seed.

No secret stands in this file: every one is put together from random characters when it is asked
for, so that no scanner of the repository takes it for a real one.
"""

from __future__ import annotations

import base64
import io
import json
import random
import string
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from support import source

_ALNUM = string.ascii_letters + string.digits
_BASE64 = _ALNUM + "+/"
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits
_SYMBOLS = "!#%&*-_@"


class Sample(NamedTuple):
    """A secret: ``text`` holds it as it is; ``name`` is given where only a name tells."""

    kind: str
    code: str
    value: str
    text: str = ""
    name: str = ""


class Planted(NamedTuple):
    """A file with one secret in it."""

    kind: str
    form: str
    code: str
    value: str
    path: str
    data: bytes
    cell: int | None
    """The cell that the finding must name; None where it is the file's or the notebook's."""
    is_job: bool = False

    @property
    def label(self) -> str:
        return f"{self.kind} in {self.form}"


def some(rng: random.Random, alphabet: str, length: int) -> str:
    """Random characters, a digit among them; no run that a reader would take for a sample."""
    drawn = [rng.choice(alphabet) for _ in range(length)]
    if length >= 6 and any(sign.isdigit() for sign in alphabet):
        drawn[length // 2] = rng.choice("23456789")
    return "".join(drawn)


def _storage_key(rng: random.Random) -> str:
    return some(rng, _BASE64, 86) + "=="


def _password(rng: random.Random) -> str:
    if rng.random() < 0.4:
        word = rng.choice(["Sommer", "orders", "Winter", "delta", "Lakes"])
        return word + str(rng.randint(20, 9999)) + rng.choice(["", "!", "#"])
    return some(rng, _ALNUM + _SYMBOLS, rng.randint(9, 18))


def _jwt(rng: random.Random) -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": some(rng, _HEX, 12), "iat": 1700000000}]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join([*(part.rstrip("=") for part in coded), some(rng, _ALNUM + "-_", 43)])


def _pem(rng: random.Random) -> str:
    lines = ["MII" + some(rng, _BASE64, 61), *(some(rng, _BASE64, 64) for _ in range(5))]
    kind = rng.choice(["RSA ", "", "EC ", "OPENSSH "])
    edge = "-----{} " + kind + "PRIVATE" + " KEY-----"
    return "\n".join([edge.format("BEGIN"), *lines, edge.format("END")])


def _entra(rng: random.Random) -> str:
    return some(rng, _ALNUM, 3) + "8Q" + "~" + some(rng, _ALNUM + "_.-", 33) + "a"


def _sas(rng: random.Random) -> Sample:
    signature = some(rng, _ALNUM, 41) + "%2B" + "%3D"
    text = "https://acme.blob.core.windows.net/raw?sv=2022-11-02&se=2030-01-01&sp=rl&sig="
    return Sample("SAS", "DBX603", signature, text + signature)


def _samples(rng: random.Random) -> Iterator[Sample]:
    yield from _tokens(rng)
    yield from _connections(rng)
    yield _sas(rng)
    yield from _named(rng)


def _tokens(rng: random.Random) -> Iterator[Sample]:
    shapes = {
        "Databricks token": ("DBX601", "dapi" + some(rng, _HEX, 32)),
        "Databricks token of a region": ("DBX601", "dapi" + some(rng, _HEX, 32) + "-3"),
        "Databricks OAuth secret": ("DBX601", "dose" + some(rng, _HEX, 32)),
        "Entra secret": ("DBX605", _entra(rng)),
        "AWS key": ("DBX606", "AKIA" + some(rng, _UPPER, 16)),
        "AWS temporary key": ("DBX606", "ASIA" + some(rng, _UPPER, 16)),
        "private key": ("DBX607", _pem(rng)),
        "JWT": ("DBX609", _jwt(rng)),
        "GitHub token": ("DBX610", "ghp_" + some(rng, _ALNUM, 36)),
        "GitHub fine-grained token": ("DBX610", "github_pat_" + some(rng, _ALNUM, 82)),
        "GitLab token": ("DBX610", "glpat-" + some(rng, _ALNUM, 20)),
        "Slack token": (
            "DBX610",
            "xoxb-" + some(rng, string.digits, 12) + "-" + some(rng, _ALNUM, 24),
        ),
        "Google key": ("DBX610", "AIza" + some(rng, _ALNUM, 35)),
        "npm token": ("DBX610", "npm_" + some(rng, _ALNUM, 36)),
        "PyPI token": ("DBX610", "pypi-" + "AgEIcHlwaS5vcmc" + some(rng, _ALNUM, 70)),
        "SendGrid key": ("DBX610", "SG." + some(rng, _ALNUM, 22) + "." + some(rng, _ALNUM, 43)),
        "Stripe key": ("DBX610", "sk_" + "live_" + some(rng, _ALNUM, 24)),
        "OpenAI key": ("DBX610", "sk-" + "proj-" + some(rng, _ALNUM, 60)),
        "Hugging Face token": ("DBX610", "hf_" + some(rng, _ALNUM, 34)),
    }
    for kind, (code, value) in shapes.items():
        yield Sample(kind, code, value, value)


def _connections(rng: random.Random) -> Iterator[Sample]:
    key, hub = _storage_key(rng), some(rng, _BASE64, 43) + "="
    word, other = some(rng, _ALNUM, 14), some(rng, _ALNUM, 12)
    texts = {
        "storage connection string": (
            key,
            f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={key}",
        ),
        "Event Hubs connection string": (
            hub,
            f"Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={hub}",
        ),
        "JDBC URL": (
            word,
            f"jdbc:sqlserver://acme:1433;database=d;user=etl;password={word};encrypt=true",
        ),
        "Cosmos connection string": (
            key,
            f"AccountEndpoint=https://acme.documents.azure.com:443/;AccountKey={key};",
        ),
        "Mongo URL": (other, f"mongodb+srv://etl:{other}@acme.mongodb.net/db"),
        "Postgres URL": (word, f"postgresql://etl:{word}@db.acme.net:5432/orders"),
    }
    for kind, (value, text) in texts.items():
        yield Sample(kind, "DBX604", value, text)
    yield Sample("web URL", "DBX608", other, f"https://etl:{other}@git.acme.net/orders.git")
    bearer = some(rng, _ALNUM, 40)
    yield Sample("bearer header", "DBX610", bearer, f"Authorization: Bearer {bearer}")
    basic = base64.b64encode(f"etl:{word}".encode()).decode()
    yield Sample("basic header", "DBX608", basic, f"Authorization: Basic {basic}")


def _named(rng: random.Random) -> Iterator[Sample]:
    names = ["password", "db_password", "sfPassword", "PWD", "jdbc_passwd", "userPass" + "phrase"]
    for name in names:
        yield Sample("password", "DBX608", _password(rng), name=name)
    account = "fs.azure.account.key.acme.dfs.core.windows.net"
    yield Sample("storage key", "DBX602", _storage_key(rng), name=account)
    yield Sample("storage key", "DBX602", _storage_key(rng), name="storage_account_key")
    client = "fs.azure.account.oauth2.client.secret.acme.dfs.core.windows.net"
    yield Sample("client secret", "DBX605", some(rng, _ALNUM, 40), name=client)
    yield Sample("client secret", "DBX605", _entra(rng), name="client_secret")
    yield Sample("AWS secret", "DBX606", some(rng, _BASE64, 40), name="aws_secret_access_key")
    yield Sample("Cosmos key", "DBX604", _storage_key(rng), name="spark.cosmos.accountKey")
    yield Sample("API key", "DBX610", some(rng, _ALNUM, 32), name="api_key")
    yield Sample("token", "DBX610", some(rng, _HEX, 40), name="access_token")


def _literal(text: str, quote: str = '"') -> str:
    return (
        quote + text.replace("\\", "\\\\").replace("\n", "\\n").replace(quote, "\\" + quote) + quote
    )


def _python(sample: Sample, rng: random.Random) -> str:
    if not sample.name:
        if "\n" in sample.text:
            return f'key = """{sample.text}"""'
        return rng.choice(["url = {}", "connect({})", "x = f({}, 3)  # later", "# was {}"]).format(
            _literal(sample.text)
        )
    value = _literal(sample.value, rng.choice("\"'"))
    dotted = "." in sample.name
    forms = ['spark.conf.set("{}", {})', 'reader.option("{}", {}).load()', 'config = {{"{}": {}}}']
    forms += [] if dotted else ["{} = {}", "connect(user, {}={})", "{}: str = {}"]
    return rng.choice(forms).format(sample.name, value)


def _sql(sample: Sample, rng: random.Random) -> str:
    if not sample.name:
        return "CREATE TABLE t USING jdbc OPTIONS (url {})".format(_literal(sample.text, "'"))
    if "." in sample.name:
        return (
            f"SET {sample.name}={sample.value}"
            if False
            else f"OPTIONS ('{sample.name}' '{sample.value}')"
        )
    form = rng.choice(
        ["OPTIONS (user 'a', {} '{}')", "OPTIONS ({} = '{}')", "OPTIONS (a '1', \"{}\" '{}')"]
    )
    return "CREATE TABLE t USING jdbc " + form.format(sample.name, sample.value)


def _scala(sample: Sample, rng: random.Random) -> str:
    if not sample.name:
        return f"val held = {_literal(sample.text)}"
    forms = ['Map("{}" -> "{}")', 'properties.put("{}", "{}")', '.option("{}", "{}")']
    forms += [] if "." in sample.name else ['val {} = "{}"', 'val {}: String = "{}"']
    return rng.choice(forms).format(sample.name, sample.value)


def _r(sample: Sample, rng: random.Random) -> str:
    if not sample.name:
        return f"held <- {_literal(sample.text)}"
    forms = ['list("{}" = "{}")'] + ([] if "." in sample.name else ['{} <- "{}"', 'f({} = "{}")'])
    return rng.choice(forms).format(sample.name, sample.value)


def _shown(sample: Sample, rng: random.Random) -> str:
    """As a program prints it."""
    if not sample.name:
        return f"connected to {sample.text} in 3 s"
    return rng.choice(["{}={}", "{}: {}", "{{'{}': '{}'}}"]).format(sample.name, sample.value)


def _json(sample: Sample) -> str:
    if sample.name:
        return json.dumps({"host": "acme", sample.name: sample.value})
    return json.dumps({"host": "acme", "value": sample.text})


def _notebook(form: str, sample: Sample, suffix: str, text: str) -> Planted:
    cells = ["1", "2", text, "4"]
    data = source(*cells, suffix=suffix).encode()
    return Planted(sample.kind, form, sample.code, sample.value, "a" + suffix, data, 3)


def _magic(text: str, magic: str, sign: str = "#") -> str:
    return "\n".join(f"{sign} MAGIC {line}".rstrip() for line in f"%{magic}\n{text}".split("\n"))


def _ipynb(
    form: str, sample: Sample, *, text: str = "1", outputs: object = (), widgets: object = None
) -> Planted:
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": []}
    cells = [{**cell, "source": ["1"]}, {**cell, "source": text, "outputs": outputs or []}]
    own = {"language": "python", "widgets": widgets or {}}
    document = {
        "cells": cells,
        "metadata": {"application/vnd.databricks.v1+notebook": own},
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    data = json.dumps(document, indent=1).encode()
    number = None if widgets else 2
    return Planted(sample.kind, form, sample.code, sample.value, "a.ipynb", data, number)


def _dbc(form: str, sample: Sample, text: str) -> Planted:
    commands = [
        {"version": "CommandV1", "guid": f"g{at}", "position": at, "command": f"f({at})"}
        for at in (3.0, 1.0, 2.0)
    ]
    held = {"type": "html", "data": f'<div class="ansiout">{text}</div>'}
    commands[1]["results"] = held
    document = {"version": "NotebookV1", "name": "b", "language": "python", "commands": commands}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/b.python", json.dumps(document))
    return Planted(sample.kind, form, sample.code, sample.value, "a.dbc", packed.getvalue(), 1)


def _job(form: str, sample: Sample, path: str, text: str) -> Planted:
    return Planted(sample.kind, form, sample.code, sample.value, path, text.encode(), None, True)


def _yaml_job(sample: Sample) -> str:
    quoted = json.dumps(sample.text or sample.value)
    bare = sample.name and sample.value[0].isalnum() and " #" not in sample.value
    value = sample.value if bare else quoted
    return (
        "resources:\n  jobs:\n    load:\n      tasks:\n        - task_key: a\n"
        f"          notebook_task:\n            base_parameters:\n"
        f"              {sample.name or 'target'}: {value}\n"
    )


def _json_job(sample: Sample) -> str:
    if not sample.name:
        given: object = {"base_parameters": {"target": sample.text}}
    elif "." in sample.name:
        given = {"parameters": ["--conf", f"spark.hadoop.{sample.name}={sample.value}"]}
    else:
        given = {"parameters": [{"name": sample.name, "default": sample.value}]}
    return json.dumps({"tasks": [{"task_key": "a", "notebook_task": given}]}, indent=2)


def _wrapped(sample: Sample) -> Sample:
    """The sample in base64: what is found is the run that carries it."""
    inner = sample.text or f'{{"{sample.name}": "{sample.value}"}}'
    carrier = base64.b64encode(inner.encode()).decode()
    return sample._replace(value=carrier, text=carrier, name="")


def _forms(sample: Sample, rng: random.Random) -> Iterator[Planted]:
    yield _notebook("Python", sample, ".py", _python(sample, rng))
    yield _notebook("SQL", sample, ".sql", _sql(sample, rng))
    yield _notebook("Scala", sample, ".scala", _scala(sample, rng))
    yield _notebook("R", sample, ".r", _r(sample, rng))
    yield _notebook("Markdown", sample, ".py", _magic(_shown(sample, rng), "md"))
    escaped = _literal(_json(sample))
    yield _notebook("escaped JSON", sample, ".py", f"config = json.loads({escaped})")
    yield _notebook("base64", _wrapped(sample), ".py", _python(_wrapped(sample), rng))
    yield _ipynb("ipynb code", sample, text=_python(sample, rng))
    shown = _shown(sample, rng)
    stream = {"output_type": "stream", "name": "stdout", "text": [shown + "\n", "done\n"]}
    error = {"output_type": "error", "ename": "E", "evalue": "bad", "traceback": ["at 1", shown]}
    page = {"text/html": [f"<pre>{_json(sample)}</pre>"]}
    result = {"output_type": "display_data", "data": page, "metadata": {}}
    yield _ipynb("ipynb stream", sample, outputs=[stream])
    yield _ipynb("ipynb traceback", sample, outputs=[error])
    yield _ipynb("ipynb HTML", sample, outputs=[result])
    widget = {"nuid": "n", "currentValue": sample.text or sample.value, "widgetInfo": {}}
    yield _ipynb("widget", sample, widgets={sample.name or "target": widget})
    yield _dbc("dbc results", sample, shown)
    yield _job("job YAML", sample, "databricks.yml", _yaml_job(sample))
    yield _job("job JSON", sample, "job.json", _json_job(sample))


def plant(seed: int) -> list[Planted]:
    """Every kind of secret in every form."""
    rng = random.Random(seed)
    return [planted for sample in list(_samples(rng)) for planted in _forms(sample, rng)]
