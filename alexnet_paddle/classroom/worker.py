"""Where a student's code runs: a process that forks one child for each exercise, and never runs such code itself.

The grader starts it (see `sandbox`) and talks to it over two pipes in lines of JSON; it is a program, not a module to
import. What it defends against is that code decides its own marks:

- The asserts reach the child only after the student's cells have ended, compiled, never as text, and their names are
  looked up in a namespace that the student's cells never saw; only what the exercise defines is taken over.
- A child's "passed" counts only with a word that comes with the asserts.
- A hook on Python's audit events refuses what leads to other frames and objects (`sys._getframe`, `gc`, tracing,
  `ctypes`), to other files, programs and the network. What is refused is noted. What raises no event is taken away.
- Modules are compared with what they were, before and after every assert, and no thread may be left.
- After a student's code has run, this program uses what it bound before, and functions written in C where it can.

What it does not defend against is code that finds its way through memory, as NumPy lets it (`__array_interface__`).
Without the sandbox around it, files are protected by that hook alone.
"""

import _imp
import ast
import base64
import contextlib
import gc
import importlib.util
import io
import json
import marshal
import os
import random
import resource
import secrets
import select
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # as strings below: students' cells would inherit `from __future__ import annotations`
    from collections.abc import Callable, Iterator
    from typing import NoReturn, TextIO

MOST_OUTPUT = 20_000  # characters of what a student's code prints that are kept
MOST_FILE = 50 << 20  # bytes of one file that it may write
MOST_WORDS = 2_000  # characters of an error's message
GLANCE = 0.2  # seconds from one look at an answer that runs to the next
NOT_OURS = {"kind": "tampered", "what": "an answer came that is not the judge's"}

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
    "cpython.PyInterpreterState_New": "another interpreter",  # where no hook is
    "sqlite3.connect": "databases",
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
PAIRS = frozenset(("os.rename", "os.link", "shutil.move", "shutil.copyfile"))  # whose second argument is a path too
FRAMES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame", "f_back"}
BODIES = {"__code__", "__defaults__", "__kwdefaults__"}

# What raises no event of its own. A handler of signals is handed the frame that it interrupts; the functions of ctypes
# that are there from the beginning read and write any address.
TAKEN_AWAY = {
    "_posixsubprocess": ("fork_exec",),
    "_signal": ("signal", "pidfd_send_signal"),
    "signal": ("signal", "pidfd_send_signal"),
    "gc": ("set_debug",),
    "posix": ("mkfifo", "mknod", "pidfd_open"),
    "os": ("mkfifo", "mknod", "pidfd_open"),
    "subprocess": ("_fork_exec",),
    "_ctypes": ("CFuncPtr", "PyObj_FromPtr", "call_function"),
    "ctypes": ("memmove", "memset", "cast", "_cast", "_string_at", "_wstring_at", "string_at", "wstring_at")
    + ("_CFuncPtr", "CFUNCTYPE", "PYFUNCTYPE", "py_object"),
}
# Modules that give what was taken away when they are loaded anew, or give worse.
NOT_LOADED = {*TAKEN_AWAY, "_imp", "_testcapi", "_testinternalcapi", "_xxsubinterpreters", "_interpreters", "readline"}


class Refused(ValueError):
    """Something that an answer may not do. Libraries that ask for a frame (`namedtuple`, `logging`) expect a ValueError
    where there is none."""


def guard(
    own_folder: str, trusted: tuple[str, ...], readable: tuple[str, ...], noted: list[str], fixed: frozenset[int]
) -> None:
    """From now on refuse what REFUSED names, frames, files elsewhere, other bodies for the functions whose ids are
    `fixed`; what was refused is added to `noted`, unless it is a library under one of the folders `trusted` that asks
    for a frame.

    All that the hook uses is bound here, so that replacing it in a module changes nothing.
    """
    getframe, refused, frames, bodies, error = sys._getframe, dict(REFUSED), frozenset(FRAMES), BODIES, Refused
    real, decoded, text, number, any_of = own_realpath(), os.fsdecode, str, int, any
    octets, kind_of, is_sub, address = bytes, type, issubclass, id
    ident, module, not_loaded = threading.get_ident, types.ModuleType, frozenset(NOT_LOADED)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    own, described_code = own_folder + os.sep, described.__code__
    reads, changes, pairs, busy = READS, WRITES, PAIRS, set()

    def is_kind(one, kind):  # `isinstance` believes what an object says of itself
        return is_sub(kind_of(one), kind)

    def refuse(what, note=True):
        if note and what not in noted:
            noted.append(what)
        raise error(f"this may not be used in an answer: {what}")

    def exact(words):
        """A str that is no subclass, whose methods would run in here unobserved."""
        if is_kind(words, text):
            return "".join((words,))
        return decoded(b"".join((words,)) if is_kind(words, octets) else words)

    def look_at_path(path, writes):
        place = real(exact(path))
        if place.startswith(own) or place in (own_folder, "/dev/null"):
            return
        if writes or not place.startswith(readable):
            refuse(f"{'writing' if writes else 'reading'} outside its own folder")

    def hook(event, arguments):
        if ident() in busy:  # events of the hook itself
            return
        if event in refused:
            refuse(refused[event])
        if event.startswith("ctypes."):
            refuse("foreign functions")
        if event == "sys._getframe" or (event == "object.__getattr__" and arguments[1] in frames):
            busy.add(ident())
            try:
                asks = getframe(1).f_code
            finally:
                busy.discard(ident())
            if asks is not described_code:
                refuse("other frames", note=not asks.co_filename.startswith(trusted))
        elif event == "object.__setattr__":
            if arguments[1] in bodies and address(arguments[0]) in fixed:
                refuse("other bodies for functions")
            if arguments[1] == "__class__" and is_sub(kind_of(arguments[0]), module):
                refuse("other classes for modules")
        elif event == "open" or event in reads or event in changes:
            flags = arguments[2] if event == "open" and is_kind(arguments[2], number) else 0
            mode = arguments[1] if event == "open" and is_kind(arguments[1], text) else ""
            writes = event in changes or flags & writing or any_of(letter in mode for letter in "wax+")
            # Of a link only where it is made matters: where it leads to is looked at when it is used.
            for path in arguments[1:2] if event == "os.symlink" else arguments[: 2 if event in pairs else 1]:
                if path is not None and not is_kind(path, number):  # not a descriptor that it has already
                    look_at_path(path, writes)
        elif event == "import" and exact(arguments[0]).rpartition(".")[2] in not_loaded:
            refuse("modules of the interpreter")

    take_away(refuse, not_loaded)
    sys.addaudithook(hook)


def own_realpath() -> "Callable[[str], str]":
    """`os.path.realpath` from copies of its module and of what that uses: a student's code can replace only theirs."""
    spec = importlib.util.find_spec(os.path.__name__)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    copy.os, copy.stat = types.SimpleNamespace(**vars(os)), types.SimpleNamespace(**vars(stat))
    return copy.realpath


def take_away(refuse: "Callable", not_loaded: frozenset[str]) -> None:
    def nothing(*given, **more):
        refuse("functions that were taken away")

    for name, parts in TAKEN_AWAY.items():
        if name in sys.modules:
            for part in parts:
                if hasattr(sys.modules[name], part):
                    setattr(sys.modules[name], part, nothing)
    create, same, plain, text = _imp.create_builtin, type, types.SimpleNamespace, str

    def create_builtin(spec):
        name = spec.name
        if same(name) is not text or name in not_loaded:
            refuse("modules of the interpreter")
        return create(plain(name=name))  # not `spec`, whose name may be another the next time

    _imp.create_builtin = create_builtin


# What asserts rely on, and what this program does after a student's code has run.
WATCHED = {"numpy", "math", "random", "statistics", "builtins", "operator", "itertools", "functools", "paddle"}
WATCHED |= {"alexnet_paddle", "__main__", "json", "os", "ast", "sys", "io", "types", "socket", "time"}
# What asserts use themselves: compared around every statement, where all would take too long.
NEAR = {"builtins", "math", "numpy", "numpy.linalg", "numpy.random", "paddle", "paddle.nn", "paddle.nn.functional"}


class Snapshot:
    """The functions, classes and modules that modules hold at this moment; the methods of classes whose objects are
    handed to asserts, and of those that this program uses; what Python imports from, and what it calls by itself."""

    def __init__(self):
        import numpy
        import paddle

        kinds = (types.FunctionType, types.BuiltinFunctionType, type, types.ModuleType, numpy.ufunc, type(numpy.sum))
        holders = [module for name, module in sys.modules.items() if name.partition(".")[0] in WATCHED]
        self.held = [
            (holder, {name: value for name, value in vars(holder).items() if isinstance(value, kinds)})
            for holder in holders
        ]
        self.near = [(holder, before) for holder, before in self.held if holder.__name__ in NEAR]
        classes = [paddle.Tensor, paddle.nn.Layer, paddle.nn.Linear, paddle.nn.Conv2D, random.Random]
        classes += [value for value in vars(sys.modules["__main__"]).values() if isinstance(value, type)]
        self.held += [(kind, dict(vars(kind))) for one in classes for kind in one.__mro__ if kind is not object]
        self.near += [(kind, before) for kind, before in self.held if kind is paddle.Tensor]
        self.modules, self.loaded = sys.modules, dict(sys.modules)
        self.lists = [(part, list(part)) for part in (sys.path, sys.meta_path, sys.path_hooks, gc.callbacks)]

    def changed(self, near=False, vars=vars, getattr=getattr, len=len, zip=zip) -> str | None:
        """The name of something that is no longer what it was, among all or among what is `near` to asserts."""
        for holder, before in self.near if near else self.held:
            now = vars(holder)
            for name, value in before.items():
                if now.get(name) is not value:
                    return f"{getattr(holder, '__name__', '')}.{name}"
        if near:
            return None
        for name, module in self.loaded.items():
            if self.modules.get(name) is not module:
                return f"sys.modules[{name!r}]"
        for now, before in self.lists:
            if len(now) != len(before) or [1 for one, other in zip(now, before) if one is not other]:
                return "where Python imports from, or what it calls by itself"
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
    own_syntax = type(error) in (SyntaxError, IndentationError) and error.filename == f"<{cell}>"
    if own_syntax:
        line = error.lineno
    try:
        words = error.msg if own_syntax else str(error)
        message = "".join((words,))[:MOST_WORDS]  # `str` may give a subclass, with a slice of its own
    except BaseException:
        message = ""
    return {"kind": "".join((type(error).__name__,))[:MOST_WORDS], "message": message, "line": line}


def child(
    job: dict,
    channel: socket.socket,
    secret: str,
    trusted: tuple[str, ...],
    readable: tuple[str, ...],
    fixed: frozenset[int],
) -> None:
    """Run one exercise and answer over `channel`. `job` has

    name:    the exercise's
    cells:   in order, each with "title", "source", "kind" and "takes". A "given" one is the course's; "own" is the
             student's answer, which has to end without an error; "extra" is what else of the student's it uses. Asserts
             find what given cells define, and of the others only the names in "takes".
    memory:  bytes
    seconds: that an answer may compute or sleep, and `most_seconds` on the clock
    """
    folder = os.path.realpath(tempfile.mkdtemp(prefix="answer-"))
    os.chdir(folder)
    set_limits(job["memory"])
    noted, screen, nowhere = [], Screen(), Screen()
    # In C, and bound before a student's code can reach it: what is said holds the secret.
    encode, decode = json_in_c()
    write, read, number, load = os.write, os.read, channel.fileno(), marshal.loads
    decode_base64 = base64.binascii.a2b_base64
    given = {cell["title"]: compiled(cell) for cell in job["cells"] if cell["kind"] == "given"}
    output = screen.text
    sys.stderr = sys.stdout = screen
    sys.stdin = io.StringIO()
    threads = Threads()
    left = threads.left
    guard(folder, trusted, readable, noted, fixed)
    changed = Snapshot().changed

    def say(kind, **answer):
        data = "".join(encode({"kind": kind, **answer, "secret": secret, "noted": noted, "output": printed}, 0)) + "\n"
        data = data.encode()
        while data:
            data = data[write(number, data) :]

    def heard():
        line = b""
        while line[-1:] != b"\n":
            part = read(number, 1 << 16)
            if not part:
                raise EOFError
            line += part
        return decode(line.decode(), 0)[0]

    def tampered():
        if what := changed():
            return f"this was changed: {what}"
        return "a thread was left running" if left() else None

    own, printed = fresh_namespace(), ""
    for cell in job["cells"]:
        sys.stdout = nowhere if cell["kind"] == "given" else screen
        try:
            exec(given[cell["title"]] if cell["kind"] == "given" else compiled(cell), own)
        except BaseException as error:
            printed = output()
            if cell["kind"] != "extra":
                return say("failed", cell=cell["kind"], error=described(error, cell["title"]))
    # Only what the cells print by themselves: what an answer prints under the asserts would tell their values.
    printed, sys.stdout, sys.stderr = output(), nowhere, nowhere
    if what := tampered():
        return say("tampered", what=what)
    judge = fresh_namespace()
    for cell in job["cells"]:
        if cell["kind"] == "given":
            exec(given[cell["title"]], judge)
        judge |= {name: own[name] for name in cell["takes"] if name in own}
    say("ready")

    asked = heard()
    found = []

    def check():
        if not found and (what := changed(True)):
            found.append(what)
        if found:
            raise Refused

    verdicts = []
    for cell in asked["asserts"]:
        try:
            exec(load(decode_base64(cell)), {**judge, "__check__": check})
        except BaseException as error:
            verdicts.append(described(error, job["name"]))
        else:
            verdicts.append(None)
    if found:
        return say("tampered", what=f"this was changed: {found[0]}")
    if what := tampered():
        return say("tampered", what=what)
    say("judged", verdicts=verdicts, word=asked["word"])
    return None


def json_in_c() -> "tuple[Callable, Callable]":
    """Functions that write and read JSON: `encode(what, 0)` gives parts, `decode(text, 0)` what and where it ends."""
    quoted = json.encoder.c_make_encoder
    encode = quoted(None, None, json.encoder.c_encode_basestring_ascii, None, ": ", ", ", False, False, True)
    return encode, json.scanner.c_make_scanner(json.JSONDecoder())


def fresh_namespace() -> dict:
    notebook = NoNotebook()
    return {"__name__": "__main__", "get_ipython": lambda: notebook, "display": print}


def compiled(cell: dict) -> types.CodeType:
    return compile(cell["source"], f"<{cell['title']}>", "exec")


def with_checks(cell: dict) -> str:
    """The code of a cell of asserts, with a call of `__check__` before and after every statement, on every level, to be
    sent to a child."""

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
    code = compile(ast.fix_missing_locations(tree), f"<{cell['title']}>", "exec")
    return base64.b64encode(marshal.dumps(code)).decode()


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


def serve(jobs: "TextIO", answers: "TextIO", trusted: tuple[str, ...], readable: tuple[str, ...]) -> None:
    """Read jobs, one a line, and answer each. Between "ready" and the verdicts a second line brings the asserts."""
    fixed = frozenset(id(one) for one in gc.get_objects() if type(one) is types.FunctionType)
    for line in iter(jobs.readline, ""):
        job = json.loads(line)
        for answer in answered(job, jobs, trusted, readable, fixed):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def answered(
    job: dict, jobs: "TextIO", trusted: tuple[str, ...], readable: tuple[str, ...], fixed: frozenset[int]
) -> "Iterator[dict]":
    """First one of kind "ready", then one of kind "judged"; or one that says why it came to neither."""
    ours, theirs = socket.socketpair()
    secret = secrets.token_hex(16)
    pid = os.fork()
    if pid == 0:
        ours.close()
        run_child(job, theirs, secret, trusted, readable, fixed)
    theirs.close()
    try:
        answer = receive(ours, pid, job, secret)
        if answer["kind"] == "judged":
            answer = NOT_OURS  # by whom? the asserts are still here
        yield answer
        if answer["kind"] == "ready":
            asked, word = json.loads(jobs.readline()), secrets.token_hex(16)
            asked = {"asserts": [with_checks(cell) for cell in asked["asserts"]], "word": word}
            ours.sendall(json.dumps(asked).encode() + b"\n")
            answer = receive(ours, pid, job, secret)
            if answer["kind"] == "ready" or (answer["kind"] == "judged" and answer.pop("word", None) != word):
                answer = NOT_OURS
            yield answer
    finally:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(pid, 0)
        ours.close()


def run_child(
    job: dict,
    channel: socket.socket,
    secret: str,
    trusted: tuple[str, ...],
    readable: tuple[str, ...],
    fixed: frozenset[int],
) -> "NoReturn":
    """In the child, which does not return."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        for descriptor in CONTROL:
            os.close(descriptor)
        child(job, channel, secret, trusted, readable, fixed)
    finally:
        os._exit(0)


def receive(channel: socket.socket, pid: int, job: dict, secret: str) -> dict:
    """The child's next answer. One that took too long, is not the child's own, or ended without any says so."""
    ends = time.monotonic() + job["most_seconds"]
    (_, before), slept, line = spent(pid), 0, b""
    while not line.endswith(b"\n"):
        came = select.select([channel], [], [], GLANCE)[0]
        sleeps, now = spent(pid)
        slept += GLANCE if sleeps and not came else 0
        if now - before + slept > job["seconds"] or time.monotonic() > ends:
            return {"kind": "late"}
        if not came:
            continue
        part = channel.recv(1 << 16)
        if not part:
            return {"kind": "ended", "how": ended(pid)}
        line += part
        if len(line) > 1 << 22:
            return NOT_OURS
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.pop("secret", None) != secret or "kind" not in answer:
        return NOT_OURS
    return answer


def spent(pid: int) -> tuple[bool, float]:
    """Whether a process sleeps, and the processor time that it has used. Waiting for a processor or a disk is neither:
    that is the machine's time and not the student's. Where the system does not say, it sleeps."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, *numbers = file.read().rpartition(")")[2].split()
        return state == "S", (int(numbers[10]) + int(numbers[11])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return True, 0


def ended(pid: int) -> str:
    """How a child that said nothing came to its end."""
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "was killed, perhaps for its memory" if number == signal.SIGKILL else f"was ended by signal {number}"
    return "ended the program"


CONTROL = (3, 4)  # descriptors: jobs come on the first, answers go to the second


def main() -> None:
    settings = json.loads(sys.argv[1])
    for name in [*settings["imports"], "numpy", "paddle"]:  # the last two `Snapshot` needs
        with contextlib.suppress(Exception):  # a chapter's own cells say better what is missing
            importlib.import_module(name)
    jobs, answers = os.fdopen(CONTROL[0], "r"), os.fdopen(CONTROL[1], "w")
    for descriptor in CONTROL:
        os.set_inheritable(descriptor, False)
    answers.write(json.dumps({"kind": "started"}) + "\n")
    answers.flush()
    serve(jobs, answers, tuple(settings["trusted"]), tuple(settings["readable"]))


if __name__ == "__main__":
    main()
