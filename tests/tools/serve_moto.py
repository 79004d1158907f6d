"""Runs moto on the loopback port that is its argument until standard input closes, so that it stops with the test that started
it, however the test ends."""

import os
import sys
import threading

from moto import server


def watch() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=watch, daemon=True).start()
server.main(["--host", "127.0.0.1", "--port", sys.argv[1]])
