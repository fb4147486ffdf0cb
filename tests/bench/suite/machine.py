"""The machine and the versions a result belongs to."""

import os
import platform
import re
import shutil
import subprocess
import time

from .servers import ROOT

SYSCTLS = ("net/core/rmem_max", "net/core/wmem_max", "net/core/somaxconn",
           "net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem", "net/ipv4/tcp_tw_reuse")


def first_line(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return None


def field_of(path, name):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(name):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return None


def output(*command):
    """The first line a program prints; None if it is not there."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def header_version(name, pattern, compose):
    """A version from the numbers in a header that is installed."""
    for folder in ("/usr/include", "/usr/local/include"):
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                numbers = re.findall(pattern, file.read(), re.MULTILINE)
        except OSError:
            continue
        if numbers:
            return compose(numbers)
    return None


def asio_version(numbers):
    packed = int(numbers[0])
    return f"{packed // 100000}.{packed // 100 % 1000}.{packed % 100}"


def versions(python):
    return {
        "ohsocket": output("git", "describe", "--always", "--dirty"),
        "gcc": output("gcc", "-dumpfullversion"),
        "go": output("go", "env", "GOVERSION"),
        "libuv": header_version("uv/version.h", r"^#define UV_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)",
                                ".".join),
        "asio": header_version("asio/version.hpp", r"^#define ASIO_VERSION (\d+)", asio_version),
        "openssl": output("openssl", "version"),
        "node": output("node", "--version"),
        "python": output(python, "-c", "import platform; print(platform.python_version())"),
        "uvloop": output(python, "-c", "import uvloop; print(uvloop.__version__)"),
    }


def describe(python):
    memory = field_of("/proc/meminfo", "MemTotal")
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processor": field_of("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "hypervisor": "hypervisor" in (field_of("/proc/cpuinfo", "flags") or "").split(),
        "governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "memory_mb": int(memory.split()[0]) // 1024 if memory else None,
        "kernel": platform.release(),
        "distribution": (field_of_release("PRETTY_NAME") or "").strip('"') or None,
        "sysctl": {name: first_line("/proc/sys/" + name) for name in SYSCTLS},
        "load_before": os.getloadavg()[0],
        "versions": versions(python),
    }


def field_of_release(name):
    try:
        return platform.freedesktop_os_release().get(name)
    except OSError:
        return None


class Usage:
    """What the machine's cores did in a time, beside one server and its load."""

    def __init__(self, pid):
        self.pid = pid
        self.began = time.monotonic()
        self.before = self.read()

    def read(self):
        tick = os.sysconf("SC_CLK_TCK")
        fields = [int(word) / tick for word in first_line("/proc/stat").split()[1:]]
        own = os.times()
        return {
            "busy": sum(fields[:3]) + sum(fields[5:7]),  # not idle, waiting or stolen
            "stolen": fields[7],
            "ours": own.user + own.system + own.children_user + own.children_system,
            "server": self.server_times(tick),
        }

    def server_times(self, tick):
        """(CPU seconds, seconds that its threads waited for a core)."""
        folder = f"/proc/{self.pid}"
        words = first_line(folder + "/stat").rsplit(")", 1)[1].split()
        waited = 0
        for thread in os.listdir(folder + "/task"):
            waited += int((first_line(f"{folder}/task/{thread}/schedstat") or "0 0").split()[1])
        return (int(words[11]) + int(words[12])) / tick, waited / 1e9

    def result(self):
        after, before = self.read(), self.before
        elapsed = time.monotonic() - self.began
        others = (after["busy"] - before["busy"] - (after["ours"] - before["ours"])
                  - (after["server"][0] - before["server"][0]))
        return {
            "others_busy": max(0.0, others / elapsed),  # cores
            "steal_seconds": after["stolen"] - before["stolen"],
            "server_wait_seconds": after["server"][1] - before["server"][1],
        }
