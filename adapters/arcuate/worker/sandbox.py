"""Becomes another program that can then do little but compute: the launcher of confined workers.

Run as a script, ``python -I -S sandbox.py OPTION VALUE ... -- PROGRAM ARGUMENT ...``, by
:mod:`arcuate.worker.confine`; imports only the standard library, and little of it, since every confined
session waits for it. It needs no privilege, no helper program and no namespace:

- *Landlock* leaves the files that are named readable, the private folder writable, segments writable but not
  shorter; no other process can be traced or signalled, no TCP port be used.
- A *seccomp* filter takes away the system calls that Landlock does not look at: sockets of any family, change
  of owner, mode and times of files, other processes' memory, priorities and limits, namespaces, mounts,
  io_uring, keys, System V IPC, and leaving the process group (by which the host ends a worker).
- *No new program*: ``execve`` asks a listener. A thread of this launcher answers yes once; with that call the
  thread and the listener are gone, and every later one fails.
- With ``--gate DESCRIPTOR`` the listener goes to the host instead, which answers yes once as well, and makes
  the connections that the program asks for (:mod:`arcuate.worker.gate`). TCP sockets can be made then.
- Capabilities are given up, also by root.
"""

from __future__ import annotations

import _socket
import _thread
import ctypes
import os
import struct
import sys

ABI = 3
"""The Landlock version that is needed: with 3 (Linux 6.2) a file can be kept from being cut short."""
UNREACHED = 70
"""Exit status when the program could not be confined."""

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_RIGHTS = {
    "--read": _READ_FILE | _READ_DIR,
    "--device": _READ_FILE | _WRITE_FILE,
    "--segments": _READ_FILE | _WRITE_FILE,
    "--private": _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE
    | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | 1 << 13,
    "--execute": _EXECUTE | _READ_FILE,
}  # fmt: skip

_X86_64 = {
    "seccomp": 317, "capset": 126, "execve": 59, "execveat": 322, "clone": 56, "prlimit64": 302,
    "kill": 62, "tkill": 200, "tgkill": 234,
    "socket": 41, "socketpair": 53, "connect": 42, "sendto": 44, "sendmsg": 46, "sendmmsg": 307,
    "denied": (
        49, 50, 43, 288,  # bind, listen, accept, accept4
        29, 30, 31, 64, 66, 68, 71, 220, 240,  # System V IPC, message queues
        90, 91, 268, 92, 93, 94, 260,  # modes and owners of files
        132, 235, 261, 280, 188, 189, 190, 197, 198, 199,  # their times and attributes
        101, 310, 311, 312,  # ptrace, process_vm_readv, process_vm_writev, kcmp
        109, 112, 129, 297,  # setpgid, setsid, rt_sigqueueinfo, rt_tgsigqueueinfo
        141, 142, 144, 203, 251, 256, 279, 314,  # priorities, affinity, pages of other processes
        272, 308, 165, 166, 155, 161, 135, 154,  # namespaces, mounts, chroot, personality, modify_ldt
        248, 249, 250, 298, 321, 323,  # keys, perf, bpf, userfaultfd
        303, 304, 254, 301, 300,  # files by handle, watching files
        175, 176, 313, 246, 320, 169, 167, 168, 163, 179, 103, 153, 170, 171, 172, 173, 164, 227, 305, 159,
    ),
}  # fmt: skip
_AARCH64 = {
    "seccomp": 277, "capset": 91, "execve": 221, "execveat": 281, "clone": 220, "prlimit64": 261,
    "kill": 129, "tkill": 130, "tgkill": 131,
    "socket": 198, "socketpair": 199, "connect": 203, "sendto": 206, "sendmsg": 211, "sendmmsg": 269,
    "denied": (
        200, 201, 202, 242, 194, 195, 196, 190, 191, 193, 186, 187, 180,
        52, 53, 54, 55, 88, 5, 6, 7, 14, 15, 16,
        117, 270, 271, 272, 154, 157, 138, 240,
        140, 118, 119, 122, 30, 238, 239, 274,
        97, 268, 40, 39, 41, 51, 92,
        217, 218, 219, 241, 280, 282, 264, 265, 27, 263, 262,
        105, 106, 273, 104, 294, 142, 224, 225, 89, 60, 116, 58, 161, 162, 170, 112, 266, 171,
    ),
}  # fmt: skip
_EVERYWHERE = (
    424, 434, 438, 440, 448,  # pidfd_send_signal, pidfd_open, pidfd_getfd, process_madvise, process_mrelease
    425, 426, 427,  # io_uring
    428, 429, 430, 431, 432, 433, 442, 443, 452, 463, 466, 467, 468, 469,  # mounts, fchmodat2, attributes
)  # fmt: skip
_CLONE3 = 435
_MACHINES = {"x86_64": (_X86_64, 0xC000003E), "aarch64": (_AARCH64, 0xC00000B7)}

_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_REFUSED, _UNKNOWN = 0x00050000 | 1, 0x00050000 | 38  # EPERM, ENOSYS
_NAMESPACES = 0x7E020000
RECEIVE, ANSWER = 0xC0502100, 0xC0182101
"""The requests that take a question from a listener, and answer it."""
_FAST_OPEN = 0x20000000

_libc = ctypes.CDLL(None, use_errno=True)


def _call(what: str, *arguments: object) -> int:
    """A system call by number, or prctl."""
    found = int(_libc.prctl(*arguments) if what == "prctl" else _libc.syscall(*arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return found


def landlock_version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    return max(0, int(_libc.syscall(444, None, ctypes.c_size_t(0), 1)))


def _restrict_files(rules: list[tuple[str, str]]) -> None:
    version = landlock_version()
    if version < ABI:
        raise OSError(38, f"Landlock {ABI} is needed, this kernel has {version}")
    handled = (1 << (16 if version >= 5 else 15)) - 1
    attributes = struct.pack("<QQQ", handled, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _call("landlock_create_ruleset", 444, attributes, ctypes.c_size_t(size), 0)
    for option, path in rules:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not on this machine
        rights = _RIGHTS[option]
        if not os.path.isdir(path):
            rights &= _FILE
        _call("landlock_add_rule", 445, ruleset, 1, struct.pack("<Qi", rights & handled, fd), 0)
        os.close(fd)
    _call("landlock_restrict_self", 446, ruleset, 0)
    os.close(ruleset)


def _give_up_capabilities(numbers: dict[str, object]) -> None:
    for operation in ((28, 0x2F), *((24, number) for number in range(64)), (47, 4, 0, 0, 0)):
        _libc.prctl(*operation, *(0,) * (5 - len(operation)))  # fails where there is nothing to give up
    header = struct.pack("<Ii", 0x20080522, 0)
    _call("capset", numbers["capset"], header, bytes(24))


def programs() -> tuple[object, object]:
    """The numbers of the calls that start a program."""
    numbers, _ = _MACHINES[os.uname().machine]
    return numbers["execve"], numbers["execveat"]


def _filter(numbers: dict[str, object], machine: int, scoped: bool, gate: bool) -> bytes:
    """The seccomp program."""

    def statement(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("<HBBI", code, yes, no, value)

    load, equal, any_of, give = 0x20, 0x15, 0x45, 0x06
    number = statement(load, 0)
    out = [statement(load, 4), statement(equal, machine, 1, 0), statement(give, _UNKNOWN), number]
    if machine == 0xC000003E:  # the x32 calls, by other numbers
        out += [statement(0x35, 0x40000000, 0, 1), statement(give, _UNKNOWN)]

    def rule(call: object, *then: bytes) -> None:
        assert isinstance(call, int)
        out.append(statement(equal, call, 0, len(then)))
        out.extend(then)

    def own(call: object, *allowed: int) -> None:
        """Allowed only when its first argument, a process, is one of these."""
        tests = [
            statement(equal, value & 0xFFFFFFFF, len(allowed) - index, 0)
            for index, value in enumerate(allowed)
        ]
        rule(call, statement(load, 16), *tests, statement(give, _REFUSED), statement(give, _ALLOW))

    denied = numbers["denied"]
    assert isinstance(denied, tuple)
    for call in (*denied, *_EVERYWHERE):
        rule(call, statement(give, _REFUSED))
    rule(_CLONE3, statement(give, _UNKNOWN))  # its flags cannot be seen; the C library then uses clone
    rule(
        numbers["clone"],
        statement(load, 16), statement(any_of, _NAMESPACES, 0, 1),
        statement(give, _REFUSED), statement(give, _ALLOW),
    )  # fmt: skip
    first, second, third, fourth = 16, 24, 32, 40  # where arguments are
    refuse, allow = statement(give, _REFUSED), statement(give, _ALLOW)
    # a pair of datagram sockets could send to any socket file
    pair = statement(load, second), statement(0x54, 0xF), statement(equal, 2, 0, 1), refuse, allow
    rule(numbers["socketpair"], *pair)
    if gate:
        rule(
            numbers["socket"],
            statement(load, first), statement(equal, 2, 0, 6),  # IPv4
            statement(load, second), statement(0x54, 0xF), statement(equal, 1, 0, 3),  # a stream
            statement(load, third), statement(equal, 0, 2, 0), statement(equal, 6, 1, 0),  # by TCP
            refuse, allow,
        )  # fmt: skip
        rule(numbers["connect"], statement(give, _NOTIFY))
        for name, flags in (("sendto", fourth), ("sendmsg", third), ("sendmmsg", fourth)):  # can connect, too
            rule(numbers[name], statement(load, flags), statement(any_of, _FAST_OPEN, 0, 1), refuse, allow)
    else:
        rule(numbers["socket"], refuse)
        rule(numbers["connect"], refuse)
    own(numbers["prlimit64"], 0, os.getpid())
    if not scoped:  # Landlock before version 6 does not look at signals
        rule(numbers["tkill"], statement(give, _REFUSED))
        own(numbers["kill"], 0, os.getpid())
        own(numbers["tgkill"], os.getpid())
    for call in (numbers["execve"], numbers["execveat"]):
        rule(call, statement(give, _NOTIFY))
    out.append(statement(give, _ALLOW))
    return b"".join(out)


def _restrict_calls(numbers: dict[str, object], program: bytes, host: _socket.socket | None) -> None:
    """Installs the filter and has a thread of this process, or the host, allow the next ``execve`` alone.

    A filter holds for the thread that installs it, so the other one stays able to answer.
    """
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    waiting = _thread.allocate_lock()
    waiting.acquire()
    box: list[int] = []

    def answer() -> None:
        waiting.acquire()
        question = ctypes.create_string_buffer(80)
        if _libc.ioctl(box[0], ctypes.c_ulong(RECEIVE), question) == 0:
            yes = struct.pack("<QqiI", struct.unpack_from("<Q", question)[0], 0, 0, 1)
            _libc.ioctl(box[0], ctypes.c_ulong(ANSWER), yes)

    if host is None:
        _thread.start_new_thread(answer, ())
    box.append(_call("seccomp", numbers["seccomp"], 1, 8, head))
    waiting.release()
    if host is not None:
        host.sendmsg([b"l"], [(1, 1, struct.pack("i", box[0]))])  # SOL_SOCKET, SCM_RIGHTS
        host.close()
        os.close(box[0])


def interpreter_of(program: str) -> str:
    """The dynamic loader that an ELF file asks for, or ``""``."""
    with open(program, "rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            return ""
        start, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        file.seek(start)
        table = file.read(size * count)
        for at in range(0, len(table), size):
            kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", table, at)
            if kind == 3:
                file.seek(offset)
                return file.read(length).rstrip(b"\0").decode()
    return ""


def main(arguments: list[str]) -> None:
    """Becomes the program."""
    split = arguments.index("--")
    options, command = arguments[:split], arguments[split + 1 :]
    rules = list(zip(options[::2], options[1::2], strict=True))
    host = None
    for _, gate in [rule for rule in rules if rule[0] == "--gate"]:
        host = _socket.socket(fileno=int(gate))
    rules = [rule for rule in rules if rule[0] != "--gate"]
    _libc.prctl(1, 9)  # dies with its parent
    parent = os.environ.get("ARCUATE_PARENT")
    if parent is not None and os.getppid() != int(parent):
        os._exit(1)
    numbers, machine = _MACHINES[os.uname().machine]
    real = os.path.realpath(command[0])
    rules += [("--execute", file) for file in (real, interpreter_of(real)) if file]
    _call("prctl", 38, 1, 0, 0, 0)  # no new privileges
    _give_up_capabilities(numbers)
    _restrict_files(rules)
    _restrict_calls(numbers, _filter(numbers, machine, landlock_version() >= 6, host is not None), host)

    def texts(items: list[str]) -> ctypes.Array[ctypes.c_char_p]:
        return (ctypes.c_char_p * (len(items) + 1))(*(os.fsencode(item) for item in items), None)

    path = command[0] if os.sep in command[0] else real
    _libc.execve(os.fsencode(path), texts(command), texts([f"{k}={v}" for k, v in os.environ.items()]))
    raise OSError(ctypes.get_errno(), f"{path}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exception as error:
        sys.stderr.write(f"Arcuate: the worker could not be confined: {error}\n")
        sys.stderr.flush()
        os._exit(UNREACHED)
