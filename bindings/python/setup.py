"""Puts libohsocket into the package and names the wheel after the system that the library needs.

The library is the one that OHSOCKET_LIBRARY names, or is built from the sources in library/ of a source
distribution, which needs gcc, make, libssl-dev and any Go from 1.19 on: library/tools/bin/go fetches the one that is
needed.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sysconfig

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent


def declared(name):
    """A constant of the generated declarations, which cannot be imported without the library."""
    text = (HERE / "ohsocket/_abi.py").read_text()
    return re.search(rf'^{name}: Final = "?([\d.]+)"?$', text, re.M)[1]


SONAME = "libohsocket.so." + declared("VERSION_MAJOR")


def library():
    named = os.environ.get("OHSOCKET_LIBRARY")
    if named:
        return pathlib.Path(named).resolve()
    sources = HERE / "library"
    if not sources.is_dir():
        raise SystemExit(
            "ohsocket: no library to put into the wheel. In a checkout use 'make wheel', or name one in "
            "OHSOCKET_LIBRARY."
        )
    subprocess.run(["make", "library"], cwd=sources, check=True)
    return sources / "build" / SONAME


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copyfile(library(), pathlib.Path(self.build_lib, "ohsocket", SONAME))


class PlatformWheel(bdist_wheel):
    """One wheel for all Pythons, since ctypes loads the library."""

    def get_tag(self):
        machine = sysconfig.get_platform().rsplit("-", 1)[1]
        bundled = pathlib.Path(self.bdist_dir, "ohsocket", SONAME).read_bytes()
        # The versions of glibc whose symbols it uses, from its table of strings.
        minors = [int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)(?=[.\0])", bundled)]
        return "py3", "none", f"manylinux_2_{max(minors)}_{machine}"


class BinaryDistribution(Distribution):
    def has_ext_modules(self):
        return True


setup(
    version=declared("VERSION"),
    distclass=BinaryDistribution,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
)
