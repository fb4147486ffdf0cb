"""The wheel and the source distribution that `make wheel` builds (OHSOCKET_DIST names their folder)."""

import os
import pathlib
import re
import subprocess
import tarfile
import venv
import zipfile

import pytest

import ohsocket

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
README = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.S)


@pytest.fixture(scope="module")
def dist() -> pathlib.Path:
    return pathlib.Path(os.environ["OHSOCKET_DIST"])


@pytest.fixture(scope="module")
def wheel(dist: pathlib.Path) -> pathlib.Path:
    (found,) = dist.glob("*.whl")
    return found


def test_name_is_true(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """It is named after the newest symbol of glibc that the library needs."""
    name = re.fullmatch(r"ohsocket-([\d.]+)-py3-none-manylinux_2_(\d+)_(\w+)\.whl", wheel.name)
    assert name and name[1] == ohsocket.__version__ and name[3] == os.uname().machine
    with zipfile.ZipFile(wheel) as archive:
        archive.extract("ohsocket/libohsocket.so.1", tmp_path)
    symbols = subprocess.run(
        ["objdump", "-T", tmp_path / "ohsocket/libohsocket.so.1"], capture_output=True, text=True, check=True
    ).stdout
    assert max(int(minor) for minor in re.findall(r"GLIBC_2\.(\d+)", symbols)) == int(name[2])


def test_contents(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        sources = {f"ohsocket/{path.name}" for path in (PACKAGE / "ohsocket").glob("*.py")}
        assert names == sources | {"ohsocket/py.typed", "ohsocket/libohsocket.so.1"}
        (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        assert "Requires-Python: >=3.10" in archive.read(metadata).decode()
        # Of what is linked into the library, too.
        licences = {name.rsplit("/", 1)[1]: archive.read(name) for name in archive.namelist() if "/licenses/" in name}
        assert set(licences) == {"LICENSE", "THIRD_PARTY"} and b"OpenSSL" in licences["THIRD_PARTY"]


def test_source_distribution(dist: pathlib.Path) -> None:
    """It has what the library is built from, and no library."""
    (found,) = dist.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    for needed in (
        "setup.py", "ohsocket/__init__.py", "library/Makefile", "library/mk/library.mk", "library/capi/main.go",
        "library/core/abi/event.go", "library/include/ohsocket.h", "library/include/ohsocket_errors.h", "library/go.sum", "library/.ci/deps",
    ):  # fmt: skip
        assert needed in names
    assert not [name for name in names if ".so" in name or name.endswith(".pyc")]


def test_installed_into_an_empty_environment(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The README's first program runs from the wheel alone."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OHSOCKET", "PYTHON"))}
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel], check=True, env=env
    )
    done = subprocess.run(
        [python, "-W", "error", "-c", "import ohsocket; print(ohsocket.__file__)\n" + README[0]],
        capture_output=True, text=True, check=False, env=env, cwd=tmp_path, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    where, answer = done.stdout.splitlines()
    assert where.startswith(str(tmp_path)) and answer == "b'HELLO'"
