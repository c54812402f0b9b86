#!/bin/sh
# Says in one sentence what the system lacks before `make setup` starts; installs it itself where it may.
# usage: check_system.sh PYTHON
python=$1
if ! command -v "$python" >/dev/null; then
    echo "There is no '$python'; install Python 3.10-3.13 (sudo apt install python3 python3-venv) or say make PYTHON=/path/to/python3." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
    echo "$("$python" --version) is not supported, because the ROS 2 wheels are made for Python 3.10-3.13; say make PYTHON=python3.12, for example." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Python's venv module is missing; install it with: sudo apt install python3-venv" >&2
    exit 1
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "The ROS 2 wheels are made for x86-64 Linux, and this is $(uname -sm); on other machines use a full ROS 2 (see README.md)." >&2
    exit 1
fi
if ! "$python" -c 'import ctypes; ctypes.CDLL("libX11.so.6")' 2>/dev/null; then
    # The simulator's software renderer links it; no X server is needed.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing the system library libx11-6, which the simulator's renderer needs."
        apt-get install -y -qq libx11-6 >/dev/null || { apt-get update -qq && apt-get install -y -qq libx11-6 >/dev/null; }
    else
        echo "The simulator's renderer needs the system library libX11; install it with: sudo apt install libx11-6" >&2
        exit 1
    fi
fi
