"""Between the contract's messages and the domain's types, one file a resource.

Into the domain go values as they were sent; a value that has no place in the domain (an impossible
date) is reported as a problem. Nothing here decides anything.
"""
