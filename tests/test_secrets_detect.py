"""Which texts hold a secret, and which only look like it."""

from __future__ import annotations

import base64
import json
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planted_secrets import plant, some
from pytest_dbxgate.secrets.detect import find
from pytest_dbxgate.secrets.redact import redact

_RNG = random.Random(7)
HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
DAPI = "dapi" + some(_RNG, HEX, 32)
KEY88 = some(_RNG, ALNUM, 86) + "=="
KEY44 = some(_RNG, ALNUM, 43) + "="
WORD = some(_RNG, ALNUM, 12)
LONG = some(_RNG, ALNUM, 40)
SIG = some(_RNG, ALNUM, 40) + "%3D"
ENTRA = "aB3" + "8Q" + "~" + some(_RNG, ALNUM, 34)
PEM_LINES = [some(_RNG, ALNUM, 64) for _ in range(3)]
BEGIN, END = ("-----" + word + " RSA PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))

FOUND = [
    ("DBX601", DAPI, f"see {DAPI}."),
    ("DBX601", DAPI, f"https://adb.net/?token={DAPI}&x=1"),
    ("DBX601", DAPI, f'curl -H "Authorization: Bearer {DAPI}" https://adb.net'),
    ("DBX601", DAPI, f"curl -u token:{DAPI} https://adb.net"),
    ("DBX601", DAPI, f'dbutils.widgets.text("token", "{DAPI}")'),
    ("DBX601", DAPI, f'"say:\\n{DAPI}\\n"'),
    ("DBX601", DAPI, f"token: \x1b[31m{DAPI}\x1b[0m"),
    ("DBX602", KEY88, f'spark.conf.set("fs.azure.account.key.a.dfs.core.net",\n  "{KEY88}")'),
    ("DBX602", KEY88, f'storage_key = "{KEY88}"'),
    ("DBX602", KEY88, f'BlobServiceClient(account_url=u, credential="{KEY88}")'),
    ("DBX602", KEY88, f"az storage blob list --account-key {KEY88}"),
    ("DBX603", SIG, f'sas = "?sv=2022-11-02&ss=b&srt=sco&sp=rl&se=2030-01-01&sig={SIG}"'),
    ("DBX603", SIG, f"https://a.blob.core.windows.net/x?sig={SIG}&amp;se=2030&amp;sp=r"),
    ("DBX604", KEY44, f"Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey={KEY44}"),
    ("DBX604", WORD, f'url = f"jdbc:sqlserver://{{host}};user=a;password={WORD};encrypt=true"'),
    ("DBX604", WORD, f"amqp://a:{WORD}@queue.acme.net:5672"),
    ("DBX605", ENTRA, f'ClientSecretCredential(tenant, client, "{ENTRA}")'),
    ("DBX605", LONG, f'configs = {{"fs.azure.account.oauth2.client.secret": "{LONG}"}}'),
    ("DBX605", LONG, f'.config("spark.hadoop.clientSecret", "{LONG}")'),
    ("DBX606", LONG, f'sc.hadoopConfiguration.set("fs.s3a.secret.key", "{LONG}")'),
    ("DBX606", LONG, f"s3a://AKIA{some(_RNG, string.ascii_uppercase, 16)}:{LONG}@bucket/x"),
    ("DBX608", WORD, f'.option("password",\n    "{WORD}")'),
    ("DBX608", WORD, f'os.environ["DB_PASSWORD"] = "{WORD}"'),
    ("DBX608", WORD, f'if password == "{WORD}":'),
    ("DBX608", WORD, f'pw = "{WORD}"'),
    ("DBX608", WORD, f'{{"user": "a", "pass": "{WORD}"}}'),
    ("DBX608", WORD, f'requests.get(url, auth=("a", "{WORD}"))'),
    ("DBX608", WORD, f'connect("a", password = """{WORD}""")'),
    ("DBX608", WORD, f"required username='a' password='{WORD}';"),
    ("DBX608", WORD, f'"required username=\\"a\\" password=\\"{WORD}\\";"'),
    ("DBX608", WORD, f'Map("user" -> "a", "password" -> "{WORD}")'),
    ("DBX608", WORD, f"CREATE USER a IDENTIFIED BY '{WORD}'"),
    ("DBX608", WORD, f"OPTIONS (host 'h', user 'u', password '{WORD}')"),
    ("DBX608", WORD, f"SET spark.acme.password={WORD}"),
    ("DBX608", WORD, f'Sys.setenv(DB_PASSWORD = "{WORD}")'),
    ("DBX608", WORD, f'spark-submit --conf spark.ssl.keyPassword={WORD} a.py'),
    ("DBX608", WORD, f'["--conf", "spark.ssl.keyPassword={WORD}"]'),
    ("DBX608", WORD, f"tool --user a --password {WORD} run"),
    ("DBX608", WORD, f"https://a:{WORD}@git.acme.net/x.git"),
    ("DBX608", WORD, f'connection.setPassword("{WORD}")'),
    ("DBX608", WORD, f'"name": "DB_PASSWORD",\n  "value": "{WORD}"'),
    ("DBX608", WORD, f'{{\\"a\\": {{\\"password\\": \\"{WORD}\\"}}}}'),
    ("DBX608", WORD, f'{{\\\\\\"password\\\\\\": \\\\\\"{WORD}\\\\\\"}}'),
    ("DBX608", WORD, f"&quot;password&quot;: &quot;{WORD}&quot;"),
    ("DBX610", LONG, f'api_key = "{LONG}"'),
    ("DBX610", LONG, f'val accessToken: String = "{LONG}"'),
]  # fmt: skip

FOUND_BARE = [
    ("DBX608", WORD, f"password: {WORD}\nuser: a"),
    ("DBX608", WORD, f"- name: DB_PASSWORD\n  value: {WORD}"),
    ("DBX608", WORD, f"export DB_PASSWORD={WORD}"),
    ("DBX608", WORD, f"| password | {WORD} |"),
    ("DBX608", WORD, f"<tr><td>password</td><td>{WORD}</td></tr>"),
    ("DBX608", WORD, f"Password: `{WORD}`"),
    ("DBX610", LONG, f"api_key: {LONG}  # of the team"),
]

NOTHING = [
    'password = dbutils.secrets.get(scope="a", key="sql-password")',
    'dbutils.secrets.get("storage-token", "sql-password-01")',
    'spark.conf.set("fs.azure.account.key.a.dfs.core.windows.net", "{{secrets/a/b}}")',
    'password = "<password>"',
    'password = "xxxxxxxx"',
    'password = "********"',
    'password = "${DB_PASSWORD}"',
    'password: "$(sql-password)"',
    'password = "{{ password }}"',
    'password = f"{secret}1"',
    'password = "%s" % value',
    'password = os.environ["DB_PASSWORD_1"]',
    'password = "your-password-1"',
    'password = "changeme123"',
    'password = "REPLACE_ME_1"',
    'password = "FILL_IN_1"',
    'password = ""',
    'password = "password"',
    "url = 'jdbc:x;user=' + user + ';password=' + password1 + ';encrypt=true'",
    'keyvault_password_name = "sql-password-01"',
    'storage_secret = "acme-kv-storage-secret2"',
    'select("password", "email2", "phone1")',
    'columns = ["user", "password", "address1"]',
    'df.withColumn("token", "value12345678901")',
    "password: Optional[str] = None",
    "def f(token: str = '', max_tokens: int = 4096): pass",
    'tokenizer = AutoTokenizer.from_pretrained("acme/llama-3-8b-instruct-2024")',
    'token_url = "https://login.microsoftonline.com/0123/oauth2/v2.0/token"',
    '"fs.azure.account.oauth.provider.type": "org.apache.hadoop.fs.ClientCredsTokenProvider"',
    'secret_id = "8d2b64f1-3c5e-4a77-9d0b-5f1e6a7c8b90"',
    'api_key = "8d2b64f1-3c5e-4a77-9d0b-5f1e6a7c8b90"',
    "token = dapi" + "1234567890abcdef" * 2,
    "token = dapi" + "0" * 32,
    "commit 3f2c9d1ab07e45c8a1d2e3f4a5b6c7d8e9f0a1b2",
    "md5: 9e107d9d372bb6826bd81d3542a419d6",
    '"integrity": "sha512-' + KEY88 + '"',
    'href="data:image/png;base64,' + base64.b64encode(bytes(range(256))).decode() + '"',
    "http://localhost:8080/a@b",
    "abfss://raw@acme.dfs.core.windows.net/x",
    "jdbc:sqlserver://acme.database.windows.net:1433;database=d;user=a@acme;encrypt=true",
    "pip install acme-secret==1.2.3 token-tools==4.5.6",
    BEGIN + "\n...\n" + END,
    "Basic authentication1 is off",
    'password = "AKIA' + 'IOSFODNN7EXAMPLE"',
    "class A:\n    pass\nname = 'orders2024'",
    'print("Password: ", "orders2024" in names)',
    "else: pass",
]


def values(text: str, *, bare: bool = False) -> list[tuple[str, str]]:
    return [(secret.code, text[secret.start : secret.end]) for secret in find(text, bare=bare)]


@pytest.mark.parametrize("case", range(len(FOUND)))
def test_is_found(case: int) -> None:
    code, value, text = FOUND[case]
    found = values(text)
    assert (code, value) in found
    assert value not in redact(text)


@pytest.mark.parametrize("case", range(len(FOUND_BARE)))
def test_is_found_without_quotes(case: int) -> None:
    code, value, text = FOUND_BARE[case]
    assert values(text, bare=True) == [(code, value)]


@pytest.mark.parametrize("text", NOTHING)
def test_is_nothing(text: str) -> None:
    assert values(text) == []


def test_a_private_key_is_its_lines() -> None:
    body = "\n".join(PEM_LINES)
    assert values(f"x\n{BEGIN}\n{body}\n{END}\ny") == [("DBX607", body)]
    escaped = "\\n".join(PEM_LINES)
    assert values(f'"private_key": "{BEGIN}\\n{escaped}\\n{END}"') == [("DBX607", escaped)]
    joined = "\n".join(f'"{line}\\n"' for line in [BEGIN, *PEM_LINES, END])
    assert [code for code, _ in values(joined)] == ["DBX607"]


def test_base64_carries() -> None:
    inner = json.dumps({"user": "a", "password": WORD})
    for coded in (base64.b64encode(inner.encode()), base64.urlsafe_b64encode(inner.encode())):
        run = coded.decode()
        assert values(f'x = b"{run}"') == [("DBX608", run)]
        assert find(f'x = "{run}"')[0].kind == "password in base64"
    basic = base64.b64encode(f"a:{WORD}".encode()).decode()
    assert values(f"Authorization: Basic {basic}") == [("DBX608", basic)]


def test_escapes_are_mapped_back() -> None:
    coded = "dapi" + "".join(f"\\u00{ord(sign):02x}" for sign in DAPI[4:])
    assert values(f'"a": "{coded}", "b": 1') == [("DBX601", coded)]


def test_letters_that_grow_when_made_small() -> None:
    text = "\u0130\u0130 password = '" + WORD + "'"
    assert values(text) == [("DBX608", WORD)]


def test_planted_ones_are_found() -> None:
    for planted in plant(3):
        if planted.form in ("Python", "Scala"):
            assert find(planted.data.decode()), planted.label


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("aZ9\\\"'=:;/+. \n&{}<>-_~passwordkeytoken"), max_size=200))
def test_spans_are_in_order_and_inside(text: str) -> None:
    end = 0
    for secret in find(text, bare=True):
        assert end <= secret.start < secret.end <= len(text)
        end = secret.end


@pytest.mark.parametrize("piece", ["password=", '\\"', "eyJ", "-----BEGIN ", "://a:", "sig=", "a="])
def test_long_texts_take_no_time(piece: str) -> None:
    find(piece * 20_000, bare=True)
