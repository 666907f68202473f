"""A page used with the keyboard alone."""

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Download, FileChooser, Locator, Page, expect

# More than any page of the admin has; whoever needs more is lost.
MOST_STOPS = 120
SCRIPT = Path(__file__).with_name("keyboard.js")


@dataclass(frozen=True)
class Stop:
    number: int  # of the element, on this page; 0 is the page itself
    words: str


PAGE_ITSELF = Stop(0, "")


class Keyboard:
    """Presses keys; at every stop the focus must be visible, and nothing may hold it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_init_script(path=SCRIPT)
        # From the start: a key pressed right after the first listener opens the system's window.
        page.on("filechooser", lambda _chooser: None)

    def press(self, key: str) -> Stop:
        """Press a key that moves the focus; returns what has it then."""
        self.page.keyboard.press(key)
        stop = self.page.evaluate("keyboard.stop()")
        assert not stop["complaints"], (self.page.url, stop["complaints"])
        return Stop(stop["number"], stop["words"])

    def is_at(self, wanted: Locator) -> bool:
        return wanted.and_(self.page.locator(":focus")).count() == 1

    def tab_to(self, wanted: Locator, *, key: str = "Tab") -> None:
        """Press Tab until the focus is on `wanted`, which must be on the page already."""
        wanted.first.wait_for(state="attached")
        stops: list[str] = []
        while not self.is_at(wanted):
            stops.append(self.press(key).words)
            assert len(stops) < MOST_STOPS, (f"never came to {wanted}", stops)

    def type(self, wanted: Locator, text: str) -> None:
        """Put `text` into a field in place of what is there."""
        self.tab_to(wanted)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def follow(self, link: Locator) -> None:
        self.tab_to(link)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def send(self, button: Locator) -> None:
        self.tab_to(button)
        with self.page.expect_navigation():
            self.page.keyboard.press("Space")
        complaints = self.page.locator(".errorlist, .errornote").all_inner_texts()
        assert not complaints, complaints

    def choose(self, box: Locator, text: str) -> None:
        """Open a box, look for `text` in it and take what it finds."""
        self.tab_to(box)
        self.page.keyboard.press("Enter")
        self.page.keyboard.type(text)
        # The list before the search may hold it too; Enter takes what is marked.
        marked = self.page.locator(".select2-results__option--highlighted")
        expect(marked).to_have_text(text)
        self.page.keyboard.press("Enter")
        expect(box).to_contain_text(text)

    def attach(self, field: Locator, file: Path) -> None:
        self.tab_to(field)
        with self.page.expect_file_chooser() as opened:
            self.page.keyboard.press("Enter")
        chooser: FileChooser = opened.value
        chooser.set_files(file)

    def download(self, link: Locator) -> Path:
        self.tab_to(link)
        with self.page.expect_download() as begun:
            self.page.keyboard.press("Enter")
        saved: Download = begun.value
        return saved.path()

    def round(self, key: str) -> list[str]:
        """Press `key` until the focus has been all around the page, at each stop once."""
        stops: list[Stop] = [self.press(key)]
        while len(stops) < MOST_STOPS:
            stop = self.press(key)
            if stop in {PAGE_ITSELF, stops[0]}:
                return [one.words for one in stops]
            assert stop not in stops, ("the focus does not come out again", stop, stops)
            stops.append(stop)
        raise AssertionError(("the focus does not come around", stops))
