#!/usr/bin/env python3
"""As py_asyncio_echo.py, on uvloop: py_uvloop_echo.py HOST PORT."""

import os
import sys

os.execv(sys.executable, [sys.executable, os.path.join(os.path.dirname(__file__), "py_asyncio_echo.py"),
                          *sys.argv[1:3], "uvloop"])
