#!/usr/bin/env python3
"""Measures how much matrix products slow down when a GPU works at the limit of its power (needs PyTorch and a GPU).

    scripts/measure_power.py > power.csv && moesim calibrate samples.csv power.csv --device my_gpu -o my_gpu.yaml
    torchrun --nproc-per-node 2 scripts/measure_power.py > power_collectives.csv        # on several GPUs

On several GPUs: one product between NCCL's all-to-alls, 5 s each, of which the first 2 do not count. On one GPU, first every product alone, in bursts of 10 ms after a rest, then for 14 s without a pause; then one product between copies in the
device memory and between pauses, 5 s each, of which the first 2 do not count.
"""

import os
import statistics
import subprocess
import time

import torch
import torch.distributed as dist

SHAPES = [(8192, 16384, 6144), (6144, 16384, 2048), (8192, 6144, 8192), (2048, 16384, 6144), (4096, 1536, 6144)]
PER_BURST = [(10, 0), (10, 4), (10, 8), (10, 16), (10, 32), (10, 64), (5, 96)]  # products, copies of 512 MiB


class Product:
    def __init__(self, m, n, k):
        self.shape, self.flops = (m, n, k), 2 * m * n * k
        self.a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        self.b = torch.randn(k, n, device="cuda", dtype=torch.bfloat16)
        self.c = torch.empty(m, n, device="cuda", dtype=torch.bfloat16)

    def run(self, times):
        for _ in range(times):
            torch.mm(self.a, self.b, out=self.c)

    def tflops(self, times):
        begin, end = torch.cuda.Event(True), torch.cuda.Event(True)
        begin.record()
        self.run(times)
        end.record()
        torch.cuda.synchronize()
        return self.flops * times / begin.elapsed_time(end) * 1e-9

    def alone(self):
        bursts = []
        for _ in range(7):
            time.sleep(0.7)
            bursts.append(self.tflops(max(1, int(0.01 * 6e14 / self.flops))))
        return statistics.median(bursts)


def in_the_long_run(product):
    rates, begin = [], time.time()
    while time.time() - begin < 14:
        rates.append(product.tflops(max(1, int(0.5 * 6e14 / product.flops))))
    return statistics.median(rates[-8:])


def beside(product, rest, products, copies, source, target, copy_time):
    """(duty, TFLOPS) of bursts of products with copies or pauses between them."""
    events, begin = [], time.time()
    while time.time() - begin < 5:
        marks = [torch.cuda.Event(True) for _ in range(3)]
        marks[0].record()
        product.run(products)
        marks[1].record()
        if rest == "copies":
            for _ in range(copies):
                target.copy_(source)
        marks[2].record()
        torch.cuda.synchronize()
        if rest == "pauses":
            time.sleep(copies * copy_time)
        if time.time() - begin > 2:
            other = marks[1].elapsed_time(marks[2]) if rest == "copies" else 1e3 * copies * copy_time
            events.append((marks[0].elapsed_time(marks[1]), other))
    busy = sum(event[0] for event in events)
    return busy / (busy + sum(event[1] for event in events)), product.flops * products * len(events) / busy * 1e-9


def beside_collectives(product, products, collectives, source, target):
    """As `beside`, with all-to-alls of all GPUs; every rank repeats equally often."""
    def burst():
        marks = [torch.cuda.Event(True) for _ in range(3)]
        marks[0].record()
        product.run(products)
        marks[1].record()
        for _ in range(collectives):
            dist.all_to_all_single(target, source)
        marks[2].record()
        return marks
    for _ in range(2):
        marks = burst()
        torch.cuda.synchronize()
    once = torch.tensor([marks[0].elapsed_time(marks[2])], device="cuda")
    dist.all_reduce(once, dist.ReduceOp.MAX)
    bursts = [burst() for _ in range(int(5e3 / once.item()))]
    torch.cuda.synchronize()
    kept = bursts[len(bursts) * 2 // 5:]
    busy = sum(marks[0].elapsed_time(marks[1]) for marks in kept)
    other = sum(marks[1].elapsed_time(marks[2]) for marks in kept)
    return busy / (busy + other), product.flops * products * len(kept) / busy * 1e-9


def main_on_several():
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl", device_id=torch.device("cuda", torch.cuda.current_device()))
    product = Product(*SHAPES[0])
    source = torch.randn(2**28, device="cuda", dtype=torch.bfloat16)
    target = torch.empty_like(source)
    alone = product.alone()
    if dist.get_rank() == 0:
        print_head(f"{dist.get_world_size()} x ")
    for count, collectives in [(10, 0), (10, 1), (10, 2), (10, 4), (10, 8), (10, 16), (5, 24)]:
        duty, rate = beside_collectives(product, count, collectives, source, target)
        if dist.get_rank() == 0:
            print_row(product, "collectives" if collectives else "none", duty, alone, rate)
    dist.destroy_process_group()


def print_head(gpus=""):
    query = ["nvidia-smi", "--query-gpu=name,driver_version,power.limit", "--format=csv,noheader"]
    gpu = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    print(f"# {gpus}{gpu}, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}, scripts/measure_power.py")
    print("m,n,k,rest,duty,alone_tflops,tflops", flush=True)


def print_row(product, rest, duty, alone, rate):
    print(",".join(map(str, (*product.shape, rest, round(duty, 2), round(alone), round(rate)))), flush=True)


def main():
    torch.manual_seed(0)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        main_on_several()
        return
    print_head()
    products = [Product(*shape) for shape in SHAPES]

    for product in products:
        print_row(product, "none", 1, product.alone(), in_the_long_run(product))
    source = torch.randn(2**28, device="cuda", dtype=torch.bfloat16)
    target = torch.empty_like(source)
    copy_time = 2 * source.numel() * source.element_size() / 3e12  # [s], about
    alone = products[0].alone()
    for rest in ("copies", "pauses"):
        for count, copies in PER_BURST:
            duty, rate = beside(products[0], rest, count, copies, source, target, copy_time)
            print_row(products[0], rest, duty, alone, rate)


if __name__ == "__main__":
    main()
