"""Render folium maps as one file that asks the network for nothing."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from html import escape
from html.parser import HTMLParser
from typing import Any

import folium
from branca.element import Element, Figure, MacroElement
from folium.template import Template

from pipeline.errors import LayerError, Problem
from pipeline.publish import assets

POLICY_MARK = "<!-- content security policy -->"
#: A comment, a script or a style with its content, or a tag with its attributes.
_ATTRIBUTES = r"(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>"
_MARKUP = re.compile(
    r"<!--(?:[^-]++|-(?!->))*+-->"
    rf"|<(script|style)\b{_ATTRIBUTES}(?:[^<]++|<(?!/\1))*+</\1\s*>"
    rf"|<{_ATTRIBUTES}",
    re.IGNORECASE,
)


class OfflinePage(Figure):
    """A whole HTML document around one or more maps.

    `before` and `after` hold what stands above and below the maps inside the body. The policy of
    the page allows exactly the scripts and styles written into it, pictures in ``data:``
    addresses, and nothing else; `image_hosts` adds hosts of map tiles.
    """

    _template = Template(
        "<!DOCTYPE html>\n"
        '<html lang="zh-CN" data-lang="{{ this.language }}">\n'
        "<head>\n"
        '<meta charset="utf-8">\n' + POLICY_MARK + "\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="{{ this.referrer }}">\n'
        '<link rel="icon" href="data:,">\n'
        "<title>{{ this.title | e }}</title>\n"
        "{{ this.header.render(**kwargs) }}\n"
        "</head>\n"
        "<body>\n"
        "{{ this.before.render(**kwargs) }}\n"
        '<main id="stage">{{ this.html.render(**kwargs) }}</main>\n'
        "{{ this.after.render(**kwargs) }}\n"
        "<script>{{ this.script.render(**kwargs) }}</script>\n"
        "</body>\n"
        "</html>\n"
    )

    def __init__(
        self, *, title: str, language: str = "zh", image_hosts: tuple[str, ...] = ()
    ) -> None:
        super().__init__(title=title)
        self.language = language
        self.image_hosts = image_hosts
        # servers of tiles refuse pages that do not say where they come from
        self.referrer = "strict-origin-when-cross-origin" if image_hosts else "no-referrer"
        self.header = Element()  # branca's own repeats the character set, after the title
        self.before = Element()
        self.after = Element()
        for part in (self.header, self.before, self.after):
            part._parent = self  # noqa: SLF001 (branca's way to make a part know its page)
        self.header.add_child(script_element(assets.vendor_text("leaflet.js")), name="leaflet")
        self.header.add_child(style_element(assets.vendor_style("leaflet.css")), name="leaflet css")

    def render(self, **kwargs: Any) -> str:  # noqa: ANN401
        """Give the document: the same bytes for the same content, sealed by its policy.

        Raises
        ------
        LayerError
            Something on the page would be fetched when it is viewed.
        """
        settle_ids(self)
        document = super().render(**kwargs)
        return seal(document, image_hosts=self.image_hosts, shared=self.header.render())


class Finished(MacroElement):
    """An element whose macros are written as they are: branca would compile each as a template."""

    def render(self, **kwargs: Any) -> str:  # noqa: ANN401
        """Write what the macros of the template give into the page; itself it is nothing."""
        page = self.get_root()
        for name in ("html", "script"):
            macro = getattr(self._template.module, name, None)
            if macro is not None:
                element = html_element(macro(self, kwargs))
                getattr(page, name).add_child(element, name=self.get_name())
        for child in self._children.values():
            child.render(**kwargs)
        return ""


class OfflineMap(Finished, folium.Map):
    """A folium map on Leaflet alone: no jQuery, no Bootstrap, no web fonts, no tiles."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 (folium's own declaration)
    default_css: list[tuple[str, str]] = []  # noqa: RUF012

    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div class="folium-map" id={{ this.get_name()|tojson }}
             role="application" aria-label="{{ this.label }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
            center: {{ this.location|tojson }},
            crs: L.CRS.{{ this.crs }},
            ...{{ this.options|tojavascript }}
        });
        {% endmacro %}
        """
    )

    def __init__(self, *, label: str, location: tuple[float, float], **options: Any) -> None:  # noqa: ANN401
        super().__init__(location=list(location), tiles=None, **options)
        self.label = escape(label)
        self._parent = None  # type: ignore[assignment] # folium made a page of its own


def script_element(code: str) -> Element:
    """Wrap a script for a page; refuse code that would end its own element early."""
    return _RawElement(_wrapped(code, "script"))


def style_element(code: str) -> Element:
    """Wrap a style sheet for a page; refuse one that would end its own element early."""
    return _RawElement(_wrapped(code, "style"))


def html_element(markup: str) -> Element:
    """Wrap finished markup, whose texts the caller has escaped."""
    return _RawElement(markup)


def data_element(name: str, content: str, kind: str) -> Element:
    """Wrap data that scripts read by the element's id and the browser never runs."""
    opening = f'<script type="{escape(kind)}" id="{escape(name)}">'
    return _RawElement(f"{opening}{_cannot_close(content, 'script')}</script>")


def embed_json(value: object) -> str:
    """Write JSON that is safe inside a script element.

    NaN and infinity are refused (ValueError): nothing found is null.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def settle_ids(root: Element) -> None:
    """Count through the elements of a tree in order, so that two builds give the same bytes."""
    pending = list(root._children.values())  # noqa: SLF001
    number = 0
    while pending:
        element = pending.pop(0)
        number += 1
        element._id = f"{number:04d}"  # noqa: SLF001 (branca draws it at random)
        pending.extend(element._children.values())  # noqa: SLF001


def seal(document: str, *, image_hosts: tuple[str, ...] = (), shared: str = "") -> str:
    """Write the policy into a document: the hashes of its own scripts and styles, nothing else.

    `image_hosts` are the only hosts, as scheme and name, from which pictures may come; `shared` is
    the part of the document that others have too, whole elements, which is read once for all.

    Raises
    ------
    LayerError
        An element refers to something outside the document, or carries inline code that a
        strict policy would block.
    """
    known = _elements(shared)
    own = document.replace(shared, "", 1) if shared else document
    reader = _read(_each_once(own))
    if known.problems or reader.problems:
        raise LayerError(*_read(document).problems)  # with the rows of the document
    policy = "; ".join(
        [
            "default-src 'none'",
            "script-src " + " ".join(_hashes(reader.scripts + known.scripts)),
            "style-src " + " ".join(_hashes(reader.styles + known.styles)),
            " ".join(["img-src data: blob:", *image_hosts]),
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return document.replace(POLICY_MARK, meta, 1)


def _hashes(texts: list[str]) -> list[str]:
    digests = {_digest(text) for text in texts}
    return [f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in sorted(digests)]


@functools.lru_cache
def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()


@functools.lru_cache(maxsize=4)
def _elements(text: str) -> _Reader:
    return _read(_each_once(text))


def _read(markup: str) -> _Reader:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader


def _each_once(markup: str) -> str:
    """Leave one of all tags that are alike, and no text: what can fetch is in them alone.

    Scripts, styles and comments are kept whole. Markup of which that leaves anything that might
    be a tag is given back as it is.
    """
    rest = _MARKUP.sub("", markup)
    return (
        markup
        if "<" in rest
        else "".join(dict.fromkeys(hit[0] for hit in _MARKUP.finditer(markup)))
    )


class _RawElement(Element):
    """An element of finished text: branca would read the text as a template."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def render(self, **kwargs: Any) -> str:  # noqa: ANN401, ARG002 (branca's signature)
        return self._text


class _Reader(HTMLParser):
    """Collect what a policy must allow, and what no policy should."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.problems: list[Problem] = []
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        table = dict(attrs)
        self._into = None
        if tag == "style":
            self._into = self.styles
        elif tag == "script" and table.get("type") in (None, "text/javascript"):
            self._into = self.scripts
        if self._into is not None:
            self._into.append("")
        for name, value in attrs:
            self._inspect(tag, name, value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data

    def _inspect(self, tag: str, name: str, value: str) -> None:
        fetched = (name in ("src", "srcset", "data", "poster")) or (
            name == "href" and tag in ("link", "use", "image", "base")
        )
        if fetched and not value.startswith(("data:", "#")):
            self._refuse(f"<{tag} {name}> 会请求 {value}", f"<{tag} {name}> would fetch {value}")
        if name == "style" or name.startswith("on"):
            self._refuse(f"<{tag}> 含内联 {name}", f"<{tag}> carries an inline {name}")

    def _refuse(self, zh: str, en: str) -> None:
        self.problems.append(
            Problem(
                zh=zh,
                en=en,
                row=self.getpos()[0],
                rule="one file, no request",
                remedy_zh="改用 pipeline.publish.assets 中的组件或 data: 地址",
                remedy_en="use a component of pipeline.publish.assets or a data: address",
            )
        )


@functools.cache
def _wrapped(code: str, tag: str) -> str:
    """Write code into its element; it is the same in all pages of a run."""
    return f"<{tag}>{_cannot_close(code, tag)}</{tag}>"


def _cannot_close(code: str, tag: str) -> str:
    lowered = code.lower()
    if f"</{tag}" in lowered or "<!--" in lowered:
        msg = f"the text would end its own <{tag}> element"
        raise ValueError(msg)
    return code
