"""How the scripts time what PyTorch runs on a GPU, and check it first."""

import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

HOST_AHEAD = 500_000  # cycles


def nvidia_smi(fields):
    line = subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"], capture_output=True, text=True, check=True)
    return [field.strip() for field in line.stdout.strip().splitlines()[0].split(",")]


def gpu_line():
    """What was measured on, for the head of a file of samples or traces."""
    name, driver, power, clock_max = nvidia_smi("name,driver_version,power.limit,clocks.max.sm")
    gpus = f"{dist.get_world_size()} x " if dist.is_initialized() else ""
    nccl = f"; NCCL {'.'.join(map(str, torch.cuda.nccl.version()))}" if dist.is_initialized() else ""
    return (f"gpu: {gpus}{name}; driver {driver}; power limit {power} W; max SM clock {clock_max} MHz; torch {torch.__version__}; "
            f"CUDA {torch.version.cuda}; cuDNN {torch.backends.cudnn.version()}{nccl}")


class Clock:
    """SM clock and throttle reasons, read through NVML when it is there."""

    # Reasons that make a sample unrepresentative: thermal and hardware slow-down. The power cap is how the GPU works under load.
    BAD = 0x8 | 0x20 | 0x40 | 0x80

    def __init__(self):
        try:
            import pynvml
            pynvml.nvmlInit()
            self.nvml, self.handle = pynvml, pynvml.nvmlDeviceGetHandleByIndex(torch.cuda.current_device())
        except Exception:
            self.nvml = None

    def read(self):
        if self.nvml is None:
            return None, False
        mhz = self.nvml.nvmlDeviceGetClockInfo(self.handle, self.nvml.NVML_CLOCK_SM)
        reasons = self.nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self.handle)
        return mhz, bool(reasons & self.BAD)


def median_replay(replay, launches, patience, least_us=2e3):
    """Median time [us] of one of the `launches` of a replay, and the relative error of the mean. Stops when that is below 1 %,
    at the latest after `patience` seconds. The device sleeps while the host prepares a replay, which for graphs of a hundred
    kernels takes longer than the device needs for the first of them."""
    replay()
    torch.cuda.synchronize()
    times, begin = [], time.monotonic()
    while True:
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda._sleep(HOST_AHEAD)
        start.record()
        replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1e3 / launches)
        if len(times) >= 5:
            spread = statistics.stdev(times) / statistics.mean(times) / math.sqrt(len(times))
            if spread < 0.01 and sum(times) * launches > least_us or time.monotonic() - begin > patience:
                return statistics.median(times), spread


def check(name, got, want, tolerance=2e-2):
    error = ((got.float() - want.float()).norm() / want.float().norm()).item()
    if not error < tolerance:
        raise SystemExit(f"{Path(sys.argv[0]).stem}: {name}: wrong result: relative error {error:.3g} above {tolerance} (kernel is broken; nothing was timed)")
