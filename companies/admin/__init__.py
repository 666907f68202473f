from companies.admin import company, people, periodic, storage

__all__ = ["company", "people", "periodic", "storage"]
