// Lay an online base map under the layers, where a study asks for one; without it nothing is lost.
"use strict";

(() => {
  const P = globalThis.parkgap;
  const PATIENCE = 4;
  const NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

  /** Add one layer of tiles; give it up when the first tiles fail and none came. */
  const add = (map, url, maxZoom) => {
    const layer = L.tileLayer(url, {
      pane: "tiles", maxNativeZoom: maxZoom, maxZoom: 22, errorTileUrl: NOTHING,
    });
    let arrived = false;
    let failed = 0;
    layer.on("tileload", (event) => {
      if (event.tile.src === NOTHING) return;
      arrived = true;
      map.getContainer().classList.add("with-tiles");
    });
    layer.on("tileerror", () => {
      failed += 1;
      if (!arrived && failed === PATIENCE) layer.remove();
    });
    layer.addTo(map);
  };

  P.addTiles = (app, map) => {
    if (!app.tiles) return;
    map.createPane("tiles").style.zIndex = 150;
    const start = () => app.tiles.urls.forEach((url) => add(map, url, app.tiles.maxZoom));
    if (navigator.onLine) start();
    else window.addEventListener("online", start, { once: true });
  };
})();
