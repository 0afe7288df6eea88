"""What is measured, each in a process of its own: `python -m benchmarks.clients.NAME JOB` prints its phases as JSON."""
