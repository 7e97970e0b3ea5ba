# Run as root in a place of its own, where the package is installed: UPGRADE_INSIDE NEW.deb. Two hosts, a guest on each that talks to the other while
# the package is upgraded and its processes are started again, by hand, for no systemd is here. The last lines are ping's, all of them.
set -e

within() { for _ in $(seq 300); do eval "$1" && return; sleep 0.1; done; echo "in vain: $1"; tail -n 5 /tmp/*.log; exit 1; }
server() { setpriv --reuid=vxloom --regid=vxloom --clear-groups vxloom server >/tmp/server.log 2>&1 & server=$!; }
agents() {
    vxloom agent >/tmp/h1.log 2>&1 & h1=$!
    nsenter --net=/run/netns/h2 vxloom agent --config /etc/vxloom/h2.toml --state-dir /var/lib/vxloom/h2 --run-dir /run/h2 >/tmp/h2.log 2>&1 & h2=$!
}
in_step() { vxloom plan h1 --output json | grep -q '"steps": 0' && vxloom plan h2 --output json | grep -q '"steps": 0'; }
again() { server; agents; within 'in_step 2>/dev/null'; }

ip netns add h2
ip link add u1 type veth peer name u2 netns h2
ip address add 192.0.2.1/24 dev u1; ip link set u1 up
ip -n h2 address add 192.0.2.2/24 dev u2; ip -n h2 link set u2 up; ip -n h2 link set lo up
install -d -o vxloom -g vxloom -m 700 /var/lib/vxloom/server
server; within '[ -s /var/lib/vxloom/server/admin.env ]'
/usr/lib/vxloom/bin/python -I /tmp/cloud_inside.py cloud
agents; within 'in_step 2>/dev/null'
/usr/lib/vxloom/bin/python -I /tmp/cloud_inside.py guests

guest=$(ip netns | sed -n 's/^\(gh1[^ ]*\).*/\1/p')
ip netns exec "$guest" ping -n -i 0.01 10.1.1.12 >/tmp/ping & ping=$!
within 'grep -q "bytes from" /tmp/ping'
dpkg -i "$1"
kill $server $h1 $h2; wait $server $h1 $h2 || true
again
kill -KILL $server $h1 $h2; wait $server $h1 $h2 2>/dev/null || true
again
kill -INT $ping; wait $ping || true
kill $server $h1 $h2; wait $server $h1 $h2 || true
cat /tmp/ping
