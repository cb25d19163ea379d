// Start the overview: the layout on one map, the gaps on the other, one state behind both.
"use strict";

(() => {
  const P = globalThis.parkgap;

  const tabs = [
    ["legend", "图例", "Legend", (app) => P.legend(app)],
    ["ranking", "排名", "Ranking", (app) => P.ranking(app)],
    ["summary", "汇总", "Summary", (app) => P.summary(app)],
    ["layers", "图层", "Layers", (app) => P.layerSwitches(app)],
    ["notes", "说明", "Notes", (app) => P.notes(app)],
  ];

  /** Kinds of places that are there to be switched on. */
  const aside = ["comparator", "policy"];

  const keyed = (rows, key) => new Map(rows.map((row) => [key(row), row]));

  const readData = (app, data) => {
    app.scale = data.scale;
    app.places = P.rows(data.places);
    for (const place of app.places) {
      place.latlng = place.lon === null || place.lat === null ? null : L.latLng(place.lat, place.lon);
    }
    P.addOrders(app.places);
    app.places.sort((a, b) => P.rank(a) - P.rank(b));
    const gaps = keyed(P.rows(data.gaps), (row) => `${row.place_id}\n${row.service}`);
    app.gapOf = (id, service) => gaps.get(`${id}\n${service}`) ?? null;
    const access = P.rows(data.access);
    app.accessOf = (id, service) =>
      access.filter((row) => row.place_id === id && row.service === service);
    app.districts = P.rows(data.districts);
    app.lines = P.rows(data.lines);
    app.facilities = {
      rail: P.rows(data.rail), hospital: P.rows(data.hospital), school: P.rows(data.school),
    };
    app.standards = keyed(P.rows(data.standards), (row) => row.standard_id);
    const targets = app.places.flatMap((place) => app.years.map((year) => P.target(place, year)));
    app.largestTarget = Math.max(1, ...targets.filter((value) => value !== null && value !== undefined));
  };

  const firstState = (app) => {
    const given = P.readHash();
    const state = {
      service: app.first.service, mode: app.first.mode, lang: app.first.language, split: 50,
      selected: null, side: "gaps", tab: "legend",
      layers: P.order.filter((kind) => !aside.includes(kind)),
      ...given,
    };
    if (!app.services.includes(state.service)) [state.service] = app.services;
    if (!tabs.some(([key]) => key === state.tab)) state.tab = "legend";
    if (!given.layers && app.facilities[state.service]) state.layers.push(state.service);
    if (!app.places.some((place) => place.place_id === state.selected)) state.selected = null;
    return state;
  };

  const setUpControls = (app) => {
    P.radios(app, document.getElementById("services"), "service",
      app.services.map((service) => [service, P.word(app, service)]), app.state.service);
    P.radios(app, document.getElementById("modes"), "mode", [
      ["dual", P.t("并排", "Side by side")], ["swipe", P.t("卷帘", "Swipe")],
      ["layout", P.t("布局", "Layout")], ["gaps", P.t("缺口", "Gaps")],
    ], app.state.mode);
    document.getElementById("language").addEventListener("click", () =>
      app.set({ lang: P.language() === "zh" ? "en" : "zh" }));
    document.getElementById("print").addEventListener("click", () => window.print());
    document.getElementById("home").addEventListener("click", () => app.maps.layout.fitBounds(app.bounds, P.margins));
    document.getElementById("menu").addEventListener("click", (event) => {
      const open = document.body.classList.toggle("panel-open");
      event.currentTarget.setAttribute("aria-expanded", String(open));
    });
    document.getElementById("close").addEventListener("click", () => app.set({ selected: null }));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && app.state.selected) app.set({ selected: null });
    });
  };

  const drawRoute = (app, place) => {
    for (const route of app.routes || []) route.remove();
    app.routes = [];
    const row = place ? app.gapOf(place.place_id, app.state.service) : null;
    if (!place?.latlng) return;
    for (const map of Object.values(app.maps)) {
      app.routes.push(L.circleMarker(place.latlng, {
        radius: 3, color: "#111", weight: 2, fillColor: "#fff", fillOpacity: 1, interactive: false,
      }).addTo(map));
      if (!row || row.nearest_lon === null || row.nearest_lon === undefined) continue;
      const target = [row.nearest_lat, row.nearest_lon];
      const path = row.route ? P.lines(row.route, app.scale) : [place.latlng, target];
      app.routes.push(
        L.polyline(path, {
          color: "#111", weight: 2.2, dashArray: row.route ? null : "6 5", interactive: false,
        }).addTo(map),
        L.circleMarker(target, {
          radius: 6, color: "#111", weight: 2, fillColor: "#ffd54a", fillOpacity: 1, interactive: false,
        }).addTo(map),
      );
    }
    drawLeaders(app, place);
  };

  /** Lead from a symbol that was moved aside to where its place truly is. */
  const drawLeaders = (app, place) => {
    for (const [side, map] of Object.entries(app.maps)) {
      const spot = app.symbolAt?.[side]?.[place.place_id];
      if (!spot) continue;
      app.routes.push(L.polyline([spot, place.latlng], {
        color: "#111", weight: 1, dashArray: "1 3", interactive: false,
      }).addTo(map));
    }
  };

  const showCard = (app) => {
    const card = document.getElementById("card");
    const place = app.places.find((one) => one.place_id === app.state.selected) ?? null;
    drawRoute(app, place);
    const content = place ? P.placeCard(app, place, app.state.side)
      : app.facilityShown ? P.facilityCard(app, app.facilityShown) : null;
    card.hidden = content === null;
    if (content) {
      document.getElementById("card-body").replaceChildren(...content.flat(Infinity).filter(Boolean));
      document.getElementById("card-body").scrollTop = 0;
    }
    for (const element of document.querySelectorAll(".place-symbol")) {
      element.classList.toggle("selected", element.dataset.place === app.state.selected);
    }
    if (place) clearOfCard(app, card);
  };

  /** Move the map when the card lies over the place that it is about. */
  const clearOfCard = (app, card) => {
    const side = P.shownSide(app);
    const symbol = app.maps[side].getContainer().querySelector(".place-symbol.selected");
    if (!symbol || card.hidden) return;
    const box = card.getBoundingClientRect();
    const stage = document.getElementById("stage").getBoundingClientRect();
    const at = symbol.getBoundingClientRect();
    const x = at.left + at.width / 2;
    const y = at.top + at.height / 2;
    const clear = 24;
    const over = x > box.left - clear && x < box.right + clear && y > box.top - clear;
    if (over) app.maps[side].panBy([0, y - (stage.top + box.top) / 2], { animate: false });
  };

  const showFacilities = (app) => {
    for (const [side, groups] of Object.entries(app.facilityGroups)) {
      for (const [key, group] of Object.entries(groups)) {
        const wanted = app.state.layers.includes(key);
        if (wanted !== app.maps[side].hasLayer(group)) {
          if (wanted) group.addTo(app.maps[side]);
          else group.remove();
        }
      }
    }
  };

  const sides = ["layout", "gaps"];
  const drawPlaces = (app) => {
    for (const side of sides) {
      P.drawFootprints(app, side);
      P.drawSymbols(app, side);
    }
  };

  /** Draw again only what a change of state touches. */
  const refresh = (app, changed) => {
    const any = (...keys) => keys.some((key) => key in changed);
    if (any("lang")) P.speak(app.state.lang);
    if (any("mode")) P.showMode(app);
    if (any("split")) P.showSplit(app);
    if (any("layers")) showFacilities(app);
    if (any("service", "layers")) drawPlaces(app);
    else if (any("lang")) for (const side of sides) P.drawSymbols(app, side);
    if (any("service", "lang", "layers", "tab")) P.fillTabs(app);
    if (any("service", "selected", "lang", "facility")) showCard(app);
    document.getElementById("gap-title").replaceChildren(
      ...(app.hintsOf[app.state.service] ? [] : P.t("服务缺口：", "Service gap: ")), ...P.word(app, app.state.service).map((e) => e.cloneNode(true)));
    for (const [name, value] of [["service", app.state.service], ["mode", P.fittingMode(app.state.mode)]]) {
      document.getElementById(`${name}-${value}`).checked = true;
    }
    P.writeHash(app);
  };

  const actions = (app) => {
    app.set = (change) => {
      const changed = { ...change };
      if ("service" in change) {
        const related = Object.keys(app.facilities);
        const kept = app.state.layers.filter((key) => !related.includes(key));
        changed.layers = related.includes(change.service) ? [...kept, change.service] : kept;
      }
      if ("selected" in change) app.facilityShown = null;
      Object.assign(app.state, changed);
      refresh(app, changed);
    };
    app.toggle = (key, on) => {
      const others = app.state.layers.filter((one) => one !== key);
      app.set({ layers: on ? [...others, key] : others });
    };
    app.visible = (place) => app.state.layers.includes(P.kind(place));
    app.select = (id, side) => app.set({ selected: id, side });
    app.goTo = (place) => {
      document.body.classList.remove("panel-open");
      const kind = P.kind(place);
      if (!app.state.layers.includes(kind)) app.toggle(kind, true);
      if (place.latlng) app.maps.layout.setView(place.latlng, Math.max(12, app.maps.layout.getZoom()));
      app.select(place.place_id, "gaps");
    };
    app.goToFacility = (facility) => {
      const key = facility.service === "rail" && facility.status !== "operating" ? "rail_future" : facility.service;
      if (!app.state.layers.includes(key)) app.toggle(key, true);
      app.maps.layout.setView(P.chain(facility.packed, app.scale)[0], 14);
      app.showFacility(facility);
    };
    app.showFacility = (facility) => {
      app.state.selected = null;
      app.facilityShown = facility;
      refresh(app, { facility });
    };
  };

  const firstView = (app) => {
    app.bounds = L.latLngBounds(app.extent);
    const { view } = app.state;
    for (const map of Object.values(app.maps)) {
      if (view) map.setView([view.lat, view.lon], view.zoom, { animate: false });
      else map.fitBounds(app.bounds, { animate: false, ...P.margins });
    }
  };

  const listen = (app) => {
    for (const side of sides) {
      const map = app.maps[side];
      let drawn = map.getZoom();
      map.on("moveend resize", () => {
        if (!app.spots?.[side]) return;
        if (drawn === map.getZoom()) P.drawNames(app, side);
        else {
          P.drawSymbols(app, side);
          drawRoute(app, app.places.find((one) => one.place_id === app.state.selected) ?? null);
        }
        drawn = map.getZoom();
        P.writeHash(app);
      });
      app.maps[side].on("click", (event) => {
        const hit = P.under(app, side, event);
        if (hit?.place) app.select(hit.place.place_id, side);
        else if (hit?.facility) app.showFacility(hit.facility);
        else if (!document.getElementById("card").hidden) app.set({ selected: null });
      });
    }
    window.addEventListener("hashchange", () => window.location.reload());
  };

  /** Start the page; `maps` are the two Leaflet maps that folium made. */
  P.startOverview = async (maps) => {
    const app = { maps, tabs, ...JSON.parse(document.getElementById("map-settings").textContent) };
    P.app = app;
    try {
      readData(app, await P.unpack("map-data"));
    } catch (error) {
      document.getElementById("failure").hidden = false;
      throw error;
    }
    app.state = firstState(app);
    actions(app);
    P.speak(app.state.lang);
    P.addPatterns(app);
    P.setUpStage(app, [app.glossary.layout, ["", ""]]);
    P.showMode(app);
    firstView(app);
    app.facilityGroups = {};
    for (const side of sides) {
      P.addTiles(app, maps[side]);
      P.addGround(app, maps[side]);
      app.facilityGroups[side] = P.addFacilities(app, maps[side]);
      L.control.scale({ imperial: false }).addTo(maps[side]);
    }
    P.setUpPrint(app);
    P.setUpTabs(app);
    P.setUpSearch(app);
    P.buildIndex(app);
    setUpControls(app);
    listen(app);
    refresh(app, { ...app.state });
    document.documentElement.dataset.ready = "yes";
  };
})();
