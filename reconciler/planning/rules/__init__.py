"""The safety rules: one file for each, and in it what is lost without it.

A rule forbids a change (`Blocked`), and apply refuses the whole plan then. None of them looks at the account.
"""
