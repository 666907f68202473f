from companies.admin import company, people, periodic, projects, storage

__all__ = ["company", "people", "periodic", "projects", "storage"]
