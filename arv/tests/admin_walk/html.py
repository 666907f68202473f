"""What a browser would post from a page, read from its HTML."""

from html.parser import HTMLParser

IGNORED = {"submit", "button", "file", "reset", "image"}


class FormReader(HTMLParser):
    """The successful controls of the form with an id."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.inside = False
        self.values: list[tuple[str, str]] = []
        self._select: tuple[str, bool] | None = None
        self._options: list[tuple[str, bool]] = []
        self._textarea: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.inside = given.get("id") == self.form_id
        name = given.get("name") or ""
        if not self.inside or "__prefix__" in name or "disabled" in given:
            return
        if tag == "input" and name and given.get("type") not in IGNORED:
            if given.get("type") not in {"checkbox", "radio"} or "checked" in given:
                self.values.append((name, given.get("value") or ""))
        elif tag == "select" and name:
            self._select, self._options = (name, "multiple" in given), []
        elif tag == "option" and self._select:
            self._options.append((given.get("value") or "", "selected" in given))
        elif tag == "textarea" and name:
            self._textarea, self._text = name, ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select" and self._select:
            name, is_multiple = self._select
            chosen = [value for value, is_selected in self._options if is_selected]
            if not chosen and not is_multiple:
                chosen = [value for value, _is_selected in self._options[:1]]
            self.values += [(name, value) for value in chosen]
            self._select = None
        elif tag == "textarea" and self._textarea:
            # The parser leaves the line break that browsers drop after the tag.
            self.values.append((self._textarea, self._text.removeprefix("\n")))
            self._textarea = None


def form_data(page: str, form_id: str) -> dict[str, list[str]]:
    """The values that the form `form_id` of the page would post."""
    reader = FormReader(form_id)
    reader.feed(page)
    data: dict[str, list[str]] = {}
    for name, value in reader.values:
        if name != "csrfmiddlewaretoken":
            data.setdefault(name, []).append(value)
    return data
