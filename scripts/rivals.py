"""What the scripts that measure share: curlift and the PycURL script, the lab they upload to, and
a look at what it stored that trusts neither."""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MIB = 1 << 20
DESTINATION = "s3://lab/key"
LAB_START_SECONDS = 20


def size(text):
    """16MiB, 16MB and 16M are the same, as in curlift."""
    match = re.fullmatch(r"(\d+)([kmgt]?)(i?b)?", text.lower())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 64MiB")
    return int(match[1]) << (10 * " kmgt".index(match[2] or " "))


def add_binary_option(parser):
    parser.add_argument("--binary", default=os.environ.get("CURLIFT_BINARY"), metavar="FILE",
                        help="curlift, or CURLIFT_BINARY (target/release/curlift, built if missing)")


def find_binary(binary):
    if binary is None:
        binary = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/curlift"
        if not binary.exists():
            command = ["cargo", "build", "--release", "--locked", "--bin", "curlift"]
            subprocess.run(command, cwd=ROOT, check=True)
    return pathlib.Path(binary).resolve()


def find_pycurl():
    """A Python that has PycURL."""
    command = [ROOT / "scripts/pycurl-python"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def write_source(path, length):
    """Random bytes; gives their SHA-256."""
    content = os.urandom(length)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def quiet_environment(folder):
    """Without the user's own settings, credentials and proxies."""
    mine = re.compile(r"(AWS_|CURLIFT_)|.*_proxy$", re.IGNORECASE)
    environment = {name: value for name, value in os.environ.items() if not mine.match(name)}
    return environment | {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
    }


class Lab:
    """`curlift lab` in a process of its own; `inside` is what its commands begin with."""

    def __init__(self, binary, folder, options=(), inside=()):
        self.folder, self.inside = folder, list(inside)
        self.output, self.errors = folder / "lab.out", folder / "lab.err"
        kept = folder / "store"
        kept.mkdir()
        with open(self.output, "w") as output, open(self.errors, "w") as errors:
            command = [*self.inside, binary, "lab", "--folder", kept, *options]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=errors, env=quiet_environment(folder))
        deadline = time.monotonic() + LAB_START_SECONDS
        while "listening at" not in self.errors.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the lab did not start: {self.errors.read_text()}")
            time.sleep(0.02)
        lines = map(shlex.split, self.output.read_text().splitlines())
        exports = dict(words[1].split("=", 1) for words in lines if words[:1] == ["export"])
        self.environment = quiet_environment(folder) | exports

    def stop(self):
        """Ends it and gives its account: what it counted, by name."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        rows = re.findall(r"^ *(\d+)  +(\S.*)$", self.errors.read_text(), re.MULTILINE)
        return {name: int(count) for count, name in rows}

    def ask(self, inside, query, *options):
        """What curl is answered; None where the store refuses."""
        environment = self.environment
        keys = f"{environment['AWS_ACCESS_KEY_ID']}:{environment['AWS_SECRET_ACCESS_KEY']}"
        command = [*inside, "curl", "--disable", "--silent", "--fail", "--max-time", "120",
                   "--aws-sigv4", f"aws:amz:{environment['AWS_REGION']}:s3", "--user", keys,
                   "--header", f"x-amz-content-sha256: {hashlib.sha256().hexdigest()}",
                   *options, environment["AWS_ENDPOINT_URL"] + query]
        asked = subprocess.run(command, stdout=subprocess.PIPE, env=environment)
        return asked.stdout if asked.returncode == 0 else None

    def seconds_to_connect(self, inside):
        said = self.ask(inside, "/lab?uploads=", "--write-out", "\n%{time_connect}")
        return float(said.splitlines()[-1])

    def stored(self, inside=()):
        """The SHA-256 of the object; None where there is none."""
        content = self.ask(inside, "/lab/key")
        return content if content is None else hashlib.sha256(content).hexdigest()

    def unfinished(self, inside=()):
        """How many multipart uploads are left behind."""
        return (self.ask(inside, "/lab?uploads=") or b"").count(b"<UploadId>")


def last_object(printed):
    """The object of the last line of JSON lines; an empty one where it is none."""
    lines = printed.splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


class Run:
    """One upload that has ended, as the client tells it."""

    def __init__(self, command, lab, seconds_max, inside=()):
        folder = lab.folder
        began = time.monotonic()
        with open(folder / "out", "w") as output, open(folder / "err", "w") as errors:
            command = [str(word) for word in [*inside, *command]]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=errors, env=lab.environment)
            try:
                self.code = process.wait(seconds_max)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.code = None
        self.seconds = time.monotonic() - began
        self.errors = (folder / "err").read_text()
        self.summary = last_object((folder / "out").read_text())

    @property
    def outcome(self):
        """The client's own word."""
        return "no end" if self.code is None else self.summary.get("outcome", f"exit {self.code}")

    @property
    def retries(self):
        """How many, whatever they were for."""
        retries = self.summary.get("retries", 0)
        return sum(retries.values()) if isinstance(retries, dict) else retries


def curlift_command(binary, file, *options):
    return [binary, "cp", file, DESTINATION, "--json", *options]


def pycurl_command(python, file, *options):
    return [python, ROOT / "scripts/pycurl_upload.py", file, DESTINATION, *options]


def end_on_signals():
    """Signals end a script as its own exit would: what it started and wrote is cleared away."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))


def die(message):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {message}")
