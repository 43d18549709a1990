"""What Salesforce lacks of an object, as a folder that an administrator deploys. Pure."""

from leadbridge.domain.provisioning import NewObject
from leadbridge.domain.salesforce_package import SOURCE, Member, package, project, xml_file


def folder(plan: NewObject) -> dict[str, str]:
    """The files to deploy, by their path below the folder."""
    fields = list(plan.fields)
    listed = {
        "CustomObject": [] if plan.exists else [plan.api_name],
        "CustomField": [f"{plan.api_name}.{name}" for name in fields],
    }
    files = {
        "sfdx-project.json": project(),
        "manifest/package.xml": package(listed),
    }
    base = f"{SOURCE}/objects/{plan.api_name}"
    if not plan.exists:
        own: list[Member] = [
            ("deploymentStatus", "Deployed"),
            ("label", plan.label),
            (
                "nameField",
                [("displayFormat", f"{plan.label[:20]}-{{00000000}}"), ("label", "Name"), ("type", "AutoNumber")],
            ),
            ("pluralLabel", f"{plan.label}s"),
            ("sharingModel", "ReadWrite"),
        ]
        files[f"{base}/{plan.api_name}.object-meta.xml"] = xml_file("CustomObject", own)
    for name in fields:
        members: list[Member] = [("fullName", name), *sorted(plan.fields[name].items())]
        files[f"{base}/fields/{name}.field-meta.xml"] = xml_file("CustomField", members)
    return files
