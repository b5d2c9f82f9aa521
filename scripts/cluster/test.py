#!/usr/bin/env python3
"""Both examples of this directory, each with a batch and a worker killed on the way.

Usage: test.py ELFTALLY [parallel|slurm]
"""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import kills

HERE = pathlib.Path(__file__).resolve().parent
PAIRS, SHARDS = 600, 4


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise SystemExit(f"{what} took more than {seconds} s")


def batches(results):
    """The processes that write to these results, by shard. The path is of this test alone."""
    found = {}
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            for i, word in enumerate(words[:-1]):
                path = pathlib.Path(words[i + 1].decode(errors="replace"))
                if word == b"--output" and path.parent == results and words[1] == b"batch":
                    parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    found.setdefault(path.name, {})[int(process.name)] = parent
    return found


def disturb(results):
    """Kills a shard's batch once it has results, and a worker of another."""
    def parent_with_results():
        for name, processes in batches(results).items():
            path = results / name
            if path.exists() and path.stat().st_size > 5000:
                for pid, parent in processes.items():
                    if parent not in processes:
                        return name, pid
        return None

    def worker_of_another():
        for name, processes in batches(results).items():
            for pid, parent in processes.items():
                if name != killed and parent in processes:
                    return name, pid
        return None

    killed, pid = wait_for(parent_with_results, "waiting for a shard to have results")
    os.kill(pid, signal.SIGKILL)
    while True:
        other, pid = wait_for(worker_of_another, "waiting for a worker")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            break
    print(f"  killed: the batch of {killed}, a worker of {other}")


def check(name, elftally, results, wanted):
    files = sorted(results.glob("*.jsonl"))
    same = len(files) == SHARDS and kills.merged(elftally, *files) == wanted
    print(f"{name}: {len(files)} shards, merged {'as the undisturbed run, bit for bit' if same else 'to ANOTHER RESULT'}")
    return same


# ---- GNU parallel over ssh ----

@contextlib.contextmanager
def ssh_daemon(here):
    """An sshd for this user, with keys of its own; yields the words that call ssh."""
    port = free_port()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", here / key], check=True)
    shutil.copy(here / "user.pub", here / "authorized")
    (here / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {here}/host\nPidFile {here}/sshd.pid\n"
        f"AuthorizedKeysFile {here}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\nMaxStartups 100\n")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    daemon = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", here / "sshd_config"],
                              stderr=(here / "sshd.log").open("w"))
    ssh = ["ssh", "-p", str(port), "-i", str(here / "user"), "-o", "StrictHostKeyChecking=no", "-o",
           f"UserKnownHostsFile={here}/known", "-o", "LogLevel=ERROR", "-F", "none"]
    try:
        wait_for(lambda: subprocess.run([*ssh, "127.0.0.1", "true"], capture_output=True).returncode == 0,
                 "starting sshd")
        yield ssh
    finally:
        daemon.terminate()
        daemon.wait()


def test_parallel(elftally, here, manifest, wanted):
    results = here / "results-parallel"
    with ssh_daemon(here) as ssh:
        # Two names of one machine stand for two machines.
        run = subprocess.Popen([HERE / "parallel", manifest, results, str(SHARDS), "1/127.0.0.1,1/localhost",
                                "--ssh", " ".join(ssh), "--will-cite"], env=os.environ | {"ELFTALLY": elftally},
                               stdin=subprocess.DEVNULL)
        disturb(results)
        if run.wait(timeout=300) != 0:
            raise SystemExit(f"parallel ended with {run.returncode}")
    return check("GNU parallel over ssh", elftally, results, wanted)


# ---- Slurm ----

SLURM_CONF = """
ClusterName=elftally-test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={here}/munge.socket
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
SlurmctldPidFile={here}/slurmctld.pid
SlurmdPidFile={here}/slurmd.pid
SlurmctldLogFile={here}/slurmctld.log
SlurmdLogFile={here}/slurmd.log
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/spool
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@contextlib.contextmanager
def slurm(here):
    """munge, slurmctld and slurmd of the test's own, with their files in its directory."""
    (here / "munge.key").write_bytes(os.urandom(1024))
    (here / "munge.key").chmod(0o400)
    for name in ("state", "spool"):
        (here / name).mkdir()
    conf = here / "slurm.conf"
    conf.write_text(SLURM_CONF.format(host=socket.gethostname().split(".")[0], here=here, control_port=free_port(),
                                      node_port=free_port()))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    commands = [["munged", "--foreground", "--force", f"--key-file={here}/munge.key", f"--socket={here}/munge.socket",
                 f"--pid-file={here}/munged.pid", f"--log-file={here}/munged.log", f"--seed-file={here}/munged.seed"],
                ["slurmctld", "-D", "-f", str(conf)], ["slurmd", "-D", "-f", str(conf)]]
    daemons = []
    try:
        for command in commands:
            path = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin")
            daemons.append(subprocess.Popen([path, *command[1:]], env=environment, stdout=subprocess.DEVNULL,
                                            stderr=(here / f"{command[0]}.err").open("w")))
            time.sleep(1)
        wait_for(lambda: "idle" in subprocess.run(["sinfo", "-h", "-o", "%t"], env=environment, capture_output=True,
                                                  text=True).stdout, "starting Slurm")
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def test_slurm(elftally, here, manifest, wanted):
    results = here / "results-slurm"
    with slurm(here) as environment:
        run = subprocess.Popen(["sbatch", "--wait", f"--array=0-{SHARDS - 1}", f"--output={here}/task-%a.log",
                                f"--chdir={here}", HERE / "slurm", manifest, results],
                               env=environment | {"ELFTALLY": elftally}, stdout=subprocess.DEVNULL)
        disturb(results)
        if run.wait(timeout=300) != 0:
            logs = "".join(path.read_text() for path in sorted(here.glob("task-*.log")))
            raise SystemExit(f"sbatch ended with {run.returncode}\n{logs}")
    return check("Slurm array", elftally, results, wanted)


def main():
    elftally = os.path.abspath(sys.argv[1])
    tests = {"parallel": test_parallel, "slurm": test_slurm}
    chosen = sys.argv[2:] or list(tests)
    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory)
        manifest = kills.make_pairs(here, PAIRS, random.Random(5))
        subprocess.run([elftally, "batch", "-q", "-o", here / "undisturbed", manifest], check=True)
        wanted = kills.merged(elftally, here / "undisturbed")
        return all([tests[name](elftally, here, manifest, wanted) for name in chosen])


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
