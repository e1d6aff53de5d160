"""Makes everything that follows from the contracts in `proto/`: Python stubs, the descriptor set and the reference pages.

The output is a pure function of the protos and of the pinned packages, so two runs write the same bytes and CI can fail
on any difference.
"""
