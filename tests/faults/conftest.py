"""Fixtures for what is looked at in a browser."""

from __future__ import annotations

from tests.browser.conftest import chromium, open_offline

__all__ = ["chromium", "open_offline"]
