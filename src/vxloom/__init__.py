"""vxloom: VXLAN overlay networking for KVM clouds, driven by Apache CloudStack's API.

Intent is compiled into complete desired state; every host compares it with what its kernel really holds, and makes the
difference disappear. Each sub-package ("room") says in its docstring what it is for, what it may import and what it must
never do; the import-linter contracts in ``pyproject.toml`` hold those sentences.
"""

__version__ = "0.1.0"
