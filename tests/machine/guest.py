"""A machine with a kernel of its own: Debian's generic one under QEMU, without hardware virtualisation.

Its root is this machine's, read-only over 9p, under an overlay whose upper side is a disk image of the test's: what the guest writes stays
in the image, lasts over the guest's reboots, and never reaches this machine. The checkout and its virtual environment are there as they are
here; Debian's systemd, udev and ifupdown lie over it. A script is run as PID 1's child (``run``), or as a unit of systemd (``systemd``);
what it says and its exit code come back through a shared folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "build" / "guest-kernel"
SHARE = "/srv/vxloom"
"""The shared folder, inside."""
_MODULES = ("virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "overlay", "ext4", "crc32c_generic")
_INITRD_INIT = """#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
while read -r module; do insmod /modules/$module || echo "vxloom: $module is not loaded"; done < /modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 hostroot /lower
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 extra /extra
mount -t ext4 /dev/vda /disk
mkdir -p /disk/upper /disk/work
mount -t overlay -o lowerdir=/extra:/lower,upperdir=/disk/upper,workdir=/disk/work overlay /newroot
mkdir -p /newroot/usr/lib/modules /newroot@SHARE@
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 modules /newroot/usr/lib/modules
mount -t 9p -o trans=virtio,version=9p2000.L,access=any,msize=262144 share /newroot@SHARE@
umount /proc /sys; mount --move /dev /newroot/dev
init=$(cat /newroot@SHARE@/init)
exec switch_root /newroot $init
"""
_FINISH = """
@SHARE@/script > @SHARE@/output 2>&1 < /dev/null
echo $? > @SHARE@/status.new; mv @SHARE@/status.new @SHARE@/status
/bin/busybox sync; /bin/busybox poweroff -f
"""
_CHECKOUT = "-t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 checkout @ROOT@"
_PLAIN_INIT = f"""#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount() {{ /bin/busybox mount "$@"; }}
mount -t proc proc /proc; mount -t sysfs sysfs /sys
for folder in /tmp /run /var/tmp; do mount -t tmpfs tmpfs $folder; done
mkdir -p @ROOT@; mount {_CHECKOUT} # it may lie under /tmp
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
ip link set lo up
{_FINISH}"""
_MASKED = (
    "systemd-timesyncd.service systemd-hwdb-update.service systemd-pstore.service systemd-update-utmp.service systemd-binfmt.service "
    "systemd-random-seed.service systemd-sysusers.service e2scrub_reap.service"
)
_SYSTEMD_INIT = f"""#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
rm -f /.dockerenv # else systemd takes a machine like this one for a container, and reads no kernel command line
for folder in /run /tmp /var/tmp; do /bin/busybox mount -t tmpfs tmpfs $folder; done # systemd would sweep this machine's /tmp, file by file
mkdir -p @ROOT@ /run/systemd/system/systemd-udev-trigger.service.d && cd /run/systemd/system
/bin/busybox mount {_CHECKOUT}
for unit in @MASKED@; do ln -s /dev/null $unit; done
modprobe virtio_net # udev, told of network cards only, is done in a second; a whole machine takes it twenty
printf '[Service]\\nExecStart=\\nExecStart=udevadm trigger --subsystem-match=net --action=add\\n' > systemd-udev-trigger.service.d/net.conf
printf '[Unit]\\nRequires=vxloom-test.service\\nWants=@WANTS@\\n' > vxloom-test.target
printf '[Unit]\\nAfter=network.target @WANTS@\\n[Service]\\nType=oneshot\\nExecStart=@SHARE@/finish\\n' > vxloom-test.service
exec /lib/systemd/systemd
"""


@dataclass(frozen=True)
class Done:
    """What a script said, and its exit code; ``console`` is what the kernel and everybody else said."""

    status: int
    output: str
    console: str


@dataclass
class Guest:
    """One machine, with a disk that outlives its boots."""

    folder: Path
    memory: int = 1024
    devices: tuple[str, ...] = ()
    """More arguments of QEMU: network cards."""
    boots: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.share.mkdir(parents=True, exist_ok=True)
        disk = self.folder / "disk"
        if not disk.exists():
            with disk.open("wb") as file:
                file.truncate(2 << 30)
            subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", str(disk)], check=True)

    @property
    def share(self) -> Path:
        """The shared folder, outside."""
        return self.folder / "share"

    def run(self, script: str, *, seconds: float = 120) -> Done:
        """Boot, run a shell script as root, power off; raises :class:`TimeoutError` when that takes too long."""
        self._executable("script", f"#!/bin/bash\n{script}")
        self._executable("plain-init", _PLAIN_INIT.replace("@SHARE@", SHARE).replace("@ROOT@", str(ROOT)))
        return self.boot(f"{SHARE}/plain-init", seconds=seconds)

    def systemd(self, script: str, *, wants: str = "", seconds: float = 180) -> Done:
        """Boot systemd with D-Bus and these units (blanks between them), run a script as root once they are up, power off.

        Network cards are eth0, eth1, …. Raises :class:`TimeoutError` when it takes too long.
        """
        self._executable("script", f"#!/bin/bash\nexport HOME=/root LC_ALL=C.UTF-8\n{script}")
        self._executable("finish", f"#!/bin/bash\n{_FINISH}".replace("@SHARE@", SHARE))
        init = _SYSTEMD_INIT.replace("@SHARE@", SHARE).replace("@ROOT@", str(ROOT)).replace("@MASKED@", _MASKED)
        self._executable("systemd-init", init.replace("@WANTS@", f"dbus.service {wants}"))
        return self.boot(f"{SHARE}/systemd-init", seconds=seconds, append="net.ifnames=0 systemd.unit=vxloom-test.target")

    def boot(self, init: str, *, seconds: float, append: str = "") -> Done:
        """Boot into ``init`` and wait until the machine is off; a reboot counts as off."""
        for name in ("status", "output"):
            (self.share / name).unlink(missing_ok=True)
        (self.share / "init").write_text(init)
        self.boots += 1
        console = self.folder / f"console-{self.boots}"
        process = subprocess.Popen(
            self._command(console, append), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the machine is not off after {seconds:g} s:\n{_tail(console)}") from None
        finally:
            process.kill()
            process.communicate()
        told = console.read_text(errors="replace") if console.exists() else said.decode(errors="replace")
        status, output = self.share / "status", self.share / "output"
        return Done(int(status.read_text()) if status.exists() else -1, output.read_text() if output.exists() else "", told)

    def _executable(self, name: str, text: str) -> None:
        file = self.share / name
        file.write_text(text)
        file.chmod(0o755)

    def _command(self, console: Path, append: str) -> list[str]:
        virtfs = "local,security_model=none,multidevs=remap"
        return [
            "setpriv",  # QEMU ends when this process ends, however it ends
            "--pdeathsig",
            "KILL",
            "qemu-system-x86_64",
            *(
                "-machine",
                "pc,accel=tcg",
                "-cpu",
                "max",
                "-smp",
                "2",
                "-m",
                str(self.memory),
                "-display",
                "none",
                "-no-reboot",
                "-nodefaults",
            ),
            *("-serial", f"file:{console}", "-kernel", str(KERNEL / "vmlinuz"), "-initrd", str(initrd())),
            *("-append", f"console=ttyS0 quiet panic=-1 mitigations=off {append}".strip()),
            *("-drive", f"file={self.folder / 'disk'},if=virtio,format=raw"),
            *("-virtfs", f"{virtfs},path=/,mount_tag=hostroot,readonly=on"),
            *("-virtfs", f"{virtfs},path={KERNEL / 'extra'},mount_tag=extra,readonly=on"),
            *("-virtfs", f"{virtfs},path={KERNEL / 'root/lib/modules'},mount_tag=modules,readonly=on"),
            *("-virtfs", f"{virtfs},path={self.share},mount_tag=share"),
            *("-virtfs", f"{virtfs},path={ROOT},mount_tag=checkout,readonly=on"),
            *self.devices,
        ]


def initrd() -> Path:
    """Return the initial file system: busybox and the modules that lead to the root. Made once for each kernel and text of its init."""
    release = (KERNEL / "release").read_text().strip()
    file = KERNEL / "initrd"
    init = _INITRD_INIT.replace("@SHARE@", SHARE)
    stamp = KERNEL / "initrd.stamp"
    if file.exists() and stamp.exists() and stamp.read_text() == release + init:
        return file
    tree = KERNEL / "initrd.tree"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("bin", "modules", "proc", "sys", "dev", "lower", "extra", "disk", "newroot"):
        (tree / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin" / "busybox")
    (tree / "init").write_text(init)
    (tree / "init").chmod(0o755)
    order: dict[str, None] = {}
    for module in _MODULES:
        shown = subprocess.run(
            ["/sbin/modprobe", "-d", str(KERNEL / "root"), "-S", release, "--show-depends", module],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for path in (line.split()[1] for line in shown.splitlines() if line.startswith("insmod")):
            shutil.copy(path, tree / "modules")
            order[Path(path).name] = None
    (tree / "modules" / "order").write_text("".join(f"{name}\n" for name in order))
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    draft = KERNEL / f"initrd.{os.getpid()}"
    with draft.open("wb") as opened:
        subprocess.run(
            ["/bin/busybox", "cpio", "-o", "-H", "newc"],
            input=names.encode(),
            stdout=opened,
            stderr=subprocess.DEVNULL,
            cwd=tree,
            check=True,
        )
    draft.rename(file)
    stamp.write_text(release + init)
    return file


def _tail(console: Path) -> str:
    return "\n".join(console.read_text(errors="replace").splitlines()[-30:]) if console.exists() else "(nothing was said)"
