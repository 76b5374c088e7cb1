"""The calls into the kernel that are left to a process that decodes: memory, two pipes, its end.

A seccomp filter (seccomp(2), filters in classic BPF) that every further thread inherits and nothing
takes back. Whatever is not named is refused with EPERM, whether it exists today or not: no file, no
socket, no program, no other process is opened, started or signalled. Threads are let through, since
the decoder of HEIC starts one.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Final

# <linux/seccomp.h>, <linux/filter.h>, <linux/audit.h>, <linux/sched.h>
_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD: Final = 0x10000
_X32: Final = 0x40000000
_CLONE3: Final = 435

# Numbers of the calls, from the kernel's tables of each architecture: asm/unistd_64.h, and
# asm-generic/unistd.h, which arm64 has.
_NAMES: Final = (
    "read write close fstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask "
    "rt_sigreturn sched_yield mremap madvise nanosleep getpid exit uname getrlimit sysinfo "
    "sigaltstack gettid futex sched_getaffinity restart_syscall clock_gettime clock_getres "
    "clock_nanosleep exit_group set_robust_list getrandom membarrier rseq clone tgkill"
).split()
_NUMBERS: Final = {
    "x86_64": (
        *(0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14),
        *(15, 24, 25, 28, 35, 39, 60, 63, 97, 99),
        *(131, 186, 202, 204, 219, 228, 229),
        *(230, 231, 273, 318, 324, 334, 56, 234),
    ),
    "aarch64": (
        *(63, 64, 57, 80, 73, 62, 222, 226, 215, 214, 134, 135),
        *(139, 124, 216, 233, 101, 172, 93, 160, 163, 179),
        *(132, 178, 98, 123, 128, 113, 114),
        *(115, 94, 99, 278, 283, 293, 220, 131),
    ),
}
_AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def leave_few_calls() -> None:
    """Refuse all further calls but those few, on Linux on the two architectures that are known
    here; elsewhere nothing is done. Raises OSError where the kernel does not take the filter."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _NUMBERS:
        return
    program = b"".join(_filter(machine, os.getpid()))
    held = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(header), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _filter(machine: str, own: int) -> list[bytes]:
    numbers = dict(zip(_NAMES, _NUMBERS[machine], strict=True))
    clone, tgkill = numbers.pop("clone"), numbers.pop("tgkill")
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    program = [
        # A call by another architecture's numbers would be another call.
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, _AUDIT[machine], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        program += [_step(_AT_LEAST, _X32, 0, 1), _step(_RETURN, _KILL)]
    for number in numbers.values():
        program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    # The C library then makes threads by clone, whose flags can be looked at.
    program += [_step(_EQUAL, _CLONE3, 0, 1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    for number, test, value in ((clone, _ANY_BIT, _CLONE_THREAD), (tgkill, _EQUAL, own)):
        program += [
            _step(_EQUAL, number, 0, 4),
            _step(_LOAD, _FIRST_ARGUMENT),
            _step(test, value, 0, 1),
            _step(_RETURN, _ALLOW),
            refuse,
        ]
    return [*program, refuse]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction (struct sock_filter)."""
    return struct.pack("HBBI", code, if_true, if_false, value)
