"""The gateway says how the mesh is and what happens in it.

It owns nothing durable. It asks all nine services for their health and follows runs (aggregator), drones (coordinator) and
reports (reporter) for whoever watches events.
"""
