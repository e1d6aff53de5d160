"""Reporter keeps report definitions and their results, each with a digest over its RFC 8785 form.

It owns both in its database. It asks analytics for the figures and keeps each result as an artifact of storage's. A result
that was being made when the process died is made by the next one.
"""
