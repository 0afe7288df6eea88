"""The Nucleus Validate service: stores, checks, aggregates and shows evaluations of models on scenario tests."""
