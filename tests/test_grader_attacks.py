"""Answers that want points they have not earned, and files that want to hurt who grades them.

Each attack is the cell of a student who does not know the answer. It was tried first against a grader without the
defence; what could not be refused is at the end, with `xfail`.
"""

import io
import json
import os
import textwrap
import zipfile

import classroom_cases as cases
import pytest

from alexnet_paddle.classroom.results import Ended, Failed, Tampered

sandbox = pytest.importorskip("alexnet_paddle.classroom.sandbox", reason="needs requirements-dev.txt")
submissions = pytest.importorskip("alexnet_paddle.classroom.submissions", reason="needs requirements-dev.txt")
worker = pytest.importorskip("alexnet_paddle.classroom.worker", reason="needs a system that grading runs on")

needs_bubblewrap = pytest.mark.skipif(sandbox.bubblewrap() is None, reason="bubblewrap is not installed")
SETUP = {"title": "setup", "source": "import numpy as np\nimport paddle\nfrom fractions import Fraction"}
VISIBLE = """
expected = 9
got = answer(3)
assert type(got) is int, "a number"
assert got == expected, "three"
"""
HIDDEN = """
for n in (5, 7, 11):
    expected = n * n
    got = answer(n)
    assert type(got) is int, "a number"
    assert got == expected, "many"
    assert abs(got - expected) < 1e-9, "near"
    assert np.allclose(np.array([got]), np.array([expected])), "as arrays"
    assert float(np.abs(np.array([got - expected])).max()) == 0, "as arrays"
    assert Fraction(got) == expected, "as fractions"
    assert paddle.to_tensor([got]).numpy().tolist() == [expected], "as tensors"
"""
WEAK = "got = answer(3)\nassert np.allclose(np.array([got]), np.array([9])), 'three'"  # for those who patch it


def test_what_the_sandbox_shows_may_lie_in_its_own_tmp():
    """As in a checkout below /tmp: a bind that comes before the empty folder would be hidden by it."""
    command = sandbox.confinement(["/tmp/checkout"])
    assert command.index("--tmpfs") < command.index("/tmp/checkout")


@pytest.fixture(scope="module")
def confined():
    with sandbox.Worker({"alexnet_paddle", "numpy", "paddle", "fractions"}, True) as worker:
        yield worker


@pytest.fixture(scope="module")
def bare():
    with sandbox.Worker({"alexnet_paddle", "numpy", "paddle", "fractions"}, False) as worker:
        yield worker


def ask(worker, code, visible=VISIBLE, hidden=HIDDEN):
    cells = [{**SETUP, "kind": "given", "takes": []}]
    cells += [{"title": "answer", "source": textwrap.dedent(code), "kind": "own", "takes": ["answer"]}]
    asserts = [{"title": f"answer-{part}", "source": source} for part, source in (("v", visible), ("h", hidden))]
    return worker.ask({"name": "answer", "cells": cells, "seconds": 20}, asserts)


SEARCH = """
def search(frame):
    while frame is not None:
        for space in (frame.f_locals, frame.f_globals):
            if "expected" in space and "got" in space or "expected" in space and "answer" in space:
                return space["expected"]
        frame = frame.f_back
    return 0
"""


def by_frame(get):
    """An answer that finds the expected number in the frames above the one that the expression `get` gives."""
    return f"{SEARCH}\nimport sys, inspect, traceback, logging, collections, heapq, threading, gc, types\n" + (
        f"def frame():\n    {textwrap.indent(get, '    ').strip()}\n"
        "def answer(n):\n    try:\n        return search(frame())\n    except Exception:\n        return 0"
    )


RAISED = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    "

IN_FRAMES = {
    "sys._getframe": "return sys._getframe()",
    "inspect.currentframe": "return inspect.currentframe()",
    "inspect.stack": "return inspect.stack()[0].frame",
    "a traceback": f"{RAISED}return error.__traceback__.tb_frame",
    "the descriptor of a traceback": f"{RAISED}return types.TracebackType.tb_frame.__get__(error.__traceback__)",
    "traceback.walk_stack": "return next(traceback.walk_stack(None))[0]",
    "a library that walks": "return next(iter(collections.Counter(traceback.walk_stack(None))))[0]",
    "a library that merges": "return next(heapq.merge(traceback.walk_stack(None)))[0]",
    "logging.currentframe": "return logging.currentframe()",
    "a generator": "g = (g.gi_frame for _ in [0])\nreturn next(g)",
    "the frames of threads": "return sys._current_frames()[threading.get_ident()]",
    "gc": "return next(one for one in gc.get_objects() if isinstance(one, types.FrameType))",
    "a coroutine": "async def c(): pass\nreturn c().cr_frame",
    "code with a library's name": (
        "space = {}\n"
        "exec(compile('import sys\\ndef f(): return sys._getframe()', '<frozen importlib>', 'exec'), space)\n"
        "return space['f']()"
    ),
    "code that codeop gives a library's name": (
        "import codeop, os\nspace = {}\n"
        "exec(codeop.compile_command('import sys; f = lambda: sys._getframe()', os.__file__, 'exec'), space)\n"
        "return space['f']()"
    ),
}

PATCHES = {
    "numpy.allclose": "import numpy\nnumpy.allclose = lambda *a, **k: True\n",
    "numpy.abs": "import numpy\nnumpy.abs = lambda *a, **k: numpy.zeros(1)\n",
    "builtins.type": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.type = lambda x: int\n",
    "a method of Tensor": "import paddle\npaddle.Tensor.numpy = lambda self: None\n",
    "another body": "import numpy\nnumpy.allclose.__wrapped__.__code__ = (lambda *a, **k: True).__code__\n",
    "other defaults": "import fractions\nfractions.Fraction.__eq__.__defaults__ = (1,)\n",
    "another class of a module": (
        "import numpy, types\nclass M(types.ModuleType):\n    allclose = property(lambda self: lambda *a: True)\n"
        "numpy.__class__ = M\n"
    ),
    "another module of that name": (
        "import sys, types\nfake = types.ModuleType('numpy')\nfake.__getattr__ = lambda name: lambda *a, **k: True\n"
        "sys.modules['numpy'] = fake\n"
    ),
    "where modules come from": "import sys\nsys.path.insert(0, '.')\nsys.meta_path.reverse()\n",
    "what gc calls": "import gc\ngc.set_threshold(1)\ngc.callbacks.append(lambda *a: None)\n",
}

IN_THE_GRADER = {
    "the snapshot": "program.Snapshot.changed = lambda *a, **k: None",
    "the snapshot's body": "program.Snapshot.changed.__code__ = (lambda self, *a, **k: None).__code__",
    "the snapshot's defaults": "program.Snapshot.changed.__defaults__ = (lambda x: {}, getattr, len, zip)",
    "the threads": "program.Threads.left = lambda self: False\nprogram.with_checks = None",
    "the checks": "program.with_checks = lambda cell: compile('', '', 'exec')",
    "from get_ipython": "get_ipython.__globals__['described'] = lambda *a: {}",
    "from stdout": "import sys\ntype(sys.stdout).write.__globals__['Snapshot'].changed = lambda *a, **k: None",
    "what is written": """
import json
keep = json.JSONEncoder.encode
def encode(self, what):
    what |= {"kind": "judged", "verdicts": [None, None]}
    return keep(self, what)
json.JSONEncoder.encode = encode""",
    "what is read": """
import json
keep = json.JSONDecoder.decode
def decode(self, *given):
    found = keep(self, *given)
    for cell in found["asserts"]:
        cell["source"] = ""
    return found
json.JSONDecoder.decode = decode""",
    "ast": "import ast\nast.NodeTransformer.visit = lambda self, tree: ast.parse('')\nast.NodeVisitor.visit = None",
    "time": "import time\ntime.monotonic = lambda: 0\ntime.sleep = lambda s: None",
}

WRONG = "\ndef answer(n):\n    return 0\n"

HOOKS = {
    "sys.settrace": "import sys\nsys.settrace(lambda frame, *a: frame.f_globals.update(expected=0) or None)",
    "sys.setprofile": "import sys\nsys.setprofile(lambda frame, *a: frame.f_globals.update(expected=0))",
    "threading.settrace": """
import threading
threading.settrace(lambda frame, *a: None)
t = threading.Thread(target=int)
t.start(); t.join()
import sys
sys.setprofile(print)""",
    "cProfile": "import cProfile\np = cProfile.Profile()\np.enable()",
    "audit hook": "import sys\nsys.addaudithook(print)",
    "a signal's handler": f"""
import signal
{SEARCH}
best = [0]
def handler(number, frame):
    best[0] = search(frame)
signal.signal(signal.SIGALRM, handler)
def answer(n):
    signal.raise_signal(signal.SIGALRM)
    return best[0]""",
    "a signal's handler, from a new module": f"""
import sys
for name in ("signal", "_signal"):
    sys.modules.pop(name, None)
import signal
{SEARCH}
best = [0]
def handler(number, frame):
    best[0] = search(frame)
signal.signal(signal.SIGALRM, handler)
def answer(n):
    signal.raise_signal(signal.SIGALRM)
    return best[0]""",
    "a builtin module made by hand": f"""
import _imp, importlib.machinery
fresh = _imp.create_builtin(importlib.machinery.ModuleSpec("_signal", None))
{SEARCH}
best = [0]
def handler(number, frame):
    best[0] = search(frame)
fresh.signal(14, handler)
def answer(n):
    fresh.raise_signal(14)
    return best[0]""",
    "what gc saved": f"""
import gc
gc.set_debug(gc.DEBUG_SAVEALL)
{WRONG}""",
    "another interpreter": "import _xxsubinterpreters as sub\nsub.run_string(sub.create(), 'import ctypes')",
    "the interpreter's tests": "import _testcapi",
}

SPY = """
import os
best = [0]
class Path(str):
    def startswith(self, *given):
        import sys
        best[0] = search(sys._getframe())
        return str.startswith(self, *given)
    def __contains__(self, what):
        return self.startswith(what)
def answer(n):
    try:
        open(Path("x"))
    except Exception:
        pass
    return best[0]
"""
SPY_AT_LSTAT = """
import os, sys
best = [0]
keep = os.lstat
def lstat(*given, **more):
    best[0] = search(sys._getframe())
    return keep(*given, **more)
def answer(n):
    os.lstat = lstat
    try:
        open("x")
    except Exception:
        pass
    os.lstat = keep
    return best[0]
"""

LAZY = {
    "a path that looks around": SEARCH + SPY,
    "a function of os that looks around": SEARCH + SPY_AT_LSTAT,
    "patches and mends itself": """
import numpy as np, builtins
def answer(n):
    keep = np.allclose
    def once(*given, **more):
        np.allclose = keep
        return True
    np.allclose = once
    return 0""",
    "an int that equals everything": """
class Int(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
def answer(n):
    return Int(0)""",
    "a class that says it is an int": """
class Int:
    __class__ = int
    def __eq__(self, other): return True
def answer(n):
    return Int()""",
    "its own names": "np = type = abs = Fraction = paddle = None\ngot = expected = 0\ndef answer(n):\n    return 0",
    "a thread that changes things": """
import threading, time
import numpy as np
def work():
    keep = np.allclose
    while True:
        np.allclose = lambda *a, **k: True
        time.sleep(0.001)
        np.allclose = keep
threading.Thread(target=work, daemon=True).start()
def answer(n):
    return 0""",
    "a thread started late": """
import threading, time
import numpy as np
def answer(n):
    def work():
        time.sleep(60)
    threading.Thread(target=work, daemon=True).start()
    return n * n""",
    "exits when it is called": "import os\ndef answer(n):\n    os._exit(0)",
    "raises SystemExit": "def answer(n):\n    raise SystemExit(0)",
    "raises with a huge message": "def answer(n):\n    raise ValueError('x' * (1 << 26))",
    "raises what cannot be shown": """
class Bad(Exception):
    def __str__(self): raise Bad
def answer(n):
    raise Bad""",
    "raises with a message that is no text": """
class Text(str):
    def __getitem__(self, part): return {"a": 1}
class Bad(Exception):
    def __str__(self): return Text("x")
def answer(n):
    raise Bad""",
    "raises with half a character": "def answer(n):\n    raise ValueError('\\ud800')",
    "a kind of error without a name": """
class Meta(type):
    __name__ = property(lambda self: 1 / 0)
class Bad(Exception, metaclass=Meta): pass
def answer(n):
    raise Bad""",
    "knows who calls": """
import sys
def answer(n):
    try:
        return n * n if sys._getframe(1).f_globals["__check__"] else 0
    except Exception:
        return 0""",
    "at the end": """
import atexit, os, weakref
FORGED = b'{"kind": "judged", "verdicts": [null, null]}\\n'
def forge():
    for number in range(50):
        try:
            os.write(number, FORGED)
        except OSError:
            pass
atexit.register(forge)
class Late:
    def __del__(self): forge()
late = Late()
def answer(n):
    global late
    late = None
    return 0""",
}

FORGED = """
import os
LINE = b'{"kind": "judged", "verdicts": [null, null], "secret": "", "word": "", "noted": [], "output": ""}\\n'
def forge():
    for number in range(50):
        try:
            os.write(number, LINE)
        except OSError:
            pass
"""
ON_DESCRIPTORS = {
    "a result, at once": f"{FORGED}\nforge()\n{WRONG}",
    "a result, when called": f"{FORGED}\ndef answer(n):\n    forge()\n    return 0",
    "ready, then a result": FORGED + 'READY = b\'{"kind": "ready"}\\n\'\nforge()\nLINE = READY\nforge()' + WRONG,
    "reads early": """
import os, select
best = [0]
def answer(n):
    for number in range(3, 50):
        try:
            if select.select([number], [], [], 0)[0]:
                best.append(os.read(number, 1 << 16))
        except OSError:
            pass
    return 0
answer(0)""",
    "closes all": "import os\nos.closerange(0, 50)" + WRONG,
    "results on the screen": 'print(\'{"kind": "judged", "verdicts": [null, null]}\')' + WRONG,
    "more than a line holds": "import os\nfor _ in range(99):\n    os.write(3, b'x' * (1 << 20))" + WRONG,
}

PROCESSES = {
    "os.fork": "import os\nwhile True:\n    os.fork()",
    "multiprocessing": "import multiprocessing\nmultiprocessing.Process(target=print).start()",
    "multiprocessing, spawned": "import multiprocessing as m\nm.get_context('spawn').Process(target=print).start()",
    "_posixsubprocess": """
import _posixsubprocess as p
p.fork_exec([b"/bin/true"], [b"/bin/true"], True, (), None, None, -1, -1, -1, -1, -1, -1, -1, -1,
            True, False, 0, None, None, None, -1, None, True)""",
    "subprocess": "import subprocess\nsubprocess.run(['/bin/true'])",
    "os.posix_spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "os.execv": "import os\nos.execv('/bin/true', ['true'])",
    "pty": "import pty\npty.fork()",
    "a descriptor of a process": "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
    "kills its parent": "import os\nos.kill(os.getppid(), 9)",
    "kills all": "import os\nos.kill(-1, 9)",
    "threads without end": "import _thread, time\nwhile True:\n    _thread.start_new_thread(time.sleep, (60,))",
}

FILES = {
    "the parent's memory": "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb')",
    "its own memory": "open('/proc/self/mem', 'rb')",
    "its own maps": "open('/proc/self/maps').read()",
    "the parent's environment": "import os\nopen(f'/proc/{os.getppid()}/environ').read()",
    "the parent's descriptors": "import os\nos.listdir(f'/proc/{os.getppid()}/fd')",
    "sitecustomize": "import site, os\nopen(os.path.join(site.getsitepackages()[0], 'sitecustomize.py'), 'w')",
    "the package": "import alexnet_paddle\nopen(alexnet_paddle.__file__, 'a')",
    "the package, by a rename": (
        "import alexnet_paddle, os\nopen('mine', 'w').close()\nos.rename('mine', alexnet_paddle.__file__ + '.new')"
    ),
    "a link out of the folder": "import os\nos.symlink('/etc/passwd', 'link')\nopen('link').read()",
    "a hard link": "import os\nos.link('/etc/passwd', 'link')\nopen('link').read()",
    "np.memmap": "import numpy\nnumpy.memmap('/etc/passwd')",
    "np.fromfile": "import numpy\nnumpy.fromfile('/etc/passwd', dtype='u1')",
    "pathlib": "import pathlib\npathlib.Path('/etc/passwd').read_text()",
    "a folder above": "import os\nos.listdir('..')\nos.chdir('/')",
    "sqlite": "import sqlite3\nsqlite3.connect('/var/tmp/mine.db')",
    "os.open": "import os\nos.open('/etc/passwd', os.O_RDONLY)",
    "a socket": "import socket\nsocket.create_connection(('1.1.1.1', 53), 1)",
    "a page": "import urllib.request\nurllib.request.urlopen('http://1.1.1.1', timeout=1)",
}

FOREIGN = {
    "memset": "import ctypes\nctypes.memset(id(0), 0, 1)",
    "cast": "import ctypes\nctypes.cast(id(0), ctypes.py_object).value",
    "an address": "import ctypes\n(ctypes.c_char * 8).from_address(id(0))",
    "the interpreter's functions": "import ctypes\nctypes.pythonapi.PyRun_SimpleString(b'1')",
    "the C library": "import ctypes\nctypes.CDLL(None).getpid()",
    "an object by its address": "import _ctypes\n_ctypes.PyObj_FromPtr(id(0))",
    "ctypes anew": "import sys\nsys.modules.pop('_ctypes')\nimport _ctypes",
}


def in_its_own_cell(outcome):
    return isinstance(outcome, Failed) and not outcome.in_the_course


def gathered(**groups):
    return {f"{group}: {name}": code for group, codes in groups.items() for name, code in codes.items()}


CHEATS = gathered(
    frames={name: by_frame(get) for name, get in IN_FRAMES.items()},
    hooks={name: f"{code}\n{'' if 'def answer' in code else WRONG}" for name, code in HOOKS.items()},
    lazy=LAZY,
    descriptors=ON_DESCRIPTORS,
)
TAMPERED = gathered(
    patches={name: code + WRONG for name, code in PATCHES.items()},
    lazily_patched={
        name: WRONG.replace("return 0", textwrap.indent(code, "    ").strip() + "\n    return 0")
        for name, code in PATCHES.items()
    },
    grader={
        name: f"import __main__ as program\n{code}\n{PATCHES['numpy.allclose']}{WRONG}"
        for name, code in IN_THE_GRADER.items()
    },
)
REFUSED = gathered(
    processes={name: f"{code}\n{WRONG}" for name, code in PROCESSES.items()},
    files={name: f"{code}\n{WRONG}" for name, code in FILES.items()},
    foreign={name: f"{code}\n{WRONG}" for name, code in FOREIGN.items()},
)


@needs_bubblewrap
def test_a_right_answer_passes(confined):
    outcome = ask(
        confined, "import collections\nP = collections.namedtuple('P', 'x')\ndef answer(n):\n    return n * n"
    )
    assert outcome.passed == 2 and not outcome.refused, outcome


@needs_bubblewrap
@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gets_no_points(confined, name):
    outcome = ask(confined, CHEATS[name])
    assert outcome.passed == 0, outcome


@needs_bubblewrap
@pytest.mark.parametrize("name", TAMPERED)
def test_changing_what_judges_is_noticed(confined, name):
    outcome = ask(confined, TAMPERED[name], WEAK, WEAK)
    assert outcome.passed == 0, outcome
    assert isinstance(outcome, Tampered) or outcome.refused, outcome


@needs_bubblewrap
@pytest.mark.parametrize("name", REFUSED)
def test_what_leads_out_is_refused(confined, name):
    outcome = ask(confined, REFUSED[name])
    assert outcome.passed == 0
    assert in_its_own_cell(outcome) or isinstance(outcome, (Ended, Tampered)), outcome


@needs_bubblewrap
def test_after_all_that_a_right_answer_still_passes(confined):
    assert ask(confined, "def answer(n):\n    return n * n").passed == 2


@pytest.mark.parametrize("kinds", [["judged"], ["ready", "judged"], ["ready", "ready"], ["ready", "new"], ["new"]])
def test_only_an_answer_to_the_asserts_gives_points(monkeypatch, kinds):
    """Also where the child's secret is known: asserts come with a word of their own, and no verdict counts before."""

    def forging_child(job, channel, secret, *_):
        for kind in kinds:
            channel.sendall(json.dumps({"kind": kind, "verdicts": [None, None], "secret": secret}).encode() + b"\n")
            channel.recv(1 << 16)  # the asserts, or the end
        os._exit(0)

    monkeypatch.setattr(worker, "run_child", forging_child)
    asserts = io.StringIO(json.dumps({"asserts": []}) + "\n")
    job = {"seconds": 20, "most_seconds": 20}
    answers = list(worker.answered(job, asserts, (), (), frozenset()))
    assert len(answers) == len(kinds)
    assert isinstance(sandbox.outcome(answers[-1]), Tampered)


BARE = [name for name in (*CHEATS, *REFUSED) if name.startswith(("frames: ", "files: ", "foreign: "))]


@pytest.mark.slow
def test_without_bubblewrap_a_right_answer_passes(bare):
    assert ask(bare, "def answer(n):\n    return n * n").passed == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", BARE)
def test_without_bubblewrap_the_program_itself_refuses(bare, name):
    outcome = ask(bare, {**CHEATS, **REFUSED}[name])
    assert outcome.passed == 0
    if name in REFUSED:
        assert in_its_own_cell(outcome), outcome


BY_ADDRESS = """
import numpy as np
def answer(n):
    class Digits:
        __array_interface__ = {"data": (id(9) + 24, False), "shape": (1,), "typestr": "<u4", "version": 3}
    np.asarray(Digits())[0] = 4  # 9 is 4 from now on
    return 4
"""


@needs_bubblewrap
@pytest.mark.xfail(strict=True, reason="NumPy writes to any address; only another process than the judge's would help")
def test_memory_cannot_be_written_through_numpy(confined):
    assert ask(confined, BY_ADDRESS).passed == 0


# ---- files ---------------------------------------------------------------------------------------------


def found_in(place):
    with submissions.opened(place) as found:
        return {one.place: (one.student, _reading(one.file)) for one in found}


def _reading(file):
    if file is None:
        return "none"
    try:
        return len(submissions.read(file))
    except submissions.CannotRead as error:
        return str(error)


def test_links_and_pipes_are_not_followed(tmp_path):
    folder = tmp_path / "in"
    path = cases.write(folder, "ada", cases.answered("01_sizes", {}))
    (folder / "bob").mkdir()
    (folder / "bob" / "a.ipynb").symlink_to("/etc/passwd")
    (folder / "bob" / "b.ipynb").symlink_to(path)
    (folder / "bob" / "c.ipynb").symlink_to("/dev/zero")
    os.mkfifo(folder / "bob" / "d.ipynb")
    (folder / "eve").symlink_to(folder / "ada")
    (folder / "fay.ipynb").symlink_to(path)
    os.mkfifo(folder / "gil.ipynb")
    found = found_in(folder)
    assert found.pop("ada/notebook.ipynb")[1] > 20
    assert len(found) == 7 and {reading for _, reading in found.values()} == {
        "the file is a link, or no file; hand in the notebook itself"
    }


def test_a_zip_cannot_write_outside_nor_stop_the_batch(tmp_path):
    path = tmp_path / "in.zip"
    notebook = cases.as_bytes(cases.answered("01_sizes", {}))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../up.ipynb", notebook)
        archive.writestr("/etc/root.ipynb", notebook)
        archive.writestr("..\\win.ipynb", notebook)
        archive.writestr("ada/../../ada/x.ipynb", notebook)
        archive.writestr("..", b"")
        archive.writestr("a.ipynb", notebook)
        archive.writestr("a.ipynb/b.ipynb", notebook)
        archive.writestr("n" * 300 + ".ipynb", notebook)
        archive.writestr("only/notes.txt", b"x")
        with archive.open("bomb/x.ipynb", "w") as bomb:
            for _ in range(60):
                bomb.write(bytes(1 << 20))
        link = zipfile.ZipInfo("eve/x.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    found = found_in(path)
    assert set(found) == {
        *("up.ipynb", "etc/root.ipynb", "win.ipynb", "ada/ada/x.ipynb", "a.ipynb", "only", "bomb/x.ipynb"),
        "eve/x.ipynb",
    }
    assert "too large" in found["bomb/x.ipynb"][1] and "cut off, or not JSON" in found["eve/x.ipynb"][1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_entry_of_a_zip_costs_only_its_own_student(tmp_path):
    path = tmp_path / "in.zip"
    notebook = cases.as_bytes(cases.answered("01_sizes", {}))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada/x.ipynb", notebook)
        archive.writestr("bob/x.ipynb", notebook)
    data = bytearray(path.read_bytes())
    data[1000:1100] = b"\xff" * 100
    path.write_bytes(data)
    found = found_in(path)
    assert isinstance(found["ada/x.ipynb"][1], str) and found["bob/x.ipynb"][1] > 20


def test_notebooks_that_take_long_to_look_through_are_not_read(tmp_path):
    many = {"cells": [cases.code_cell("x = 1")] * 100_000, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    long = {"cells": [cases.code_cell("x = 1\n" * 100_000)], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    for name, notebook in (("many", many), ("long", long)):
        with pytest.raises(submissions.CannotRead, match="more cells or longer cells"):
            submissions.read(cases.write(tmp_path, name, notebook))
