"""Requests of persons about their own data: what is held of me and who has used it, correct this,
erase me.

In comes what somebody asked, with the day it came in; out goes until when it is answered, and the
register of all of them. What was said stands sealed with the customer's file and goes with it; that
somebody asked and was answered stays.

Two things decide nothing here and are not looked at: holds, and what compartments have. So nothing
that a person is told, and nothing that is told of his request, depends on them.
"""
