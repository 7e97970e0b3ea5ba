"""The first schema.

Revision: 0001. Frozen: a migration says what was, so it never follows `vxloom.store.schema`; a test compares the sum of all with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# long: generated once from the first schema, then frozen
def upgrade() -> None:
    # long: as above
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("sent", sa.Double(), nullable=False),
        sa.Column("resolved", sa.Double(), nullable=True),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_name_subject"), "alerts", ["name", "subject"], unique=False)
    op.create_index(op.f("ix_alerts_sent"), "alerts", ["sent"], unique=False)
    op.create_table(
        "domains",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("network_domain", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["domains.id"], name=op.f("fk_domains_parent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("path", name=op.f("uq_domains_path")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("resource_type", sa.Text(), nullable=True),
        sa.Column("resource", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=True),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_account"), "events", ["account"], unique=False)
    op.create_index(op.f("ix_events_created"), "events", ["created"], unique=False)
    op.create_index(op.f("ix_events_resource"), "events", ["resource"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("result_code", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("instance_type", sa.Text(), nullable=True),
        sa.Column("instance", sa.Text(), nullable=True),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("deadline", sa.Double(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("completed", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_created"), "jobs", ["created"], unique=False)
    op.create_index(op.f("ix_jobs_status"), "jobs", ["status"], unique=False)
    op.create_table(
        "meta",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meta")),
    )
    op.create_table(
        "service_offerings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_text", sa.Text(), nullable=False),
        sa.Column("cpu_number", sa.BigInteger(), nullable=False),
        sa.Column("cpu_speed", sa.BigInteger(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("host_tags", sa.Text(), nullable=True),
        sa.Column("is_system", sa.Boolean(), nullable=False),
        sa.Column("offer_ha", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_offerings")),
    )
    op.create_index(op.f("ix_service_offerings_name"), "service_offerings", ["name"], unique=False)
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("type", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("network_domain", sa.Text(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["domain"], ["domains.id"], name=op.f("fk_accounts_domain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("domain", "name", name=op.f("uq_accounts_domain_name")),
    )
    op.create_table(
        "job_waits",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("acked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_job_waits_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_waits")),
        sa.UniqueConstraint("job", "host", "kind", "key", name=op.f("uq_job_waits_job_host_kind_key")),
    )
    op.create_index(op.f("ix_job_waits_host_acked"), "job_waits", ["host", "acked"], unique=False)
    op.create_table(
        "network_offerings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_text", sa.Text(), nullable=False),
        sa.Column("guest_type", sa.Text(), nullable=False),
        sa.Column("traffic_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("availability", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("conserve_mode", sa.Boolean(), nullable=False),
        sa.Column("specify_vlan", sa.Boolean(), nullable=False),
        sa.Column("specify_ip_ranges", sa.Boolean(), nullable=False),
        sa.Column("is_persistent", sa.Boolean(), nullable=False),
        sa.Column("egress_default", sa.Boolean(), nullable=False),
        sa.Column("for_vpc", sa.Boolean(), nullable=False),
        sa.Column("network_rate", sa.BigInteger(), nullable=True),
        sa.Column("max_connections", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("service_offering", sa.Text(), nullable=True),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("domains", sa.Text(), nullable=False),
        sa.Column("zones", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["service_offering"], ["service_offerings.id"], name=op.f("fk_network_offerings_service_offering")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_offerings")),
        sa.UniqueConstraint("name", name=op.f("uq_network_offerings_name")),
    )
    op.create_table(
        "zones",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("network_type", sa.Text(), nullable=False),
        sa.Column("allocation_state", sa.Text(), nullable=False),
        sa.Column("dns1", sa.Text(), nullable=True),
        sa.Column("dns2", sa.Text(), nullable=True),
        sa.Column("internal_dns1", sa.Text(), nullable=True),
        sa.Column("internal_dns2", sa.Text(), nullable=True),
        sa.Column("ip6_dns1", sa.Text(), nullable=True),
        sa.Column("ip6_dns2", sa.Text(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("network_domain", sa.Text(), nullable=True),
        sa.Column("guest_cidr", sa.Text(), nullable=True),
        sa.Column("dhcp_provider", sa.Text(), nullable=False),
        sa.Column("local_storage", sa.Boolean(), nullable=False),
        sa.Column("security_groups", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["domain"], ["domains.id"], name=op.f("fk_zones_domain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zones")),
        sa.UniqueConstraint("name", name=op.f("uq_zones_name")),
    )
    op.create_table(
        "changes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("vni", sa.BigInteger(), nullable=True),
        sa.Column("op", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_changes_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_zone_revision"), "changes", ["zone", "revision"], unique=False)
    op.create_table(
        "configurations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_configurations_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configurations")),
    )
    op.create_index(op.f("ix_configurations_name"), "configurations", ["name"], unique=False)
    op.create_table(
        "mac_allocations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.Column("nic", sa.Text(), nullable=False),
        sa.Column("vni", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("release_revision", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_mac_allocations_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mac_allocations")),
        sa.UniqueConstraint("zone", "mac", name=op.f("uq_mac_allocations_zone_mac")),
    )
    op.create_index(op.f("ix_mac_allocations_nic"), "mac_allocations", ["nic"], unique=False)
    op.create_index(op.f("ix_mac_allocations_zone_state"), "mac_allocations", ["zone", "state"], unique=False)
    op.create_table(
        "physical_networks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("isolation_method", sa.Text(), nullable=False),
        sa.Column("broadcast_domain_range", sa.Text(), nullable=False),
        sa.Column("network_speed", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_physical_networks_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_physical_networks")),
    )
    op.create_index(op.f("ix_physical_networks_zone"), "physical_networks", ["zone"], unique=False)
    op.create_table(
        "pods",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("netmask", sa.Text(), nullable=True),
        sa.Column("start_ip", sa.Text(), nullable=True),
        sa.Column("end_ip", sa.Text(), nullable=True),
        sa.Column("allocation_state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_pods_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pods")),
        sa.UniqueConstraint("zone", "name", name=op.f("uq_pods_zone_name")),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_revisions_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
        sa.UniqueConstraint("zone", "revision", name=op.f("uq_revisions_zone_revision")),
    )
    op.create_table(
        "tags",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_tags_account"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("resource", "key", name=op.f("uq_tags_resource_key")),
    )
    op.create_table(
        "templates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_text", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("hypervisor", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("os_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("is_featured", sa.Boolean(), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.Column("guest_source", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_templates_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
    )
    op.create_index(op.f("ix_templates_name"), "templates", ["name"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=True),
        sa.Column("secret_key", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_users_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("api_key", name=op.f("uq_users_api_key")),
    )
    op.create_index(op.f("ix_users_account"), "users", ["account"], unique=False)
    op.create_index(op.f("ix_users_username"), "users", ["username"], unique=False)
    op.create_table(
        "vni_allocations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("vni", sa.BigInteger(), nullable=False),
        sa.Column("physical_network", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("release_revision", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_vni_allocations_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vni_allocations")),
        sa.UniqueConstraint("zone", "vni", name=op.f("uq_vni_allocations_zone_vni")),
    )
    op.create_index(op.f("ix_vni_allocations_physical_network"), "vni_allocations", ["physical_network"], unique=False)
    op.create_index(op.f("ix_vni_allocations_zone_state"), "vni_allocations", ["zone", "state"], unique=False)
    op.create_table(
        "clusters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("pod", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hypervisor", sa.Text(), nullable=False),
        sa.Column("cluster_type", sa.Text(), nullable=False),
        sa.Column("allocation_state", sa.Text(), nullable=False),
        sa.Column("managed_state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["pod"], ["pods.id"], name=op.f("fk_clusters_pod")),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_clusters_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusters")),
        sa.UniqueConstraint("pod", "name", name=op.f("uq_clusters_pod_name")),
    )
    op.create_index(op.f("ix_clusters_zone"), "clusters", ["zone"], unique=False)
    op.create_table(
        "networks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_text", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("physical_network", sa.Text(), nullable=False),
        sa.Column("offering", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("guest_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("traffic_type", sa.Text(), nullable=False),
        sa.Column("vni", sa.BigInteger(), nullable=True),
        sa.Column("broadcast_scheme", sa.Text(), nullable=False),
        sa.Column("specified_vlan", sa.Boolean(), nullable=False),
        sa.Column("cidr", sa.Text(), nullable=True),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("netmask", sa.Text(), nullable=True),
        sa.Column("ip6_cidr", sa.Text(), nullable=True),
        sa.Column("ip6_gateway", sa.Text(), nullable=True),
        sa.Column("start_ip", sa.Text(), nullable=True),
        sa.Column("end_ip", sa.Text(), nullable=True),
        sa.Column("start_ip6", sa.Text(), nullable=True),
        sa.Column("end_ip6", sa.Text(), nullable=True),
        sa.Column("dns1", sa.Text(), nullable=True),
        sa.Column("dns2", sa.Text(), nullable=True),
        sa.Column("ip6_dns1", sa.Text(), nullable=True),
        sa.Column("ip6_dns2", sa.Text(), nullable=True),
        sa.Column("network_domain", sa.Text(), nullable=True),
        sa.Column("mtu", sa.BigInteger(), nullable=True),
        sa.Column("acl_type", sa.Text(), nullable=False),
        sa.Column("subdomain_access", sa.Boolean(), nullable=False),
        sa.Column("display_network", sa.Boolean(), nullable=False),
        sa.Column("is_persistent", sa.Boolean(), nullable=False),
        sa.Column("restart_required", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_networks_account")),
        sa.ForeignKeyConstraint(["offering"], ["network_offerings.id"], name=op.f("fk_networks_offering")),
        sa.ForeignKeyConstraint(["physical_network"], ["physical_networks.id"], name=op.f("fk_networks_physical_network")),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_networks_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_networks")),
    )
    op.create_index(op.f("ix_networks_account"), "networks", ["account"], unique=False)
    op.create_index(op.f("ix_networks_offering"), "networks", ["offering"], unique=False)
    op.create_index(op.f("ix_networks_physical_network"), "networks", ["physical_network"], unique=False)
    op.create_index(op.f("ix_networks_zone_vni"), "networks", ["zone", "vni"], unique=False)
    op.create_table(
        "providers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("physical_network", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("element", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["physical_network"], ["physical_networks.id"], name=op.f("fk_providers_physical_network"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        sa.UniqueConstraint("element", name=op.f("uq_providers_element")),
        sa.UniqueConstraint("physical_network", "name", name=op.f("uq_providers_physical_network_name")),
    )
    op.create_table(
        "traffic_types",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("physical_network", sa.Text(), nullable=False),
        sa.Column("traffic_type", sa.Text(), nullable=False),
        sa.Column("kvm_label", sa.Text(), nullable=True),
        sa.Column("vmware_label", sa.Text(), nullable=True),
        sa.Column("xen_label", sa.Text(), nullable=True),
        sa.Column("hyperv_label", sa.Text(), nullable=True),
        sa.Column("ovm3_label", sa.Text(), nullable=True),
        sa.Column("isolation_method", sa.Text(), nullable=True),
        sa.Column("vlan", sa.Text(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["physical_network"], ["physical_networks.id"], name=op.f("fk_traffic_types_physical_network"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traffic_types")),
        sa.UniqueConstraint("physical_network", "traffic_type", name=op.f("uq_traffic_types_physical_network_traffic_type")),
    )
    op.create_table(
        "vms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("instance_name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("service_offering", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("guest_source", sa.Text(), nullable=False),
        sa.Column("last_host", sa.Text(), nullable=True),
        sa.Column("display_vm", sa.Boolean(), nullable=False),
        sa.Column("ha_enable", sa.Boolean(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("keypair", sa.Text(), nullable=True),
        sa.Column("user_data", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_vms_account")),
        sa.ForeignKeyConstraint(["service_offering"], ["service_offerings.id"], name=op.f("fk_vms_service_offering")),
        sa.ForeignKeyConstraint(["template"], ["templates.id"], name=op.f("fk_vms_template")),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_vms_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vms")),
    )
    op.create_index(op.f("ix_vms_account"), "vms", ["account"], unique=False)
    op.create_index(op.f("ix_vms_name"), "vms", ["name"], unique=False)
    op.create_index(op.f("ix_vms_zone"), "vms", ["zone"], unique=False)
    op.create_table(
        "vni_ranges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("physical_network", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["physical_network"], ["physical_networks.id"], name=op.f("fk_vni_ranges_physical_network"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_vni_ranges_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vni_ranges")),
        sa.UniqueConstraint("physical_network", "start", name=op.f("uq_vni_ranges_physical_network_start")),
    )
    op.create_index(op.f("ix_vni_ranges_zone_start"), "vni_ranges", ["zone", "start"], unique=False)
    op.create_table(
        "hosts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("pod", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("vtep", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("hypervisor", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resource_state", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("confirmed_epoch", sa.Text(), nullable=True),
        sa.Column("disconnected", sa.Double(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["cluster"], ["clusters.id"], name=op.f("fk_hosts_cluster")),
        sa.ForeignKeyConstraint(["pod"], ["pods.id"], name=op.f("fk_hosts_pod")),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_hosts_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosts")),
        sa.UniqueConstraint("number", name=op.f("uq_hosts_number")),
        sa.UniqueConstraint("zone", "name", name=op.f("uq_hosts_zone_name")),
    )
    op.create_index(op.f("ix_hosts_cluster"), "hosts", ["cluster"], unique=False)
    op.create_table(
        "ip_allocations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("family", sa.BigInteger(), nullable=False),
        sa.Column("nic", sa.Text(), nullable=False),
        sa.Column("vni", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("release_revision", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["network"], ["networks.id"], name=op.f("fk_ip_allocations_network"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_ip_allocations_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ip_allocations")),
        sa.UniqueConstraint("network", "address", name=op.f("uq_ip_allocations_network_address")),
    )
    op.create_index(op.f("ix_ip_allocations_network_family_offset"), "ip_allocations", ["network", "family", "offset"], unique=False)
    op.create_index(op.f("ix_ip_allocations_nic"), "ip_allocations", ["nic"], unique=False)
    op.create_index(op.f("ix_ip_allocations_zone_state"), "ip_allocations", ["zone", "state"], unique=False)
    op.create_table(
        "ip_ranges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("physical_network", sa.Text(), nullable=True),
        sa.Column("pod", sa.Text(), nullable=True),
        sa.Column("vlan", sa.Text(), nullable=True),
        sa.Column("start_ip", sa.Text(), nullable=True),
        sa.Column("end_ip", sa.Text(), nullable=True),
        sa.Column("netmask", sa.Text(), nullable=True),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("start_ip6", sa.Text(), nullable=True),
        sa.Column("end_ip6", sa.Text(), nullable=True),
        sa.Column("ip6_cidr", sa.Text(), nullable=True),
        sa.Column("ip6_gateway", sa.Text(), nullable=True),
        sa.Column("for_virtual_network", sa.Boolean(), nullable=False),
        sa.Column("for_system_vms", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["network"], ["networks.id"], name=op.f("fk_ip_ranges_network"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["physical_network"], ["physical_networks.id"], name=op.f("fk_ip_ranges_physical_network")),
        sa.ForeignKeyConstraint(["pod"], ["pods.id"], name=op.f("fk_ip_ranges_pod")),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_ip_ranges_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ip_ranges")),
    )
    op.create_index(op.f("ix_ip_ranges_network"), "ip_ranges", ["network"], unique=False)
    op.create_index(op.f("ix_ip_ranges_zone"), "ip_ranges", ["zone"], unique=False)
    op.create_table(
        "nics",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("vm", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("tap", sa.Text(), nullable=False),
        sa.Column("shared", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["network"], ["networks.id"], name=op.f("fk_nics_network")),
        sa.ForeignKeyConstraint(["vm"], ["vms.id"], name=op.f("fk_nics_vm")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nics")),
    )
    op.create_index(op.f("ix_nics_network"), "nics", ["network"], unique=False)
    op.create_index(op.f("ix_nics_vm"), "nics", ["vm"], unique=False)
    op.create_table(
        "beliefs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("gone_revision", sa.BigInteger(), nullable=True),
        sa.Column("acked", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["host"], ["hosts.id"], name=op.f("fk_beliefs_host"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_beliefs_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beliefs")),
        sa.UniqueConstraint("host", "kind", "key", name=op.f("uq_beliefs_host_kind_key")),
    )
    op.create_index(op.f("ix_beliefs_zone_kind_key"), "beliefs", ["zone", "kind", "key"], unique=False)
    op.create_table(
        "bindings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("nic", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["host"], ["hosts.id"], name=op.f("fk_bindings_host")),
        sa.ForeignKeyConstraint(["nic"], ["nics.id"], name=op.f("fk_bindings_nic")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bindings")),
        sa.UniqueConstraint("nic", "host", name=op.f("uq_bindings_nic_host")),
    )
    op.create_index(op.f("ix_bindings_host"), "bindings", ["host"], unique=False)
    op.create_table(
        "certificates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("not_after", sa.Double(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["host"], ["hosts.id"], name=op.f("fk_certificates_host"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
    )
    op.create_index(op.f("ix_certificates_host"), "certificates", ["host"], unique=False)
    op.create_table(
        "join_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("pod", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("key_hash", sa.Text(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["cluster"], ["clusters.id"], name=op.f("fk_join_tokens_cluster"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["host"], ["hosts.id"], name=op.f("fk_join_tokens_host"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["pod"], ["pods.id"], name=op.f("fk_join_tokens_pod"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_join_tokens_zone"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_tokens")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_join_tokens_secret_hash")),
    )
    op.create_table(
        "nic_ips",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("nic", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("family", sa.BigInteger(), nullable=False),
        sa.Column("secondary", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["nic"], ["nics.id"], name=op.f("fk_nic_ips_nic"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nic_ips")),
    )
    op.create_index(op.f("ix_nic_ips_nic"), "nic_ips", ["nic"], unique=False)
