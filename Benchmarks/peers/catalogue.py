# SPDX-License-Identifier: Apache-2.0
"""Which peers there are: what each is built from, how, and how it is started."""

import dataclasses
import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "Benchmarks" / ".out"
BUILT = OUT / "peers"

JARS = [f"/usr/share/java/netty-{part}.jar" for part in (
    "buffer", "codec", "common", "handler", "resolver", "transport", "transport-native-epoll",
    "transport-native-unix-common")]
CRATES = "/usr/share/cargo/registry"
VENV = BUILT / "python"
# What Netty asks for on a current JDK: direct memory without cleaners, and its own set of selected keys.
JAVA_OPTIONS = ["-Dio.netty.tryReflectionSetAccessible=true", "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED"]


@dataclasses.dataclass(frozen=True)
class Need:
    """Something that has to be on the machine, and who offers it."""

    what: str
    is_met: typing.Callable[[], bool]
    debian: str = ""
    pypi: str = ""


def program(name, debian):
    return Need(name, lambda: shutil.which(name) is not None, debian)


def file(pattern, what, debian):
    return Need(what, lambda: bool(glob.glob(pattern)), debian)


def output(*command):
    """The first line that a command prints, or a question mark."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "?"
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def found(pattern, path):
    """The first group of a pattern in a file, or a question mark."""
    with_text = pathlib.Path(path)
    match = re.search(pattern, with_text.read_text(errors="replace")) if with_text.exists() else None
    return match[1] if match else "?"


@dataclasses.dataclass(frozen=True)
class Peer:
    """A server in the form that `Benchmarks/run.py --candidate` takes."""

    name: str
    needs: tuple
    # Each a command; they run in `folder`.
    build: typing.Callable[[int], list]
    # What is there once it is built.
    product: pathlib.Path
    # Of the server, before `--mode` and `--group`.
    start: list
    version: typing.Callable[[], str]
    folder: pathlib.Path = HERE
    # Seconds until a server runs as fast as it will: one that compiles while it runs needs them.
    settle: float = 0.05
    # Whether it has the option --threads.
    is_threaded: bool = True
    # Whether it does not start without io_uring.
    needs_uring: bool = False

    def missing(self):
        return [need for need in self.needs if not need.is_met()]

    def sources(self):
        return [path for path in self.folder.rglob("*") if path.suffix not in (".lock", ".resolved", ".pyc")]

    def is_built(self):
        """Whether it can be started as it is."""
        return self.product.exists() and not self.missing()

    def is_fresh(self):
        if not self.is_built():
            return False
        built = self.product.stat().st_mtime
        return all(path.stat().st_mtime <= built for path in self.sources() if path.is_file())

    def command(self, mode="{mode}", group="{group}"):
        return [*map(str, self.start), "--mode", mode, "--group", str(group)]


def python():
    """An interpreter that has uvloop: the one that runs this, or the one of `--install`."""
    has_it = subprocess.run([sys.executable, "-c", "import uvloop"], capture_output=True).returncode == 0
    return sys.executable if has_it or not VENV.exists() else str(VENV / "bin" / "python")


def has_uvloop():
    return subprocess.run([python(), "-c", "import uvloop"], capture_output=True).returncode == 0


def asio(name, *flags):
    product = BUILT / name
    needs = (program("g++", "g++"),
             # The first with an io_uring back end is 1.78.
             Need("Boost 1.78 or newer", lambda: boost() >= (1, 78), "libboost1.81-dev"),
             file("/usr/include/liburing.h", "liburing", "liburing-dev"))
    return Peer(
        name, needs, lambda jobs: [["g++", "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", product,
                                    "peer.cpp", "-pthread", *(["-luring"] if flags else [])]],
        product, [product], lambda: "Boost " + ".".join(map(str, boost())), HERE / "asio",
        needs_uring=bool(flags))


def boost():
    number = found(r"define BOOST_VERSION (\d+)", "/usr/include/boost/version.hpp")
    number = int(number) if number.isdigit() and os.path.exists("/usr/include/boost/asio.hpp") else 0
    return number // 100_000, number // 100 % 1_000


def reference(name, program_name):
    product = OUT / program_name
    return Peer(
        name, (program("cc", "gcc"), program("make", "make")), lambda jobs: [["make", "-s", "-C", ROOT, "reference"]],
        product, [product], lambda: "Benchmarks/Reference", ROOT / "Benchmarks" / "Reference", is_threaded=False,
        needs_uring=program_name == "echo_uring")


def cargo(jobs):
    command = ["cargo", "build", "--release", "--jobs", jobs, "--target-dir", BUILT / "tokio-build"]
    if glob.glob(f"{CRATES}/tokio-[0-9]*"):
        command += ["--offline", "--config", 'source.crates-io.replace-with="debian"',
                    "--config", f'source.debian.directory="{CRATES}"']
    return [command]


def script(name, needs, interpreter, version):
    path = HERE / "python" / "peer.py"
    return Peer(name, needs, lambda jobs: [], path, [interpreter, "-B", path, "--loop", name], version, path.parent,
                is_threaded=False)


def swift(jobs):
    return [["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", "Peer", "--jobs", jobs,
             "--scratch-path", BUILT / "swiftnio-build"]]


def peers():
    nio, tokio, netty, go, uv = (BUILT / path for path in (
        "swiftnio-build/release/Peer", "tokio-build/release/tokio-peer", "netty/Peer.class", "go-peer", "libuv"))
    class_path = ":".join(map(str, [netty.parent, *JARS]))
    return [
        Peer("swiftnio", (program("swift", ""),), swift, nio, [nio],
             lambda: "SwiftNIO " + found(r'swift-nio"[^}]*?"version" : "([^"]+)"', HERE / "swiftnio/Package.resolved"),
             HERE / "swiftnio"),
        asio("asio-epoll"),
        asio("asio-uring", "-DBOOST_ASIO_HAS_IO_URING", "-DBOOST_ASIO_DISABLE_EPOLL"),
        Peer("go", (program("go", "golang-go"),), lambda jobs: [["env", "CGO_ENABLED=0", "go", "build", "-o", go, "."]],
             go, [go], lambda: output("go", "version").removeprefix("go version "), HERE / "go"),
        Peer("libuv", (program("cc", "gcc"), file("/usr/include/uv.h", "libuv", "libuv1-dev")),
             lambda jobs: [["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", uv, "peer.c", "-luv"]],
             uv, [uv], lambda: "libuv " + ".".join(
                 found(rf"define UV_VERSION_{part}\s+(\d+)", "/usr/include/uv/version.h")
                 for part in ("MAJOR", "MINOR", "PATCH")), HERE / "libuv", is_threaded=False),
        Peer("tokio",
             (program("cargo", "cargo"), file(f"{CRATES}/tokio-[0-9]*", "the crate tokio", "librust-tokio-dev")),
             cargo, tokio, [tokio],
             lambda: "tokio " + found(r'name = "tokio"\nversion = "([^"]+)"', HERE / "tokio/Cargo.lock"),
             HERE / "tokio"),
        Peer("netty", (program("javac", "default-jdk-headless"), *(file(jar, jar, "libnetty-java") for jar in JARS)),
             lambda jobs: [["javac", "-Xlint:all", "-Werror", "--release", "17", "-cp", ":".join(JARS),
                            "-d", netty.parent, "Peer.java", "Handlers.java", "Broadcast.java"]],
             netty, ["java", *JAVA_OPTIONS, "-cp", class_path, "Peer"],
             lambda: "Netty " + "".join(glob.glob("/usr/share/java/netty-buffer-*.jar")[:1]).rpartition("buffer-")[2]
             .removesuffix(".jar"),
             HERE / "netty", settle=12.0),
        script("asyncio", (), sys.executable, lambda: output(sys.executable, "--version")),
        script("uvloop", (Need("uvloop", has_uvloop, pypi="uvloop"),), python(),
               lambda: "uvloop " + output(python(), "-c", "import uvloop; print(uvloop.__version__)")),
        reference("c-epoll", "echo_epoll"),
        reference("c-uring", "echo_uring"),
    ]
