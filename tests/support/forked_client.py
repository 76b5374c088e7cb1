"""Has a program run in a process forked from one that has imported it already (forked_programs.py),
with this process's words, folder, environment and standard streams, and ends as that one does.

Run as `python -I -S forked_client.py SOCKET PROGRAM WORDS...`: nothing but the interpreter starts.
Signals are passed on; where this process is killed, that one is as well.
"""

import json
import os
import signal
import socket
import sys

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
_NUMBER = 4


def _number(connection: socket.socket) -> int:
    data = connection.recv(_NUMBER)
    if len(data) < _NUMBER:
        sys.exit("the process that programs are forked from is gone")
    return int.from_bytes(data, "big")


def main(path: str, program: str, *words: str) -> None:
    """Until the program has ended."""
    wanted = json.dumps([program, words, os.getcwd(), dict(os.environ)]).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [len(wanted).to_bytes(_NUMBER, "big")], [0, 1, 2])
        connection.sendall(wanted)
        pid = _number(connection)
        for one in _PASSED_ON:
            signal.signal(one, lambda number, _: os.kill(pid, number))
        code = os.waitstatus_to_exitcode(_number(connection))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
