"""A release report as people and CI systems read it: terminal, Markdown, JUnit XML, a comment on a pull request.

All of them read the report as the server sends it (`ReleaseReport.to_json()`), and no text of a user is markup in any.
"""
