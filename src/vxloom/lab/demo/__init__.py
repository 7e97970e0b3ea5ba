"""The demonstration: the whole system at work in a lab, every claim checked with packets and kernel state.

``stage`` holds the lab, the cloud and the results; ``probes`` looks at kernels and packets; ``acts`` are the scenes in order.
"""
