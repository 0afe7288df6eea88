"""Scenario tests as code: a file that says what there should be, compared with what the server has, and made so."""
