"""The network interface of security modules: PrismToken TokenApi 1.1, both ends of the wire.

`tokenapi.thrift` and `interface` are the words; `client` drives a module (hardware or ours), `service`
is our software module as a server.  Nothing here is loaded by `import app.sts`.
"""
