"""Forms that write what somebody changed on the page, and leave the rest to others."""

from typing import Any, ClassVar

from django import forms


class CarefulForm(forms.ModelForm[Any]):
    """Writes what the form changed and nothing else: others may be writing the rest.

    The page remembers what it showed of the `watched` fields: of these only a change made on
    this page counts, whatever the row holds by now.
    """

    watched: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & set(self.watched):
            self.fields[name].show_hidden_initial = True
            remembered = self.add_initial_prefix(name)
            if self.is_bound and f"{remembered}_0" in self.data:
                # Django looks for a date and time under one name, and would forget them when
                # it shows the form again.
                self.data = self.data.copy()  # type: ignore[attr-defined]
                self.data[remembered] = ""  # type: ignore[index]

    def columns(self) -> set[str]:
        return {field.name for field in self.instance._meta.concrete_fields}

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.instance.pk:
            untouched = self.cleaned_data.keys() & set(self.watched) - set(self.changed_data)
            for name in untouched:
                self.cleaned_data[name] = getattr(self.instance, name)
        return cleaned

    def changed_columns(self) -> list[str]:
        return [*self.columns().intersection(self.changed_data), "updated_at"]

    def save(self, commit: bool = True) -> Any:
        if commit and self.instance.pk:
            self.instance.save(update_fields=self.changed_columns())
            return self.instance
        return super().save(commit)
