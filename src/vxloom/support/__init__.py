"""What somebody who helps from afar needs of a cloud, in one file, without its secrets.

`host` looks at this host, `cloud` asks the server; `bundle` packs within bounds of size and time; `redaction`, pure, takes secrets out of
all that goes in. May import: the agent's side and the doctor. Never: store, server, lab, cli.
"""
