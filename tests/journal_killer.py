"""Kills issuing processes: ``python journal_killer.py JOURNAL KEY.pem ROUNDS SEED MS``. Run by tests/test_journal.py.

Each round forks a child that issues from several threads and writes a line for every receipt that it was handed; the parent kills
the child after a random time of at most MS, and prints the lines that came through. One process with one thread, so that forking is safe.
"""

import os
import random
import select
import signal
import sys
import threading
import time
from pathlib import Path

from receipts import Counts, Journal, SigningKey
from receipts.journal import is_url, open_store

ISSUER = "https://api.example.com"
THREADS = 4


def child(path: str, key: SigningKey, name: str, out: int) -> None:
    journal = Journal(path, ISSUER, key)

    def work(thread: int) -> None:
        n = 0
        while True:
            n += 1
            issued = journal.issue(
                "acme", request=f"{name}-{thread}-{n}", model="m", counts=Counts(10, 4, output=2)
            )
            os.write(out, f"{issued.stream} {issued.sequence} {issued.digest.hex()}\n".encode())

    for thread in range(THREADS):
        threading.Thread(target=work, args=(thread,)).start()


def main() -> None:
    path, pem, rounds, seed, most_ms = sys.argv[1:]
    key = SigningKey.from_pem(Path(pem).read_bytes())
    numbers = random.Random(int(seed))
    if is_url(path):
        open_store(path, ISSUER).close()  # loads what each child would else have to
    for number in range(int(rounds)):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            child(path, key, f"r{number}", write)
            while True:
                signal.pause()
        os.close(write)
        received = bytearray()
        ends = time.monotonic() + numbers.uniform(0.0, int(most_ms) / 1000)
        while (left := ends - time.monotonic()) > 0:
            if select.select([read], [], [], left)[0]:
                received += os.read(read, 65536)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while more := os.read(read, 65536):
            received += more
        os.close(read)
        sys.stdout.write(received.decode())
    sys.stdout.write("done\n")


main()
