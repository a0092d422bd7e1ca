"""Sins that the walls stop: files, network, devices, other processes, the kernel, and more of the
machine than a pack may have. Each body returns "worked" by falling through, and raises otherwise.

`at` has what the sinner knows: pid of a `victim`, `secret` (a file of the hub's), `port` of a
listener, names of sockets, and so on (`tests/test_isolation_hostile.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sin:
    name: str
    body: str
    root: bool = False
    """Even without walls only the administrator can do it: the control needs that."""


SINS = [
    # --- files ---
    Sin(
        "reads files of the hub and of the system",
        """
        home = os.path.expanduser("~")
        for path in [
            at["secret"], "/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/hostname",
            "/etc/machine-id", "/etc/os-release", "/etc/resolv.conf", "/etc/ssl/openssl.cnf",
            "/etc/mosquitto/mosquitto.conf", "/etc/hearth/secrets.toml", "/root/.bashrc",
            "/root/.profile", "/root/.ssh/id_ed25519", "/root/.ssh/id_rsa", home + "/.bash_history",
            home + "/.config/hearth/config.toml", home + "/.local/share/hearth/packs/state.json",
            "/var/lib/hearth/packs/state.json", "/var/lib/hearth/devices.json", "/var/log/syslog",
            "/var/log/dpkg.log", "/var/lib/dpkg/status", "/run/credentials/hearth.service/ha_token",
            os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials") + "/ha_token",
            "/proc/1/environ", "/proc/1/cmdline", "/proc/self/mountinfo", "/proc/cpuinfo",
            "/proc/kallsyms", "/proc/net/tcp", "/proc/sys/kernel/random/boot_id", "/proc/version",
            "/sys/class/net/lo/address", "/sys/kernel/notes", "/sys/devices/system/cpu/online",
            "/dev/kmsg", "/dev/mem", "/boot/config", "/tmp/canary",
        ]:
            try:
                with open(path, "rb") as file:
                    file.read(1)
            except OSError:
                continue
            return "worked"
        raise OSError("none of forty could be read")
        """,
    ),
    Sin(
        "lists the hub's folders",
        """
        os.listdir(os.path.dirname(at["secret"]))
        """,
    ),
    Sin("follows a link out of its folder", 'open("link").read()'),
    Sin("goes up and out of its folder", 'open("../" * 20 + at["secret"]).read()'),
    Sin("writes into its own folder", 'open("more.py", "w").write("x")'),
    Sin("changes its own code", 'open("skill.py", "a").write("x = 1")'),
    Sin(
        "writes where the hub's code is",
        'path = os.path.dirname(sys.modules["hub.skill"].__file__); '
        'open(path + "/../sin-was-here", "w"); os.unlink(path + "/../sin-was-here")',
    ),
    Sin("writes beside its folder", 'open(at["beside"], "w").write("x")'),
    Sin("reads what another pack keeps", 'open(at["other"]).read()'),
    Sin(
        "makes a file that runs as root",
        'open("/tmp/s", "w").close(); os.chmod("/tmp/s", 0o4755); os.chown("/tmp/s", 0, 0)',
        root=True,
    ),
    # --- other processes ---
    Sin("reads the hub's environment in /proc", "open(f\"/proc/{at['hub']}/environ\").read()"),
    Sin("reads the hub's memory in /proc", 'open(f"/proc/{at[\'victim\']}/mem", "rb")', root=True),
    Sin("opens the hub's files in /proc", "os.listdir(f\"/proc/{at['hub']}/fd\")[0]"),
    Sin("traces another process", 'system("ptrace", 0x4206, at["victim"], 0, 0)', root=True),
    Sin(
        "reads another process's memory by a system call",
        """
        class Piece(ctypes.Structure):
            _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
        own = ctypes.create_string_buffer(8)
        mine = Piece(ctypes.cast(own, ctypes.c_void_p), 8)
        with open(f"/proc/{at['victim']}/maps") as file:
            start = int(file.readline().split("-")[0], 16)
        theirs = Piece(start, 8)
        system('process_vm_readv', at["victim"], ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
        """,
        root=True,
    ),
    Sin("signals the hub", 'os.kill(at["hub"], 0)', root=True),
    Sin("stops another process", 'os.kill(at["victim"], signal.SIGCONT)', root=True),
    Sin("takes hold of another process", 'os.close(os.pidfd_open(at["victim"]))'),
    Sin("changes another process's limits", 'resource.prlimit(at["victim"], 7)', root=True),
    # --- what it was given ---
    Sin("reads a secret in the environment", 'os.environ["HEARTH_CANARY"]'),
    Sin("inherits open files", 'os.fstat(at["descriptor"]) and os.read(at["descriptor"], 1)[0]'),
    # --- network ---
    Sin(
        "connects by TCP",
        'socket.create_connection(("127.0.0.1", at["port"]), 1).sendall(b"data")',
    ),
    Sin("connects by IPv6", 'socket.create_connection(("::1", at["port6"]), 1)'),
    Sin(
        "sends by UDP",
        """
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(b"x", ("127.0.0.1", at["udp"]))
        """,
    ),
    Sin(
        "asks a name server",
        """
        name = b"\\x06secret\\x04evil\\x00"
        query = struct.pack(">6H", 1, 256, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", at["udp"]))
        s.send(query)
        """,
    ),
    Sin("sends raw packets", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", root=True),
    Sin("listens to the wire", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768)", root=True),
    Sin("asks the kernel for its networks", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    Sin("reaches the machine that runs this one", "socket.socket(socket.AF_VSOCK, 1)"),
    Sin(
        "connects to an abstract socket",
        "s = socket.socket(socket.AF_UNIX); s.connect('\\0' + at['abstract'])",
    ),
    Sin(
        "connects to the hub's control socket",
        "s = socket.socket(socket.AF_UNIX); s.connect(at['control'])",
    ),
    Sin(
        "connects to the system's bus",
        """
        s = socket.socket(socket.AF_UNIX)
        s.connect(at["bus"])
        """,
    ),
    # --- devices ---
    Sin(
        "opens devices",
        """
        known = {"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"}
        for name in os.listdir("/dev"):
            path = f"/dev/{name}"
            kind = os.stat(path).st_mode if os.path.exists(path) else 0
            if name not in known and (stat.S_ISCHR(kind) or stat.S_ISBLK(kind)):
                try:
                    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
                except OSError:
                    continue
                return "worked"
        raise OSError("no devices")
        """,
    ),
    Sin(
        "makes a device",
        'os.mknod("/tmp/d", 0o600 | stat.S_IFBLK, os.makedev(254, 0)); os.unlink("/tmp/d")',
        root=True,
    ),
    # --- processes and rights ---
    Sin("starts a program", 'subprocess.run(["/bin/sh", "-c", "exit 0"], check=True)'),
    Sin("forks", "pid = os.fork()\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)"),
    Sin("leaves zombies", 'subprocess.Popen(["/bin/true"])'),
    Sin("becomes root", "os.setuid(0)", root=True),
    Sin(
        "takes on capabilities",
        """
        head = struct.pack("Ii", 0x20080522, 0)
        rights = ctypes.create_string_buffer(24)
        system('capget', head, rights)
        effective, permitted, *rest = struct.unpack("6I", rights.raw)
        administer = 1 << 21
        wanted = struct.pack("6I", effective | administer, permitted | administer, *rest)
        system('capset', head, wanted)
        """,
        root=True,
    ),
    Sin("makes namespaces", "system('unshare', 0x04000000)", root=True),
    Sin(
        "mounts",
        """
        os.makedirs("/tmp/m", exist_ok=True)
        system('mount', b"none", b"/tmp/m", b"tmpfs", 0, 0)
        system('umount2', b"/tmp/m", 2)
        """,
        root=True,
    ),
    Sin("changes its root", 'os.chroot("/")', root=True),
    Sin("renames the machine", "socket.sethostname(socket.gethostname())", root=True),
    Sin("sets the clock", "time.clock_settime(time.CLOCK_REALTIME, time.time())", root=True),
    Sin("takes a better place in the queue", "os.nice(-10)", root=True),
    Sin(
        "asks for real time",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)); "
        "os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))",
        root=True,
    ),
    Sin(
        "raises its own limits",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))",
        root=True,
    ),
    # --- corners of the kernel ---
    Sin("keeps keys in the kernel", 'system("add_key", b"user", b"sin", b"x", 1, -3)'),
    Sin(
        "loads a table into the kernel",
        """
        kind = struct.pack("5I", 2, 4, 8, 1, 0)  # an array of one value of 8 bytes
        system('bpf', 0, ctypes.create_string_buffer(kind, 128), 128)
        """,
        root=True,
    ),
    Sin(
        "counts events of the processor",
        """
        software = struct.pack("2I", 1, 112)
        system('perf_event_open', ctypes.create_string_buffer(software, 112), 0, -1, -1, 0)
        """,
        root=True,
    ),
    Sin(
        "queues work in the kernel", "system('io_uring_setup', 4, ctypes.create_string_buffer(120))"
    ),
    Sin("handles faults of its own memory", "os.close(system('userfaultfd', 1))"),
    Sin("makes files that nobody sees", 'os.close(os.memfd_create("sin"))'),
    Sin(
        "keeps memory outside its own",
        "system('shmctl', system('shmget', 0, 1 << 20, 0o1600), 0, 0)",
    ),
    # --- too much ---
    Sin("takes 600 MB", 'b = bytearray(600 << 20)\nb[::4096] = b"x" * len(b[::4096])'),
    Sin(
        "takes 300 MB of shared memory",
        "m = mmap.mmap(-1, 300 << 20)\nfor i in range(0, len(m), 4096): m[i] = 1",
    ),
    Sin(
        "fills the disk with one file",
        """
        with open("/tmp/big", "wb") as file:
            try:
                file.write(bytes(64 << 20))
            finally:
                os.truncate("/tmp/big", 0)
        """,
    ),
    Sin(
        "fills the disk with many files",
        """
        try:
            for i in range(16):
                with open(f"/tmp/many{i}", "wb") as file:
                    file.write(bytes(2 << 20))
        finally:
            for i in range(16):
                if os.path.exists(f"/tmp/many{i}"):
                    os.unlink(f"/tmp/many{i}")
        """,
    ),
    Sin("opens 500 files", 'kept = [os.open("/dev/null", 0) for _ in range(500)]'),
    Sin(
        "starts 200 threads",
        """
        done = threading.Event()
        threading.stack_size(65536)
        try:
            for _ in range(200):
                threading.Thread(target=done.wait, daemon=True).start()
            time.sleep(0.6)
        finally:
            done.set()
        """,
    ),
]
"""One sin each."""
