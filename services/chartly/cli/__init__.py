"""The `chartly` command: starts the mesh, and speaks with it through its one public port.

It owns nothing but processes. `up` is a fork server for the nine services and a drone and starts Envoy beside them; all other
commands call the mesh's RPCs over gRPC on port 8090. It is the only package that imports services, to start them.
"""
