// Keep what a reader chose in the address, so that a link shows the same view.
"use strict";

(() => {
  const P = globalThis.parkgap;

  P.readHash = () => {
    const given = new URLSearchParams(window.location.hash.slice(1));
    const state = {};
    const at = (given.get("at") || "").split("/").map(Number);
    if (at.length === 3 && at.every(Number.isFinite)) {
      const [zoom, lat, lon] = at;
      if (Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && zoom >= 0 && zoom <= 18) {
        state.view = { zoom, lat, lon };
      }
    }
    const split = Number(given.get("split") ?? NaN);
    if (split >= 0 && split <= 100) state.split = split;
    if (["zh", "en"].includes(given.get("lang"))) state.lang = given.get("lang");
    if (["dual", "swipe", "layout", "gaps"].includes(given.get("mode"))) state.mode = given.get("mode");
    for (const key of ["service", "selected", "tab"]) {
      if (given.get(key)) state[key] = given.get(key);
    }
    if (given.has("layers")) state.layers = given.get("layers").split(",").filter(Boolean);
    return state;
  };

  P.writeHash = (app) => {
    const map = app.state.mode === "gaps" ? app.maps.gaps : Object.values(app.maps)[0];
    const { lat, lng } = map.getCenter();
    const { service, mode, split, lang, selected, layers, tab } = app.state;
    const parts = {
      at: `${map.getZoom()}/${lat.toFixed(4)}/${lng.toFixed(4)}`,
      service: service ?? "", mode, split, lang, tab, layers: layers.join(","),
    };
    if (selected) parts.selected = selected;
    const text = Object.entries(parts)
      .map(([key, value]) => `${key}=${encodeURIComponent(value).replace(/%2[CF]/g, decodeURIComponent)}`)
      .join("&");
    window.history.replaceState(null, "", `#${text}`);
  };
})();
