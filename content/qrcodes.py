"""QR codes that lead to an AR page (segno; ISO/IEC 18004)."""

import io

import segno

# M restores 15 % of the symbol: a scratched or folded print still scans. segno raises the
# level for free when the symbol's size allows it. Four modules of quiet zone is the standard's.
LEVEL = "m"
QUIET_ZONE = 4


def _symbol(url: str) -> segno.QRCode:
    return segno.make(url, error=LEVEL, boost_error=True, micro=False)


def png(url: str, *, scale: int = 12) -> bytes:
    """A black-on-white PNG; `scale` is pixels a module."""
    out = io.BytesIO()
    _symbol(url).save(out, kind="png", scale=scale, border=QUIET_ZONE)
    return out.getvalue()


def svg(url: str) -> bytes:
    """An SVG for print, sized by its view box, with a white ground."""
    out = io.BytesIO()
    _symbol(url).save(
        out, kind="svg", scale=1, border=QUIET_ZONE, light="#fff", omitsize=True, xmldecl=True
    )
    return out.getvalue()


def modules(url: str) -> list[list[bool]]:
    """The symbol's rows, True where it is dark, without the quiet zone."""
    return [[bool(module) for module in row] for row in _symbol(url).matrix]


def terminal(url: str) -> str:
    """Half-block characters for a terminal with a dark or a light ground."""
    out = io.StringIO()
    _symbol(url).terminal(out, border=QUIET_ZONE, compact=True)
    return out.getvalue()
