"""A study: everything an answer depends on besides the prices."""
