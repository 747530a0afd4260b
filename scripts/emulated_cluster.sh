#!/bin/bash
# Holds the flow engine to real packets: builds small clusters out of network namespaces (a machine is a namespace, its
# NIC a veth pair shaped by tbf on both ends, its ranks processes), joins them by one bridge or by two bridges with a
# narrower link in between, runs all-to-alls over TCP (cubic, queues of 1 MB), and puts the engine's predictions beside the
# measured times.
#
#   scripts/emulated_cluster.sh MOESIM [OUT.csv]     MOESIM: the program; OUT.csv: default traces/emulated/all_to_all_tcp.csv
#
# Needs root, iproute2 and Python 3. Everything it makes stands in namespaces called moesim-*, which it removes at the end.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "emulated_cluster.sh: needs root (network namespaces)" >&2
  exit 1
fi
if [ $# -lt 1 ]; then
  echo "usage: emulated_cluster.sh MOESIM [OUT.csv]" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
moesim=$1
out=${2:-$here/../traces/emulated/all_to_all_tcp.csv}
mbit=${EMULATED_MBIT:-50}
queue=1000000

remove_all() {
  ip netns list | awk '/^moesim-/ {print $1}' | while read -r name; do ip netns del "$name"; done
}
trap remove_all EXIT INT TERM
remove_all

# shape NAMESPACE DEVICE MBIT: real frames only (segments are not merged), one token bucket of 16 KB.
shape() {
  ip -n "$1" link set dev "$2" gso_max_segs 1 txqueuelen 1000
  ip netns exec "$1" tc qdisc add dev "$2" root tbf rate "$3mbit" burst 16kb limit $queue
}

# join NAMESPACE_A DEVICE_A NAMESPACE_B DEVICE_B MBIT: a cable, shaped in both directions.
join() {
  ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
  shape "$1" "$2" "$5"
  shape "$3" "$4" "$5"
  ip -n "$1" link set "$2" up
  ip -n "$3" link set "$4" up
}

# build NODES FABRIC SLOW: FABRIC is switch or tree (two bridges, the cable between them half of one side's NICs); SLOW is
# the machine with half the rate, or -1.
build() {
  local nodes=$1 fabric=$2 slow=$3 node bridge rate
  remove_all
  ip netns add moesim-fabric
  for bridge in br0 br1; do
    ip -n moesim-fabric link add $bridge type bridge
    ip -n moesim-fabric link set $bridge up
  done
  if [ "$fabric" = tree ]; then
    join moesim-fabric up0 moesim-fabric up1 $((nodes / 2 * mbit / 2))
    ip -n moesim-fabric link set up0 master br0
    ip -n moesim-fabric link set up1 master br1
  fi
  for node in $(seq 0 $((nodes - 1))); do
    rate=$mbit
    [ "$node" -eq "$slow" ] && rate=$((mbit / 2))
    bridge=br0
    [ "$fabric" = tree ] && [ "$node" -ge $((nodes / 2)) ] && bridge=br1
    ip netns add "moesim-$node"
    join "moesim-$node" nic moesim-fabric "port$node" "$rate"
    ip -n moesim-fabric link set "port$node" master $bridge
    ip -n "moesim-$node" link set lo up
    ip -n "moesim-$node" addr add "10.77.0.$((node + 1))/24" dev nic
    ip netns exec "moesim-$node" sysctl -qw net.ipv4.tcp_slow_start_after_idle=0
  done
}

first=--header
run() {  # NODES RANKS_PER_NODE FABRIC PATTERN
  local slow=-1
  [ "$4" = slow_nic ] && slow=1
  build "$1" "$3" $slow
  python3 "$here/emulated_all_to_all.py" --nodes "$1" --ranks-per-node "$2" --fabric "$3" --pattern "$4" --slow-node $slow \
    --mbit "$mbit" --moesim "$moesim" $first >> "$out.part"
  first=
  tail -n 1 "$out.part" >&2
}

mkdir -p "$(dirname "$out")"
rm -f "$out.part"
for shape in "4 4" "4 8" "8 4"; do
  # shellcheck disable=SC2086
  for pattern in balanced skewed hot_node slow_nic; do run $shape switch $pattern; done
  # shellcheck disable=SC2086
  for pattern in balanced skewed hot_node; do run $shape tree $pattern; done
done
mv "$out.part" "$out"
python3 "$here/emulated_all_to_all.py" --summary "$out"
