"""``python -m cimkit`` is ``cimkit``."""

from cimkit.cli import main

main()
