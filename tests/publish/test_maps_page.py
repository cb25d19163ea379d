"""Check that a page is sealed: one file, hashed scripts, the same bytes twice, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path

import folium
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import LayerError, SourceError
from pipeline.publish import assets
from pipeline.publish.leaflet import (
    OfflineMap,
    OfflinePage,
    embed_json,
    html_element,
    script_element,
    seal,
)


def small_page() -> OfflinePage:
    page = OfflinePage(title="a < b")
    one = OfflineMap(label='布局 "{{ 7*7 }}"', location=(31.2, 121.5), zoom_start=10)
    folium.CircleMarker([31.2, 121.4], radius=5).add_to(one)
    page.add_child(one)
    return page


def test_two_builds_give_the_same_bytes() -> None:
    assert small_page().render() == small_page().render()
    page = small_page()
    assert page.render() == page.render()


def test_every_script_is_allowed_by_its_hash_and_no_other() -> None:
    document = small_page().render()
    scripts = re.findall(r"<script>(.*?)</script>", document, flags=re.DOTALL)
    policy = re.search(r'content="(default-src[^"]*)"', document)
    assert policy is not None
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts}
    script_rule = re.search(r"script-src ([^;]*)", policy[1])
    assert script_rule is not None
    assert set(re.findall(r"'sha256-([^']+)'", script_rule[1])) == hashes
    assert "unsafe" not in policy[1]
    assert "default-src 'none'" in policy[1]


def test_texts_are_escaped_and_never_read_as_templates() -> None:
    document = small_page().render()
    assert "<title>a &lt; b</title>" in document
    assert html.unescape(re.findall(r'aria-label="([^"]*)"', document)[0]) == '布局 "{{ 7*7 }}"'


@pytest.mark.parametrize(
    "markup",
    [
        '<script src="https://example.org/x.js"></script>',
        '<link rel="stylesheet" href="style.css">',
        '<img src="picture.png">',
        '<p onclick="run()">x</p>',
        '<p style="color:red">x</p>',
    ],
)
def test_what_would_be_fetched_or_blocked_is_refused(markup: str) -> None:
    page = OfflinePage(title="x")
    page.after.add_child(html_element(markup))
    with pytest.raises(LayerError):
        page.render()


def test_tiles_and_plugins_from_the_network_are_refused() -> None:
    page = small_page()
    page.header.add_child(folium.JavascriptLink("https://example.org/plugin.js"))
    with pytest.raises(LayerError, match=r"example\.org"):
        page.render()


def test_a_script_cannot_end_its_own_element() -> None:
    with pytest.raises(ValueError, match="script"):
        script_element("const x = '</SCRIPT>';")


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=6))
def test_embedded_json_is_safe_and_comes_back(value: object) -> None:
    import json

    text = embed_json({"value": value})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"value": value}


def test_nothing_found_must_be_null_not_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        embed_json({"gap": float("nan")})


def test_seal_keeps_the_rest_of_the_document() -> None:
    document = "<!-- content security policy --><style>p{}</style><script>1</script>x"
    assert seal(document).endswith("<style>p{}</style><script>1</script>x")


def test_what_pages_share_is_sealed_and_refused_as_what_is_their_own() -> None:
    shared = "<style>p{}</style>\n<script>1</script>"
    document = f"<!-- content security policy -->{shared}\n<script>2</script>"
    assert seal(document, shared=shared) == seal(document)
    fetching = '<p></p>\n<img src="https://example.org/x.png">'
    with pytest.raises(LayerError, match="example") as alone:
        seal(f"<b>\n</b>{fetching}")
    with pytest.raises(LayerError) as apart:
        seal(f"<b>\n</b>{fetching}", shared=fetching)
    assert str(apart.value) == str(alone.value)  # the row is that of the document


def test_missing_assets_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        assets.vendor_bytes("leaflet.js", tmp_path)
    text = str(caught.value)
    assert "python -m pipeline.publish.assets" in text
    assert "尚未安装" in text
    assert "not installed" in text


def test_changed_assets_are_refused_and_replaced(tmp_path: Path) -> None:
    for name in assets.pinned():
        (tmp_path / name).write_bytes(assets.vendor_bytes(name))
    assert assets.missing_or_changed(tmp_path) == []
    assert assets.install(tmp_path) is False
    (tmp_path / "leaflet.css").write_text("changed")
    assert assets.missing_or_changed(tmp_path) == ["leaflet.css"]
    with pytest.raises(SourceError, match=r"leaflet\.css"):
        assets.vendor_bytes("leaflet.css", tmp_path)


def test_the_lock_pins_integrity_and_no_address() -> None:
    import json

    lock = json.loads(assets.own_text("package-lock.json"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    wanted = json.loads(assets.own_text("package.json"))["dependencies"]
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert "http" not in assets.own_text("package-lock.json")


def test_styles_carry_their_pictures() -> None:
    style = assets.vendor_style("leaflet.css")
    assert "url(images/" not in style
    assert style.count("url(data:image/png;base64,") == 3
