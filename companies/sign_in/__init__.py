"""How people prove who they are: django-allauth, with the platform's own rules."""
