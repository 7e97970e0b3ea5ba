"""updateProject."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.projects import PROJECT, project_views
from vxloom.store import records


class UpdateProject(Command):
    """Changes a project: its name, its text, or who its admins are.

    With ``account`` that account becomes an admin; those it had become regular members, unless ``swapowner=false``.
    """

    name = "updateProject"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the project", required=True, related="listProjects"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("displaytext", Kind.STRING, "what people read"),
        Parameter("account", Kind.STRING, "a new admin, of the project's domain"),
        Parameter("swapowner", Kind.BOOLEAN, "whether it takes the place of those there are; default true"),
        Parameter("roletype", Kind.STRING, "with account and swapowner=false: Admin or Regular"),
    )
    answer = PROJECT
    example = "updateProject id=ID displaytext=shop"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            project = projects.managed(call, tx, given.need("id"))
            changes: dict[str, object] = {}
            if name := given.filled("name"):
                projects.refuse_name(tx, name, project.domain, but=project.id)
                changes["name"] = name
            if text := given.filled("displaytext"):
                changes["display_text"] = text
            if account := given.filled("account"):
                swap = given.flag("swapowner", default=True)
                role = records.ProjectRole.ADMIN if swap else projects.role_of(given.filled("roletype") or "Admin")
                projects.appoint(tx, project, projects.account_named(tx, project, account), role, swap=swap)
            project = tx.update(records.Project, project.id, **changes)
            call.event(tx, "PROJECT.UPDATE", f"Changed project {project.name}", "Project", project.id)
            return call.finished_job(tx, "Project", project.id, one("project", project_views(tx, [project])[0]))
