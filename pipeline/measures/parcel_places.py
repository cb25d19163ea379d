"""Join parcels to the places of the register by what people write in the park column."""

from __future__ import annotations

import difflib

import pandas as pd


def registered(written: pd.Series, places: pd.DataFrame) -> pd.Series:
    """Turn ids and names of places into ids.

    Parameters
    ----------
    written
        What the parcel table says: a `place_id`, or a name in Chinese or English.
    places
        Register with `place_id`, `name_zh` and `name_en`.

    Returns
    -------
    The `place_id` on the index of `written`; what the register does not know stays as written, so
    that its parcels can still be summed. A name that two places bear stays as well.
    """
    names = pd.concat([places["name_zh"], places["name_en"]]).astype("string").str.strip()
    ids = pd.concat([places["place_id"]] * 2).astype("string")
    table = pd.DataFrame({"name": names.to_numpy(), "id": ids.to_numpy()}).dropna()
    table = table.drop_duplicates().drop_duplicates("name", keep=False)
    by_name = table.set_index("name")["id"]
    text = written.astype("string").str.strip()
    known = text.isin(places["place_id"])
    return text.where(known, text.map(by_name).astype("string")).fillna(text)


def strangers(written: pd.Series, places: pd.DataFrame) -> list[str]:
    """List the parks that the register does not know, sorted."""
    text = registered(written, places).dropna()
    return sorted(text[~text.isin(places["place_id"])].unique())


def nearest_place(name: str, places: pd.DataFrame) -> str | None:
    """Give the registered name that looks most like the one written; None when none does."""
    names = pd.concat([places["name_zh"], places["name_en"], places["place_id"]]).dropna()
    near = difflib.get_close_matches(name, names.astype(str).tolist(), n=1)
    return near[0] if near else None


def island_by_place(ranks: pd.DataFrame) -> pd.DataFrame:
    """Give the island effect of each place in one row.

    Parameters
    ----------
    ranks
        Scores by `place_id` and `theme` with `score`, `p_adjusted` and `rank`; without those
        columns or without rows nothing was measured.

    Returns
    -------
    `place_id` and, for each theme, `<theme>_score`, `<theme>_p_adjusted` and `<theme>_rank`.
    """
    if "theme" not in ranks.columns or ranks.empty:
        return pd.DataFrame({"place_id": pd.Series(dtype="str")})
    parts = [
        rows.set_index("place_id")[["score", "p_adjusted", "rank"]].add_prefix(f"{theme}_")
        for theme, rows in ranks.groupby("theme", sort=True)
    ]
    return pd.concat(parts, axis=1).sort_index().rename_axis("place_id").reset_index()
