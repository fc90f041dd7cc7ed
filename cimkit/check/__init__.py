"""Holding data against standards: rules in one DuckDB pass, findings with their places."""

from cimkit.check.check import check
from cimkit.check.fix import fix
from cimkit.check.rejects import accepted
from cimkit.check.run import run_check

__all__ = ["accepted", "check", "fix", "run_check"]
