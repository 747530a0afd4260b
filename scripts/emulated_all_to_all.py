#!/usr/bin/env python3
"""All-to-alls over TCP on a cluster of network namespaces (scripts/emulated_cluster.sh builds it), beside the flow engine's
prediction of them. Prints one CSV row: the median of a few exchanges.

Every rank is a process in its machine's namespace. All pairs of ranks on different machines have a connection before the
clock starts; then all send at once, and the last byte to arrive at any rank stops the clock. (Pairs of one machine do not
cross a shaped link and are left out on both sides.)

What the engine is told: the shaped rates, less what the wire carries besides payload. A full frame is 1514 B (Ethernet as
tbf counts it) for 1448 B of payload; every second frame brings back an acknowledgement of 66 B in the other direction. So
a link with D bytes of payload one way and A the other carries (1514 D + 33 A) / 1448, and its payload rate is
rate x D / that.
"""

import argparse
import csv
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time

FRAME, PAYLOAD, ACK_PER_FRAME = 1514, 1448, 33
CHUNK = 1 << 16
PORT = 7000


def sizes(args):
    """Bytes from rank to rank; 0 inside a machine. The busiest NIC gets about the same time in every pattern."""
    ranks = args.nodes * args.ranks_per_node
    unit = {"balanced": 1.0, "skewed": 1 / 6, "hot_node": 0.4, "slow_nic": 0.5}[args.pattern]
    per_nic = args.mbit * 1e6 / 8 * args.seconds
    base = per_nic / (args.ranks_per_node * (ranks - args.ranks_per_node)) * (0.75 if args.fabric == "tree" else 1)
    matrix = []
    for i in range(ranks):
        row = []
        for j in range(ranks):
            weight = unit
            if args.pattern == "skewed":
                weight *= 1 + (7 * i + 3 * j) % 11
            if args.pattern == "hot_node" and j // args.ranks_per_node == 0:
                weight *= 3
            row.append(0 if i // args.ranks_per_node == j // args.ranks_per_node else max(1, round(base * weight)))
        matrix.append(row)
    return matrix


class Crossing:
    """Payload over each shaped link: machines' NICs out and in, and the cable between the bridges both ways."""

    def __init__(self, args, matrix):
        self.payload = {}
        half = args.nodes // 2
        for i, row in enumerate(matrix):
            for j, size in enumerate(row):
                a, b = i // args.ranks_per_node, j // args.ranks_per_node
                if a == b:
                    continue
                links = [("out", a), ("in", b)]
                if args.fabric == "tree" and (a < half) != (b < half):
                    links.append(("up", int(a < half)))
                for link in links:
                    self.payload[link] = self.payload.get(link, 0) + size

    def rate(self, link, shaped):
        """Payload bytes per second of a link, given its shaped rate in bit/s."""
        opposite = {"out": ("in", link[1]), "in": ("out", link[1]), "up": ("up", 1 - link[1])}[link[0]]
        data, other = self.payload.get(link, 0), self.payload.get(opposite, 0)
        if data == 0:
            return shaped / 8
        return shaped / 8 * data / ((FRAME * data + ACK_PER_FRAME * other) / PAYLOAD)


def cluster_yaml(args, crossing):
    """The shaped links as an explicit cluster."""
    lines = ["name: emulated", "topology: explicit", "nodes_list:"]
    links = []
    half = args.nodes // 2

    def link(a, b, kind, rate):
        links.append(f"  - {{from: {a}, to: {b}, kind: {kind}, bandwidth: {rate / 1e6:.9f}MB/s, duplex: false}}")

    for node in range(args.nodes):
        for rank in range(args.ranks_per_node):
            lines.append(f"  - {{name: n{node}r{rank}, kind: gpu, host: {node}}}")
    switches = ["s0", "s1"] if args.fabric == "tree" else ["s0"]
    lines += [f"  - {{name: {name}, kind: network_switch}}" for name in switches]
    for node in range(args.nodes):
        lines.append(f"  - {{name: hub{node}, kind: hub, host: {node}}}")
        for rank in range(args.ranks_per_node):
            for a, b in ((f"n{node}r{rank}", f"hub{node}"), (f"hub{node}", f"n{node}r{rank}")):
                link(a, b, "ideal", 1e12)
        shaped = args.mbit * 1e6 * (0.5 if node == args.slow_node else 1)
        switch = "s1" if args.fabric == "tree" and node >= half else "s0"
        link(f"hub{node}", switch, "nic", crossing.rate(("out", node), shaped))
        link(switch, f"hub{node}", "nic", crossing.rate(("in", node), shaped))
    if args.fabric == "tree":
        shaped = half * args.mbit * 1e6 / 2
        link("s0", "s1", "fabric", crossing.rate(("up", 1), shaped))
        link("s1", "s0", "fabric", crossing.rate(("up", 0), shaped))
    return "\n".join(lines + ["links:"] + links) + "\n"


def predict(args, matrix):
    with tempfile.TemporaryDirectory() as folder:
        cluster, table = os.path.join(folder, "cluster.yaml"), os.path.join(folder, "sizes.csv")
        with open(cluster, "w", encoding="utf-8") as file:
            file.write(cluster_yaml(args, Crossing(args, matrix)))
        with open(table, "w", encoding="utf-8") as file:
            file.writelines(",".join(map(str, row)) + "\n" for row in matrix)
        answer = subprocess.run([args.moesim, "collective", "all_to_all", "--cluster", cluster, "--bytes-matrix", table,
                                 "--engine", "flow", "--ideal", "--format", "json"], check=True, capture_output=True, text=True)
    result = json.loads(answer.stdout)
    return result["time_s"], result["bound_s"]


def address(args, rank):
    return f"10.77.0.{rank // args.ranks_per_node + 1}", PORT + rank % args.ranks_per_node


def enter_namespace(name):
    """As `ip netns exec` does, for this process only."""
    import ctypes  # noqa: PLC0415 (only here)
    with open(f"/run/netns/{name}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def rank_process(args, rank, matrix, ready, go):
    """Connects to all, waits for the others, moves the bytes. @return monotonic time of the last byte received"""
    enter_namespace(f"moesim-{rank // args.ranks_per_node}")
    peers = [p for p in range(len(matrix)) if matrix[rank][p] or matrix[p][rank]]
    server = socket.create_server(address(args, rank), backlog=len(matrix))
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")  # accepted connections inherit it
    os.write(ready, b"l")
    os.read(go, 1)
    sockets = {}
    for peer in (p for p in peers if p > rank):
        sockets[peer] = socket.socket()
        sockets[peer].setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        sockets[peer].settimeout(30)
        sockets[peer].connect(address(args, peer))
        sockets[peer].sendall(rank.to_bytes(4, "little"))
    for _ in (p for p in peers if p < rank):
        connection, _ = server.accept()
        sockets[int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "little")] = connection
    os.write(ready, b"c")
    os.read(go, 1)
    selector = selectors.DefaultSelector()
    to_send = {peer: matrix[rank][peer] for peer in peers}
    to_receive = {peer: matrix[peer][rank] for peer in peers}
    buffer, data = bytearray(CHUNK), memoryview(bytes(CHUNK))
    for peer in peers:
        sockets[peer].setblocking(False)
        selector.register(sockets[peer], selectors.EVENT_READ | selectors.EVENT_WRITE, peer)
    last, left = time.monotonic(), sum(to_send.values()) + sum(to_receive.values())
    while left:
        for key, events in selector.select():
            peer = key.data
            if events & selectors.EVENT_WRITE and to_send[peer]:
                sent = key.fileobj.send(data[: min(CHUNK, to_send[peer])])
                to_send[peer] -= sent
                left -= sent
            if events & selectors.EVENT_WRITE and not to_send[peer]:
                selector.modify(key.fileobj, selectors.EVENT_READ, peer)
            if events & selectors.EVENT_READ and to_receive[peer]:
                received = key.fileobj.recv_into(buffer, min(CHUNK, to_receive[peer]))
                to_receive[peer] -= received
                left -= received
                last = time.monotonic()
            if not to_send[peer] and not to_receive[peer]:
                selector.unregister(key.fileobj)
    os.write(ready, b"d")  # nobody closes before all are done
    os.read(go, 1)
    return last


def measure(args, matrix):
    """Forks the ranks, opens the gates. @return seconds from the start to the last byte"""
    ranks = len(matrix)
    ready_end, ready = os.pipe()
    answers_end, answers = os.pipe()
    gates = []
    children = []
    for rank in range(ranks):
        gate_end, gate = os.pipe()
        gates.append(gate)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                last = rank_process(args, rank, matrix, ready, gate_end)
                os.write(answers, f"{last!r}\n".encode())
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    begin = 0.0
    for stage in range(3):
        waiting = ranks
        while waiting:
            waiting -= len(os.read(ready_end, waiting))
        if stage == 1:
            time.sleep(0.3)  # handshakes drain
            begin = time.monotonic()
        for gate in gates:
            os.write(gate, b"g")
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    if failed:
        raise RuntimeError(f"{failed} ranks failed")
    os.close(answers)
    with os.fdopen(answers_end) as lines:
        return max(float(line) for line in lines) - begin


def summarize(path):
    with open(path, encoding="utf-8") as file:
        errors = [abs(float(row["predicted_s"]) / float(row["measured_s"]) - 1) for row in csv.DictReader(file)]
    print(f"{len(errors)} cases: median error {100 * statistics.median(errors):.1f} %, worst {100 * max(errors):.1f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", metavar="CSV", help="print the errors of a table and end")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--ranks-per-node", type=int, default=4)
    parser.add_argument("--fabric", choices=["switch", "tree"], default="switch")
    parser.add_argument("--pattern", choices=["balanced", "skewed", "hot_node", "slow_nic"], default="balanced")
    parser.add_argument("--slow-node", type=int, default=-1)
    parser.add_argument("--mbit", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=6, help="that the busiest NIC is to take, about")
    parser.add_argument("--repeats", type=int, default=3, help="exchanges; the median is reported")
    parser.add_argument("--moesim", help="the program")
    parser.add_argument("--header", action="store_true")
    args = parser.parse_args()
    if args.summary:
        summarize(args.summary)
        return
    matrix = sizes(args)
    predicted, bound = predict(args, matrix)
    runs = sorted(measure(args, matrix) for _ in range(args.repeats))
    measured = statistics.median(runs)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if args.header:
        writer.writerow(["nodes", "ranks_per_node", "fabric", "pattern", "nic_mbit", "bytes", "measured_s", "fastest_s",
                         "slowest_s", "predicted_s", "bound_s", "error"])
    writer.writerow([args.nodes, args.ranks_per_node, args.fabric, args.pattern, f"{args.mbit:g}", sum(map(sum, matrix)),
                     f"{measured:.4f}", f"{runs[0]:.4f}", f"{runs[-1]:.4f}", f"{predicted:.4f}", f"{bound:.4f}", f"{predicted / measured - 1:.4f}"])


if __name__ == "__main__":
    main()
