"""The test plugin of `refhost conformance` in Python with nothing but grpcio; it does what the host's files tell it."""

from __future__ import annotations

from hooks import make_class
from runtime import run

if __name__ == "__main__":
    run(make_class())
