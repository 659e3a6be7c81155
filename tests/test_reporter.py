"""The one voice: what is heard, by whom, and when."""

import io

import pytest

from alexnet_paddle import reporter


def test_only_what_is_kept_is_said(capsys):
    with reporter.filtered(lambda words: words.startswith("epoch")):
        reporter.say("data: petals")
        reporter.say("epoch 1/2")
        with reporter.quiet():
            reporter.say("epoch 2/2")
    reporter.say("done")
    assert capsys.readouterr() == ("epoch 1/2\ndone\n", "")


def test_a_filter_ends_with_an_error_too(capsys):
    with pytest.raises(ZeroDivisionError), reporter.quiet():
        raise ZeroDivisionError
    reporter.say("heard")
    assert capsys.readouterr().out == "heard\n"


def test_a_silenced_process_says_nothing_more(capsys, monkeypatch):
    monkeypatch.setattr(reporter, "_filters", list(reporter._filters))
    reporter.silence()
    reporter.say("nothing")
    reporter.table([("a", "b")])
    assert list(reporter.progress([1, 2], "counting")) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_progress_is_a_line_in_a_log_and_a_second_one_after_a_while(capsys, monkeypatch):
    times = iter([0.0, 1.0, 10.0, 17.0, 17.0])
    monkeypatch.setattr(reporter.time, "monotonic", lambda: next(times))
    assert list(reporter.progress("ab", "short")) == ["a", "b"]
    assert list(reporter.progress("abc", "long")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("short: 2\nlong: 3\nlong: done in 7 s\n", "")


def test_progress_is_a_bar_on_a_terminal(capsys, monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(reporter.progress([1, 2, 3], "reading")) == [1, 2, 3]
    assert "reading" in terminal.getvalue() and capsys.readouterr().out == ""


def test_columns_are_as_wide_as_their_longest_cell_also_in_chinese(capsys):
    reporter.table([("class", "pictures"), ("rose", "7"), ("\u73ab\u7470", "12")])
    assert capsys.readouterr().out == "class  pictures\nrose          7\n\u73ab\u7470         12\n"
