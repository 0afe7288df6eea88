"""The pytest plugin, as far as it needs the SDK; its entry point is the package `nucleus_pytest`."""
