"""The steps of preparing a host, a plug-in each: found by being here, never importing one another."""
