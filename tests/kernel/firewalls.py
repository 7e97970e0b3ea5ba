"""A hypervisor with a real firewall: Debian's ufw, firewalld or iptables, unpacked beside the checkout, in namespaces of its own.

/usr, /etc and /var/lib are overlays whose upper sides are in memory: the tools find their files where they expect them, and what they write
goes with the process. Nothing of them is installed on this machine, and no daemon of theirs is started on it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.kernel.netns import Netns
from tests.meta.tree import ROOT

PACKAGES = ROOT / "build" / "firewalls"
VXLOOM = Path(sys.executable).with_name("vxloom")
_LAYERS = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/lock
for folder in usr etc var/lib; do
    mkdir -p /run/over/$folder/upper /run/over/$folder/work
    lower=/$folder; [ -d "$PACKAGES/$folder" ] && lower=$PACKAGES/$folder:/$folder
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=/run/over/$folder/upper,workdir=/run/over/$folder/work" /$folder
done
for name in iptables ip6tables; do for verb in '' -save -restore; do
    [ ! -e /usr/sbin/$name-$BACKEND$verb ] || ln -sf $name-$BACKEND$verb /usr/sbin/$name$verb
done; done
rm -f /etc/vxloom/host.toml; rm -rf /var/lib/vxloom/host
"""
_SETUPS = {
    "iptables": "mkdir -p /etc/iptables",
    # What ufw's postinst does.
    "ufw": """
cp -L /usr/share/ufw/*.rules /usr/share/ufw/*.init /usr/share/ufw/ufw.conf /etc/ufw/
chmod 640 /etc/ufw/*.rules
ufw --force enable
""",
    # A bus of its own, on which nobody is started by being called: without polkit firewalld obeys root.
    "firewalld": """
cat > /run/dbus/bus.conf <<'EOF'
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow own="*"/><allow send_destination="*"/><allow eavesdrop="false"/><allow user="*"/></policy></busconfig>
EOF
mkfifo /run/pause
dbus-daemon --config-file=/run/dbus/bus.conf --fork
firewalld --nofork --nopid > /run/firewalld.log 2>&1 < /dev/null &
daemon=$!
until firewall-cmd --state > /dev/null 2>&1; do
    kill -0 $daemon || { cat /run/firewalld.log; exit 1; }
    read -r -t 0.1 _ <> /run/pause || true
done
""",
    "nftables": "",
}


class Firewalled:
    """One hypervisor, guarded by one tool; its network namespace is the caller's. Use as a context manager."""

    def __init__(self, netns: Netns, tool: str, backend: str = "nft") -> None:
        self.netns = netns
        environment = os.environ | {"PACKAGES": str(PACKAGES / tool), "BACKEND": backend, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        script = f"{_LAYERS}{_SETUPS[tool]}\necho ready; read -r _"  # it ends, and all in it, when we close its input, or die
        way = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "bash", "-c", script)
        with netns.entered():
            self._process = subprocess.Popen(
                way, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
            )
        said = []
        for line in self._process.stdout or ():
            said.append(line)
            if line == "ready\n":
                break
        else:
            self._process.wait()
            raise AssertionError(f"{tool} did not start: {''.join(said)}")
        self.inside = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0]

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside; its exit code is the caller's to judge."""
        way = ("nsenter", "--target", self.inside, "--mount", "--pid", "--net", "--", *command)
        return subprocess.run(way, capture_output=True, text=True, check=False)

    def run(self, *command: str) -> str:
        """Run a command inside and return its output; a failure raises with what it said."""
        done = self.attempt(*command)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)} exited {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def write(self, file: str, text: str) -> None:
        """Write a file inside."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")"; printf %s "$2" > "$1"', "-", file, text)

    def files(self, *folders: str) -> dict[str, str]:
        """Return checksum and rights of every file below these folders."""
        rights = dict(
            line.split(maxsplit=1)[::-1] for line in self.run("find", *folders, "-type", "f", "-printf", "%m-%u %p\\n").splitlines()
        )
        sums = self.run("find", *folders, "-type", "f", "-exec", "sha256sum", "{}", "+").splitlines()
        return {name: f"{rights[name]} {checksum}" for checksum, name in (line.split(maxsplit=1) for line in sums)}

    def vxloom(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``vxloom host …`` inside."""
        return self.attempt(str(VXLOOM), "host", *words)

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
