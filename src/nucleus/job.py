"""Kinds of jobs, under the path that existing scripts import them from."""

from nucleus._job_list import CustomerJobTypes

__all__ = ["CustomerJobTypes"]
