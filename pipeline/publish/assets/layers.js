// Put the layers on the maps: ground, metro, facilities, footprints, symbols and names.
"use strict";

(() => {
  const P = globalThis.parkgap;
  const CLOSE = 12.75;

  const pane = (map, name, level) => {
    map.createPane(name).style.zIndex = level;
    return new P.Canvas({ pane: name, padding: 0.3 });
  };

  P.addGround = (app, map) => {
    const canvas = pane(map, "ground", 200);
    const { colours } = app;
    for (const row of app.districts) {
      L.polygon(P.polygons(row.packed, app.scale), {
        renderer: canvas, interactive: false, color: colours.outline, weight: 1,
        fillColor: colours.land, fillOpacity: 1,
      }).addTo(map);
    }
    const metro = pane(map, "metro", 210);
    for (const row of app.lines) {
      L.polyline(P.lines(row.packed, app.scale), {
        renderer: metro, interactive: false, color: colours.metro, weight: 1.6, opacity: 0.75,
        smoothFactor: 1.5, dashArray: row.status === "operating" ? null : "4 4",
      }).addTo(map);
    }
  };

  const facilityPaint = (app, service, row) => {
    const colour = app.colours.facility[service];
    const open = row.status === null || row.status === undefined || row.status === "operating";
    const planned = row.status === "planned";
    return {
      color: service === "rail" || !open ? colour : "#fff",
      weight: service === "rail" ? 1.4 : 1,
      dashArray: planned ? "1.5 2" : open ? null : "3 2",
      fillColor: open && service !== "rail" ? colour : "#fff",
      fillOpacity: planned || row.counted === false ? 0.4 : 0.95,
    };
  };

  /** One group for each layer that a reader can switch, on each map. */
  P.addFacilities = (app, map) => {
    const canvas = pane(map, "facilities", 430);
    const groups = {};
    const marks = { rail: ["circle", 2.6], hospital: ["cross", 5.5], school: ["pennant", 5] };
    for (const [service, rows] of Object.entries(app.facilities)) {
      for (const row of rows) {
        if (!row.packed) continue;
        const key = service === "rail" && row.status !== "operating" ? "rail_future" : service;
        const [glyph, radius] = marks[service];
        const mark = new P.Glyph(P.chain(row.packed, app.scale)[0], {
          renderer: canvas, interactive: false, glyph, radius,
          ...facilityPaint(app, service, row),
        });
        mark.facility = { ...row, service };
        (groups[key] ||= L.layerGroup()).addLayer(mark);
      }
    }
    return groups;
  };

  const footprintPaint = (app, place, row, side) => {
    const indicative = place.boundary_class === "indicative" || place.boundary_class === "none";
    const dashed = indicative ? "5 4" : null;
    if (side === "layout") {
      const colour = app.colours.tier[place.tier] || "#555";
      return {
        color: colour, weight: 1.4, dashArray: dashed, fill: true, fillColor: colour,
        fillOpacity: indicative ? 0.22 : 0.28, hatch: indicative ? 0.15 : 0,
      };
    }
    const colour = P.gapColour(app, row ? row.gap : null);
    return {
      color: row && row.gap !== null && P.classOf(app, row.gap) > 1 ? colour : "#8a7a5a",
      weight: 1.4, dashArray: dashed, fill: true, fillColor: colour,
      fillOpacity: 0.75, hatch: P.estimated(row) ? 0.3 : 0,
    };
  };

  P.drawFootprints = (app, side) => {
    const map = app.maps[side];
    app.canvases ||= {};
    app.canvases[side] ||= pane(map, "footprints", 400);
    app.footprints ||= {};
    app.footprints[side]?.remove();
    const group = L.layerGroup();
    const drawn = app.places.filter((place) => place.packed && app.visible(place));
    drawn.sort((a, b) => (b.planned_area_km2 ?? 0) - (a.planned_area_km2 ?? 0));
    for (const place of drawn) {
      const row = app.gapOf(place.place_id, app.state.service);
      const shape = L.polygon(P.polygons(place.packed, app.scale), {
        renderer: app.canvases[side], interactive: false,
        ...footprintPaint(app, place, row, side),
      });
      shape.place = place;
      group.addLayer(shape);
    }
    app.footprints[side] = group.addTo(map);
  };

  const symbolOf = (app, place, side) => {
    const size = P.size(place);
    if (side === "layout") return P.tierSymbol(app, place, size);
    return P.gapSymbol(app, P.kind(place), app.gapOf(place.place_id, app.state.service), size);
  };

  const spoken = (app, place, side) => {
    const name = P.pick(place.name_zh, place.name_en);
    if (side === "layout") return `${name}, ${P.wordText(app, place.tier)}`;
    const row = app.gapOf(place.place_id, app.state.service);
    const gap = row && row.gap !== null ? P.gap(row.gap) : P.pick("无数据", "no data");
    return `${name}, ${P.wordText(app, app.state.service)}: ${gap}`;
  };

  const addSymbol = (app, map, side, group, item, zoom) => {
    const { place } = item;
    const icon = L.divIcon({
      html: symbolOf(app, place, side), className: "place-symbol",
      iconSize: [item.size, item.size], iconAnchor: [item.size / 2, item.size / 2],
    });
    const spot = map.unproject([item.x, item.y], zoom);
    app.symbolAt[side][place.place_id] = spot;
    const marker = L.marker(spot, { icon, keyboard: true, riseOnHover: true });
    marker.on("click", () => app.select(place.place_id, side));
    marker.on("keypress", (event) => {
      if (event.originalEvent.key === "Enter") app.select(place.place_id, side);
    });
    marker.on("add", () => {
      const element = marker.getElement();
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", spoken(app, place, side));
      element.title = spoken(app, place, side);
      element.dataset.place = place.place_id;
      element.classList.toggle("selected", app.state.selected === place.place_id);
    });
    group.addLayer(marker);
  };

  const addNames = (map, group, names, zoom) => {
    for (const name of names) {
      const lines = name.lines.map(({ item, text }) =>
        P.h("div", { class: `name of-${P.kind(item.place)}` }, text),
      );
      const block = P.h("div", { class: `names at-${name.side}` }, lines);
      const icon = L.divIcon({
        html: block, className: "name-block",
        iconSize: [name.x1 - name.x0, name.y1 - name.y0], iconAnchor: [0, 0],
      });
      const spot = map.unproject([name.x0, name.y0], zoom);
      group.addLayer(L.marker(spot, { icon, interactive: false, keyboard: false, pane: "names" }));
    }
  };

  const addQuietNames = (map, group, quiet, zoom) => {
    for (const { text, at, kind } of quiet) {
      const icon = L.divIcon({
        html: P.h("div", {}, text), className: `quiet-name of-${kind}`, iconSize: [200, 16],
      });
      const spot = map.unproject(at, zoom);
      group.addLayer(L.marker(spot, { icon, interactive: false, keyboard: false, pane: "districts" }));
    }
  };

  const redrawn = (app, store, side) => {
    app[store] ||= {};
    app[store][side]?.remove();
    app[store][side] = L.layerGroup().addTo(app.maps[side]);
    return app[store][side];
  };

  const districtNames = (app, map) =>
    app.districts
      .filter((row) => row.lon !== null && row.lon !== undefined)
      .map((row) => ({
        text: P.pick(row.name_zh, row.name_en), kind: "district",
        at: map.project([row.lat, row.lon], map.getZoom()),
      }));

  /** Facilities have names only close up, and only those in view. */
  const facilityNames = (app, map, side) => {
    if (map.getZoom() < CLOSE) return [];
    const bounds = map.getBounds();
    return Object.entries(app.facilityGroups[side])
      .filter(([key]) => app.state.layers.includes(key))
      .flatMap(([, group]) => group.getLayers())
      .filter((mark) => bounds.contains(mark.getLatLng()))
      .map((mark) => ({
        text: P.pick(mark.facility.name_zh, mark.facility.name_en), kind: mark.facility.service,
        at: map.project(mark.getLatLng(), map.getZoom()).add([0, 14]),
      }));
  };

  /** Write names anew: after every move, since they keep inside the view. */
  P.drawNames = (app, side) => {
    const map = app.maps[side];
    const zoom = map.getZoom();
    if (!map.getPane("names")) map.createPane("names").style.zIndex = 590;
    if (!map.getPane("districts")) map.createPane("districts").style.zIndex = 220;
    const bounds = map.getPixelBounds();
    const view = {
      x0: bounds.min.x + 2, x1: bounds.max.x - 2, y0: bounds.min.y + 2, y1: bounds.max.y - 2,
    };
    const quietly = [...districtNames(app, map), ...facilityNames(app, map, side)];
    const { names, quiet } = P.arrangeNames(app.spots[side], quietly, zoom >= 12, view);
    const layer = redrawn(app, "names", side);
    addNames(map, layer, names, zoom);
    addQuietNames(map, layer, quiet, zoom);
  };

  /** Draw symbols and names anew: after a zoom, a change of service, language or layers. */
  P.drawSymbols = (app, side) => {
    const map = app.maps[side];
    const zoom = map.getZoom();
    const places = app.places.filter((place) => place.latlng && app.visible(place));
    app.symbolAt ||= {};
    app.symbolAt[side] = {};
    app.spots ||= {};
    app.spots[side] = P.arrange(map, zoom, places);
    const layer = redrawn(app, "symbols", side);
    for (const group of app.spots[side]) {
      for (const item of group.members) addSymbol(app, map, side, layer, item, zoom);
    }
    P.drawNames(app, side);
  };

  /** Say which facility or footprint lies under a point of the screen. */
  P.under = (app, side, event) => {
    const map = app.maps[side];
    const point = event.layerPoint;
    const groups = Object.entries(app.facilityGroups[side]);
    for (const [key, group] of groups) {
      if (!app.state.layers.includes(key)) continue;
      const hit = group.getLayers().find((mark) => mark._map && mark._containsPoint(point));
      if (hit) return { facility: hit.facility, latlng: hit.getLatLng() };
    }
    const shapes = app.footprints[side].getLayers().reverse();
    const hit = shapes.find((shape) => shape._map === map && shape._containsPoint(point));
    return hit ? { place: hit.place } : null;
  };
})();
