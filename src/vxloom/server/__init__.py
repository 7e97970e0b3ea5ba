"""The management server: signature, dispatch, jobs, responses, and the gateway that speaks with agents.

May import: `vxloom.store`, `vxloom.compiler`, `vxloom.planner`, `vxloom.model`, `vxloom.dataplane.simulated`.
The only importer of Starlette and uvicorn.
Never: the rest of dataplane, hypervisor, agent, lab. Never answers a request by waiting for a host; a job does that.
"""
