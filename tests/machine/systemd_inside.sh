# Run as root in the machine, where the package is installed: SYSTEMD_INSIDE NEW, a version that lies beside it. What is said is judged outside.
set -e
share=$(dirname "$0") new=$1

section() { echo "=== $1 $(cut -d' ' -f1 /proc/uptime)"; }
show() { systemctl show --value -p "$2" "vxloom-$1"; }
inside() { /usr/lib/vxloom/bin/python -I "$share/cloud_inside.py" "$1"; }
within() { for _ in $(seq 200); do eval "$1" && return; sleep 0.5; done; echo "in vain: $1"; systemctl status 'vxloom-*'; exit 1; }
healthy() { within "systemctl show -p ActiveState -p StatusText vxloom-$1 | sort | tr '\n' ' ' | grep -q '^ActiveState=active StatusText=healthy'"; }
apply() { local status=0; vxloom host apply --yes --only unit --only service "$@" 2>&1 || status=$?; echo "exit $status"; }

section prepare
rm -f /usr/sbin/policy-rc.d # a container's, which forbids to start anything
mount -t tmpfs dpkg /var/lib/dpkg && cp -r "$share/dpkg/." /var/lib/dpkg/
ip netns add h2
ip link add u1 type veth peer name u2 netns h2
ip address add 192.0.2.1/24 dev u1; ip link set u1 up
ip -n h2 address add 192.0.2.2/24 dev u2; ip -n h2 link set u2 up; ip -n h2 link set lo up

systemctl is-enabled vxloom-agent vxloom-server || true
systemctl is-active vxloom-agent vxloom-server || true

section services
sed -e 's,^ExecStart=.*,& --config /etc/vxloom/h2.toml --state-dir /var/lib/vxloom/h2 --run-dir /run/vxloom-h2,' \
    -e 's,^RuntimeDirectory=.*,&-h2,' -e 's,^StateDirectory=.*,StateDirectory=vxloom/h2\nNetworkNamespacePath=/run/netns/h2,' \
    /lib/systemd/system/vxloom-agent.service >/run/systemd/system/vxloom-h2.service
systemctl daemon-reload && systemctl start --no-block vxloom-h2
apply
ps -o user= -p "$(show server MainPID)"

section again
apply
healthy h2

section guests
inside guests

section upgrade
guest=$(ip netns | sed -n 's/^\(gh1[^ ]*\).*/\1/p')
ip netns exec "$guest" ping -n -i 0.01 10.1.1.12 >"$share/ping" & ping=$!
within "grep -q 'bytes from' $share/ping"
agent=$(show agent MainPID) server=$(show server MainPID)
dpkg -i --force-unsafe-io "$share/vxloom_$new"_*.deb
section upgraded
healthy agent && healthy server
[ "$agent" != "$(show agent MainPID)" ] && [ "$server" != "$(show server MainPID)" ] && echo both are other processes now
dpkg-query -W -f '${Version}\n' vxloom

section crash
kill -KILL "$(show agent MainPID)"
within '[ "$(show agent NRestarts)" = 1 ]'
healthy agent
echo healthy again

section cloudstack
mkdir -p /etc/cloudstack/agent /var/log/cloudstack/agent
echo 'guid=1' >/etc/cloudstack/agent/agent.properties
cat >/usr/local/bin/cloudstack-agent <<'END'
#!/bin/sh
log() { echo "$(date '+%F %T,000') $*" >>/var/log/cloudstack/agent/agent.log; }
if grep -q network.device=bad0 /etc/cloudstack/agent/agent.properties; then log 'ERROR Unable to start agent: no bridge'; exit 1; fi
log 'INFO Startup Response Received: agent [id: 1]'
exec sleep infinity
END
chmod +x /usr/local/bin/cloudstack-agent
printf '[Service]\nExecStart=/usr/local/bin/cloudstack-agent\nRestart=always\nRestartSec=1\n' >/run/systemd/system/cloudstack-agent.service
systemctl daemon-reload && systemctl start cloudstack-agent
for name in bad0 good0; do
    ip link add "$name" type dummy
    printf '[labels]\nGuest = "%s"\n' "$name" >"/root/$name.toml"
done

section refused
cp /etc/vxloom/agent.toml /root/
echo 'resync_seconds = "often"' >>/etc/vxloom/agent.toml
apply --only agent-properties --config /root/bad0.toml

section mended
cp /root/agent.toml /etc/vxloom/agent.toml
apply --only agent-properties --config /root/good0.toml

section undo
systemctl stop vxloom-server && systemctl is-active --quiet vxloom-server || echo "stopped by hand, is-active says $?"
vxloom host undo --only service
systemctl is-enabled vxloom-agent vxloom-server || true
systemctl is-active vxloom-agent vxloom-server || true
ip -o link show type vxlan | wc -l
sent=$(wc -l <"$share/ping"); within '[ $(wc -l <"$share/ping") -gt $((sent + 100)) ]'

section ping
kill -INT "$ping"; wait "$ping" || true
tail -n 3 "$share/ping"
section end
