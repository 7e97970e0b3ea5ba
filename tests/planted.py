"""Secrets to be planted, in every form they come in: each text is of what surrounds one, and what must survive around it."""

from __future__ import annotations

SECRET = "Plant3d+Secret/Value=="
PEM = """\
-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEAplantedplantedplantedplantedplantedplantedplanted0
plantedplantedplantedplanted
-----END RSA PRIVATE KEY-----"""
WORD = "plant3dw0rd"
ONE_LINE: dict[str, str] = {
    "signed URL": f"GET /client/api?command=listHosts&apikey={WORD}&response=json&signature={WORD}%3D HTTP/1.1 keep",
    "signed URL, coded": f"apikey%3D{WORD}%26signature%3D{WORD}%26keep%3D1",
    "session's URL": f"/client/api?sessionkey={WORD}&keep=1",
    "cookie": f"keep: x, Cookie: JSESSIONID={WORD}; sessionkey={WORD}",
    "set cookie": f"keep Set-Cookie: sessionkey={WORD}; HttpOnly",
    "authorization": f"keep Authorization: Basic {WORD}AAAA",
    "bearer": f"keep curl -H 'Bearer {WORD}AAAA'",
    "properties": f"keep=1 db.cloud.password={WORD}",
    "TOML": f'keep = 1\npassword = "{WORD} with spaces"',
    "JSON": f'{{"keep": 1, "secretkey": "{WORD}", "keep2": 2}}',
    "JSON in JSON": f'{{\\"keep\\":1,\\"apiKey\\":\\"{WORD}\\"}}',
    "XML": f"<keep>1</keep><secretkey>{WORD}</secretkey>",
    "YAML": f"keep: 1\nprivate_key: {WORD}",
    "environment": f"keep; export CLOUDSTACK_SECRET='{WORD}' CLOUDSTACK_KEY={WORD}",
    "option": f"keep mysql --password {WORD} --keep",
    "option with =": f"keep vxloom --join-token={WORD}",
    "database": f"keep postgresql+psycopg://vxloom:{WORD}@db/vxloom",
    "join token": f"keep vxl1.{WORD}.{WORD}",
    "web token": f"keep eyJ{WORD}.{WORD}.{WORD}",
    "hash": f"keep root:$6${WORD}${WORD}{WORD}:19000",
    "passphrase": f"keep passphrase => '{WORD}'",
    "user data": f"keep userdata={WORD}",
    "sysctl": f"keep\nnet.ipv4.tcp_fastopen_key = {WORD}-{WORD}",
    "header": f"keep X-API-Key: {WORD}",
}
LOG = "\n".join([*ONE_LINE.values(), "keep", PEM, "keep after", f"some text with {SECRET} in it"]) + "\n"
"""All of them, as a log could have them; ``SECRET`` only goes where it is known."""
TRACES = (WORD, "plantedplanted", SECRET)
