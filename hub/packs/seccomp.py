"""The system calls that a pack may make, as a program for bubblewrap's `--seccomp`, and for the
launcher in a systemd unit, whose own filter cannot tell a thread from a process.

libseccomp makes it, which comes with systemd on every Debian and knows the numbers of each
processor. What is not listed does not exist for a pack (ENOSYS): new calls of later kernels,
namespaces, tracing, keys, clocks, io_uring, shared memory that no limit counts. New processes are
refused, threads allowed; of sockets only unix ones can be made, since network namespaces do not
keep a virtual machine's guest from its host (vsock).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from functools import cache

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
EQUAL, MASKED_EQUAL = 4, 7
CLONE_THREAD = 0x00010000
KIND_OF_SOCKET = 0xF
NAMESPACES = 0x7E020080
"""Flags of clone that make namespaces."""

CALLS = """
access alarm arch_prctl brk cacheflush capget chdir chmod clock_getres clock_getres_time64
clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range
copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
epoll_wait eventfd eventfd2 execve exit exit_group faccessat faccessat2 fadvise64 fadvise64_64
fallocate fchdir fchmod fchmodat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs
fstatfs64 fsync ftruncate ftruncate64 futex futex_time64 futex_waitv getcpu getcwd getdents
getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer
getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid
getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32
get_robust_list get_thread_area ioctl kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lgetxattr getxattr link linkat listen accept accept4 bind connect _llseek
lseek lstat lstat64 madvise membarrier mincore mkdir mkdirat mmap mmap2 mprotect mremap msync
munmap nanosleep newfstatat _newselect open openat openat2 pause pipe pipe2 poll ppoll
ppoll_time64 prctl pread64 preadv preadv2 prlimit64 pselect6 pselect6_time64 pwrite64 pwritev
pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
rename renameat renameat2 restart_syscall riscv_flush_icache rmdir rseq rt_sigaction rt_sigpending
rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
sched_get_priority_min sched_getscheduler sched_yield select send sendfile sendfile64 sendmmsg
sendmsg sendto set_robust_list setitimer setpriority setrlimit setsockopt set_thread_area
set_tid_address set_tls shutdown sigaction sigaltstack sigprocmask sigreturn sigsuspend socketpair
splice stat stat64 statfs statfs64 statx symlink symlinkat sysinfo tee tgkill time timer_create
timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime
timerfd_settime times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime
utimensat utimensat_time64 utimes wait4 waitid waitpid write writev
""".split()

REFUSED = "fork vfork".split()
"""Told with EPERM, not ENOSYS: a library that must not find another way."""


class _Compare(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@cache
def program(*, tcp: bool = False) -> bytes | None:
    """The filter for this processor; None where libseccomp is missing. With `tcp`, sockets of that
    kind can be made, too: for who has a network of its own with nothing in it but the relay."""
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError:
        return None
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ERRNO | errno.ENOSYS)))
    try:
        return _written(library, context) if _filled(library, context, tcp) else None
    finally:
        library.seccomp_release(context)


def _filled(library: ctypes.CDLL, context: ctypes.c_void_p, tcp: bool) -> bool:
    def add(name: str, action: int, *compared: _Compare) -> bool:
        number = library.seccomp_syscall_resolve_name(name.encode())
        tests = (_Compare * len(compared))(*compared)
        done = library.seccomp_rule_add_array(
            context, ctypes.c_uint32(action), number, ctypes.c_uint(len(compared)), tests
        )
        return bool(done == 0)

    for name in CALLS:  # one that this processor does not have is no loss
        add(name, ALLOW)
    for name in REFUSED:
        add(name, ERRNO | errno.EPERM)
    thread = _Compare(0, MASKED_EQUAL, CLONE_THREAD | NAMESPACES, CLONE_THREAD)
    process = _Compare(0, MASKED_EQUAL, CLONE_THREAD, 0)
    unix = _Compare(0, EQUAL, socket.AF_UNIX, 0)
    inet = _Compare(0, EQUAL, socket.AF_INET, 0)
    stream = _Compare(1, MASKED_EQUAL, KIND_OF_SOCKET, socket.SOCK_STREAM)
    if tcp and not add("socket", ALLOW, inet, stream):
        return False
    return (
        add("clone", ALLOW, thread)
        and add("clone", ERRNO | errno.EPERM, process)
        and add("socket", ALLOW, unix)
    )


def _written(library: ctypes.CDLL, context: ctypes.c_void_p) -> bytes | None:
    reading, writing = os.pipe()  # it has room for 64 KB; a filter has 4
    with os.fdopen(reading, "rb") as file:
        with os.fdopen(writing, "wb"):
            if library.seccomp_export_bpf(context, writing) != 0:
                return None
        return file.read()
