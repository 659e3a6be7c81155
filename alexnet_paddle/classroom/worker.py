"""Where a student's code runs: a process that forks one child for each exercise, and never runs such code itself.

The grader starts it (see `sandbox`) and talks to it over two pipes in lines of JSON; it is a program, not a module to
import. What it defends against is that code decides its own marks:

- The asserts reach the child only after the student's cells have ended, and their names are looked up in a namespace
  that the student's cells never saw; only what the exercise defines is taken over.
- A child's "passed" counts only with a word that comes with the asserts.
- A hook on Python's audit events refuses what leads to other frames and objects (`sys._getframe`, `gc`, tracing,
  `ctypes`), to other files, programs and the network. What is refused is noted.
- Modules are compared with what they were, before and after every assert, and no thread may be left.

Without the sandbox around it, files are protected by that hook alone.
"""

import _posixsubprocess
import ast
import contextlib
import importlib
import io
import json
import os
import resource
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types

MOST_OUTPUT = 20_000  # characters of what a student's code prints that are kept
MOST_FILE = 50 << 20  # bytes of one file that it may write
MOST_WORDS = 2_000  # characters of an error's message

# ---- the child: what may be done in it ---------------------------------------------------------------

REFUSED = {
    "sys.settrace": "tracing",
    "sys.setprofile": "tracing",
    "sys.monitoring.register_callback": "tracing",
    "sys._current_frames": "other frames",
    "sys._current_exceptions": "other frames",
    "gc.get_objects": "all objects",
    "gc.get_referrers": "all objects",
    "gc.get_referents": "all objects",
    "code.__new__": "made code",
    "os.fork": "another process",
    "os.forkpty": "another process",
    "os.exec": "another program",
    "os.posix_spawn": "another program",
    "os.spawn": "another program",
    "os.system": "another program",
    "subprocess.Popen": "another program",
    "pty.spawn": "another program",
    "os.kill": "signals",
    "os.killpg": "signals",
    "signal.pthread_kill": "signals",
    "socket.__new__": "the network",
    "socket.connect": "the network",
    "socket.bind": "the network",
    "socket.getaddrinfo": "the network",
    "ctypes.dlopen": "foreign functions",
    "ctypes.dlsym": "foreign functions",
    "ctypes.string_at": "foreign functions",
    "ctypes.addressof": "foreign functions",
    "ctypes.cdata": "foreign functions",
    "ctypes.cdata/buffer": "foreign functions",
    "sys.addaudithook": "audit hooks",
    "cpython._PySys_ClearAuditHooks": "audit hooks",
    "resource.setrlimit": "limits",
    "resource.prlimit": "limits",
}
READS = frozenset(("os.listdir", "os.scandir", "os.chdir"))
WRITES = frozenset(
    ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown")
    + ("os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile")
)
FRAMES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame", "f_back"}
LOOKERS = ("inspect.py", "traceback.py", "pdb.py", "bdb.py")  # modules that look at frames for their callers


class Refused(Exception):
    """Something that an answer may not do."""


def guard(own_folder: str, trusted: tuple[str, ...], readable: tuple[str, ...], noted: list[str]) -> None:
    """From now on refuse what REFUSED names, other frames, files elsewhere; what was refused is added to `noted`.

    Code whose file is under one of the folders `trusted` may look at frames. All that the hook uses is bound here, so
    that replacing it in a module changes nothing.
    """
    getframe, refused, frames, lookers, error = sys._getframe, dict(REFUSED), frozenset(FRAMES), LOOKERS, Refused
    real, decoded, text, number, is_kind, any_of = os.path.realpath, os.fsdecode, str, int, isinstance, any
    ident = threading.get_ident
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    own = own_folder + os.sep
    reads, changes, busy = READS, WRITES, set()

    def from_student(frame):
        """Whether the code that asks, behind modules that look at frames for others, is not a library's."""
        while frame is not None and frame.f_code.co_filename.endswith(lookers):
            frame = frame.f_back
        name = frame.f_code.co_filename if frame is not None else ""
        return not (name.startswith(trusted) or name.startswith("<frozen"))

    def refuse(what):
        if what not in noted:
            noted.append(what)
        raise error(f"this may not be used in an answer: {what}")

    def hook(event, arguments):
        me = ident()
        if me in busy:  # events of the hook itself
            return
        if event in refused:
            refuse(refused[event])
        if event == "sys._getframe" or (event == "object.__getattr__" and arguments[1] in frames):
            busy.add(me)
            try:
                asks = from_student(getframe(1))
            finally:
                busy.discard(me)
            if asks:
                refuse("other frames")
        elif event == "open" or event in reads or event in changes:
            path = arguments[0]
            if is_kind(path, number):  # a descriptor that it has already
                return
            busy.add(me)
            try:
                place = real(decoded(path))
                inside = place.startswith(own) or place == own_folder or place == "/dev/null"
                flags = arguments[2] if event == "open" and is_kind(arguments[2], number) else 0
                mode = arguments[1] if event == "open" and is_kind(arguments[1], text) else ""
                writes = event in changes or flags & writing or any_of(letter in mode for letter in "wax+")
                allowed = inside or (not writes and place.startswith(readable))
            finally:
                busy.discard(me)
            if not allowed:
                refuse(f"{'writing' if writes else 'reading'} outside its own folder")
        elif event == "compile" and arguments[1] is not None:
            name = text(arguments[1])
            if name.startswith(trusted):
                busy.add(me)
                try:
                    asks = from_student(getframe(1))
                finally:
                    busy.discard(me)
                if asks:
                    refuse("made code")

    def no_program(*_):
        refuse("another program")

    _posixsubprocess.fork_exec = subprocess._fork_exec = no_program  # which raises no event of its own
    sys.addaudithook(hook)


# What asserts rely on, and what this program does after a student's code has run.
WATCHED = {"numpy", "math", "random", "statistics", "builtins", "operator", "itertools", "functools", "paddle"}
WATCHED |= {"alexnet_paddle", "__main__", "json", "os", "ast", "sys", "io", "types", "socket", "time"}


class Snapshot:
    """The functions, classes and modules that modules hold at this moment, and the methods of classes whose objects are
    handed to asserts."""

    def __init__(self):
        import numpy
        import paddle

        kinds = (types.FunctionType, types.BuiltinFunctionType, type, types.ModuleType, numpy.ufunc, type(numpy.sum))
        holders = [module for name, module in sys.modules.items() if name.partition(".")[0] in WATCHED]
        holders += [paddle.Tensor, paddle.nn.Layer, paddle.nn.Linear, paddle.nn.Conv2D]
        self.held = [
            (holder, {name: value for name, value in vars(holder).items() if isinstance(value, kinds)})
            for holder in holders
        ]

    def changed(self, vars=vars, getattr=getattr) -> str | None:
        """The name of something that is no longer what it was."""
        for holder, before in self.held:
            now = vars(holder)
            for name, value in before.items():
                if now.get(name) is not value:
                    return f"{getattr(holder, '__name__', '')}.{name}"
        return None


class Threads:
    """Counts this process's threads by the system's count, with a file that is opened once."""

    def __init__(self):
        there = os.path.exists("/proc/self/status")
        self.file = open("/proc/self/status") if there else None  # noqa: SIM115 (as long as the process)
        self.before = self.count()

    def count(self) -> int:
        if self.file is None:  # macOS
            return threading.active_count()
        self.file.seek(0)
        return next(int(line.split()[1]) for line in self.file if line.startswith("Threads:"))

    def left(self) -> bool:
        """Whether there are more than in the beginning, also after a moment, which a library's pool may take."""
        for _ in range(20):
            if self.count() <= self.before:
                return False
            time.sleep(0.05)
        return True


class Screen(io.TextIOBase):
    """In place of stdout: keeps a beginning, drops the rest."""

    def __init__(self):
        self.parts, self.left, self.cut = [], MOST_OUTPUT, False

    def writable(self):
        return True

    def write(self, words):
        if self.left > 0:
            self.parts.append(words[: self.left])
        self.cut = self.cut or len(words) > self.left
        self.left -= len(words)
        return len(words)

    def text(self):
        return "".join(self.parts) + ("\n[cut here: too much was printed]" if self.cut else "")


class NoNotebook:
    """What `get_ipython()` gives: magics and shell commands do nothing here."""

    def __getattr__(self, name):
        return lambda *given, **more: None


def described(error: BaseException, cell: str) -> dict:
    """An error in words: its kind, its message and the line of the student's cell that it passed through last."""
    line, place = None, error.__traceback__
    while place is not None:
        if place.tb_frame.f_code.co_filename == f"<{cell}>":
            line = place.tb_lineno
        place = place.tb_next
    if isinstance(error, SyntaxError) and error.filename == f"<{cell}>":
        line = error.lineno
    try:
        message = str(error)[:MOST_WORDS]
    except BaseException:
        message = ""
    return {"kind": type(error).__name__, "message": message, "line": line}


def child(job: dict, channel: socket.socket, secret: str, trusted, readable) -> None:
    """Run one exercise and answer over `channel`. `job` has

    name:    the exercise's
    cells:   in order, each with "title", "source", "kind" and "takes". A "given" one is the course's; "own" is the
             student's answer, which has to end without an error; "extra" is what else of the student's it uses. Asserts
             find what given cells define, and of the others only the names in "takes".
    memory:  bytes
    """
    folder = os.path.realpath(tempfile.mkdtemp(prefix="answer-"))
    os.chdir(folder)
    set_limits(job["memory"])
    noted, screen, stream = [], Screen(), channel.makefile("rw")
    sys.stdout = sys.stderr = screen
    sys.stdin = io.StringIO()
    threads = Threads()
    guard(folder, trusted, readable, noted)
    snapshot = Snapshot()

    def say(dumps=json.dumps, **answer):
        stream.write(dumps({**answer, "secret": secret, "noted": noted, "output": screen.text()}) + "\n")
        stream.flush()

    def tampered():
        if what := snapshot.changed():
            return f"this was changed: {what}"
        return "a thread was left running" if threads.left() else None

    own = fresh_namespace()
    for cell in job["cells"]:
        try:
            run_cell(cell, own)
        except BaseException as error:
            if cell["kind"] != "extra":
                return say(failed=cell["kind"], error=described(error, cell["title"]))
    if what := tampered():
        return say(tampered=what)
    judge = fresh_namespace()
    for cell in job["cells"]:
        if cell["kind"] == "given":
            run_cell(cell, judge)
        judge |= {name: own[name] for name in cell["takes"] if name in own}
    say(ready=True)

    asked = json.loads(stream.readline())
    found = []

    def check(changed=snapshot.changed):
        if what := found or changed():
            found[:] = [what]
            raise Refused

    results = []
    for cell in asked["asserts"]:
        try:
            exec(with_checks(cell), {**judge, "__check__": check})
        except BaseException as error:
            results.append({"passed": False, "error": described(error, job["name"])})
        else:
            results.append({"passed": True})
    if found:
        return say(tampered=f"this was changed: {found[0]}")
    if what := tampered():
        return say(tampered=what)
    say(results=results, word=asked["word"])
    return None


def fresh_namespace() -> dict:
    notebook = NoNotebook()
    return {"__name__": "__main__", "get_ipython": lambda: notebook, "display": print}


def run_cell(cell, namespace):
    exec(compile(cell["source"], f"<{cell['title']}>", "exec"), namespace)


def with_checks(cell):
    """The code of a cell of asserts, with a call of `__check__` before and after every statement, on every level."""

    class Insert(ast.NodeTransformer):
        def generic_visit(self, node):
            super().generic_visit(node)
            for part in ("body", "orelse", "finalbody"):
                statements = getattr(node, part, None)
                if isinstance(statements, list) and statements:
                    check = ast.Expr(ast.Call(ast.Name("__check__", ast.Load()), [], []))
                    inserted = [new for statement in statements for new in (check, statement)]
                    last = statements[-1]  # nothing may follow these
                    ends = isinstance(last, (ast.Return, ast.Break, ast.Continue, ast.Raise))
                    setattr(node, part, inserted if ends else [*inserted, check])
            return node

    tree = Insert().visit(ast.parse(cell["source"]))
    return compile(ast.fix_missing_locations(tree), f"<{cell['title']}>", "exec")


def set_limits(memory: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, MOST_FILE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, 512),
    ):
        with contextlib.suppress(ValueError, OSError):  # a system that has no such limit
            resource.setrlimit(what, (most, most))


# ---- the server: forks, waits, passes on ----------------------------------------------------------------


def serve(jobs, answers, trusted, readable) -> None:
    """Read jobs, one a line, and answer each. Between "ready" and the results a second line brings the asserts."""
    for line in iter(jobs.readline, ""):
        job = json.loads(line)
        for answer in answered(job, jobs, trusted, readable):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def answered(job, jobs, trusted, readable):
    """First {"ready": True}, then {"results"}; or one that says why it came to neither."""
    ours, theirs = socket.socketpair()
    secret = secrets.token_hex(16)
    pid = os.fork()
    if pid == 0:
        ours.close()
        run_child(job, theirs, secret, trusted, readable)
    theirs.close()
    try:
        answer = receive(ours, pid, job["seconds"], secret)
        yield answer
        if answer.get("ready"):
            asked, word = json.loads(jobs.readline()), secrets.token_hex(16)
            ours.sendall(json.dumps({**asked, "word": word}).encode() + b"\n")
            answer = receive(ours, pid, job["seconds"], secret)
            if "results" in answer and answer.pop("word", None) != word:
                answer = {"tampered": "an answer came that is not the judge's"}
            yield answer
    finally:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(pid, 0)
        ours.close()


def run_child(job, channel, secret, trusted, readable):
    """In the child, which does not return."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        for descriptor in CONTROL:
            os.close(descriptor)
        child(job, channel, secret, trusted, readable)
    finally:
        os._exit(0)


def receive(channel, pid, seconds, secret) -> dict:
    """The child's next answer. One that took too long, is not the child's own, or ended without any says so."""
    ends = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        left = ends - time.monotonic()
        if left <= 0 or not select.select([channel], [], [], left)[0]:
            return {"late": True}
        part = channel.recv(1 << 16)
        if not part:
            return {"ended": ended(pid)}
        line += part
        if len(line) > 1 << 22:
            return {"tampered": "an answer came that is not the judge's"}
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.pop("secret", None) != secret:
        return {"tampered": "an answer came that is not the judge's"}
    return answer


def ended(pid) -> str:
    """How a child that said nothing came to its end."""
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "killed; it took too much memory" if number == signal.SIGKILL else f"ended by signal {number}"
    return "ended the program"


CONTROL = (3, 4)  # descriptors: jobs come on the first, answers go to the second


def main():
    settings = json.loads(sys.argv[1])
    for name in settings["imports"]:
        with contextlib.suppress(Exception):  # a chapter's own cells say better what is missing
            importlib.import_module(name)
    jobs, answers = os.fdopen(CONTROL[0], "r"), os.fdopen(CONTROL[1], "w")
    for descriptor in CONTROL:
        os.set_inheritable(descriptor, False)
    answers.write(json.dumps({"started": True}) + "\n")
    answers.flush()
    serve(jobs, answers, tuple(settings["trusted"]), tuple(settings["readable"]))


if __name__ == "__main__":
    main()
