from django.contrib.admin.apps import AdminConfig


class ArvAdminConfig(AdminConfig):
    """Apart from the site, which needs the models and so cannot be imported this early."""

    default_site = "arv.admin_site.ArvAdminSite"
