"""Jobs, under the path that existing scripts import them from."""

from nucleus._async_job import AsyncJob
from nucleus._exceptions import JobError

__all__ = ["AsyncJob", "JobError"]
