"""Where a file may be written: links are followed, and what is no file is never replaced."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from riskkit.errors import InputError
from riskkit.parameters.write import write_atomically
from tests.support import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


@posix
def test_a_link_is_followed_and_stays_a_link(tmp_path):
    real, link = tmp_path / "far" / "real.json", tmp_path / "link.json"
    real.parent.mkdir()
    real.write_text("old")
    link.symlink_to(Path("far") / "real.json")
    assert write_atomically(link, "new") == link
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["far", "link.json"]
    assert [f.name for f in real.parent.iterdir()] == ["real.json"]


@posix
def test_a_link_to_what_is_not_there_yet_makes_it(tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "deep" / "new.json")
    write_atomically(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "deep" / "new.json").read_text() == "new"


@posix
def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match="its links go in a circle"):
        write_atomically(tmp_path / "a", "x")
    assert (tmp_path / "a").is_symlink()


@posix
def test_a_pipe_takes_the_text_and_stays_a_pipe(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    text = "x" * 300_000  # more than a pipe holds at once
    reading = threading.Event()

    def read() -> None:
        handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(handle, True)
        reading.set()
        with os.fdopen(handle) as stream:
            while not got:  # nothing until the writer has opened it
                got.extend(filter(None, [stream.read()]))

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait()
    write_atomically(pipe, text)
    reader.join()
    assert got == [text]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_a_pipe_that_nobody_reads_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a pipe that nobody reads"):
        write_atomically(tmp_path / "pipe", "x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_is_written_into_and_stays_a_device():
    write_atomically(os.devnull, "x")
    with pytest.raises(InputError, match="could not be written"):
        write_atomically("/dev/full", "x")
    for name in (os.devnull, "/dev/full"):
        assert stat.S_ISCHR(Path(name).stat().st_mode)


@posix
@pytest.mark.parametrize("redirected", [True, False])
def test_the_standard_output_takes_a_file_between_what_is_printed(tmp_path, redirected):
    code = (
        "from riskkit.parameters.write import write_atomically\n"
        "print('before')\nwrite_atomically('/dev/stdout', 'file\\n')\nprint('after')\n"
    )
    with (tmp_path / "out").open("w") as out:
        found = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdout=out if redirected else subprocess.PIPE,
            text=True,
            check=True,
        )
    said = (tmp_path / "out").read_text() if redirected else found.stdout
    assert said == "before\nfile\nafter\n"


@posix
def test_folders_and_sockets_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="must be a file; it is a folder"):
        write_atomically(tmp_path, "x")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket's name must be short
        server.bind("s")
        with pytest.raises(InputError, match="it is neither a file nor a pipe"):
            write_atomically(tmp_path / "s", "x")
    assert stat.S_ISSOCK((tmp_path / "s").stat().st_mode)
