// Start a map made of described layers: draw them, explain them, answer a click.
"use strict";

(() => {
  const P = globalThis.parkgap;
  const NAMED_AT_ONCE = 40;
  const NAME_PX = 6.2; // of a Latin letter in a name; a Chinese one is twice as wide

  const paintOf = (layer, number) => ({ ...layer.paint, ...(layer.classes[number]?.paint || {}) });

  /** Number each row's class; an unknown or empty value takes the class for nothing known. */
  const classNumbers = (layer, rows) => {
    const number = new Map(layer.classes.map((one, i) => [one.value, i]));
    const unknown = layer.classes.findIndex((one) => one.value === null);
    return rows.map((row) =>
      layer.class_column ? number.get(row[layer.class_column]) ?? unknown : 0);
  };

  const drawMass = (app, layer, map, canvas) => {
    const paints = layer.classes.length
      ? layer.classes.map((_, i) => paintOf(layer, i)) : [layer.paint];
    return new P.Mass(app.data[layer.key], app.data.scale, paints, layer.numbers, { renderer: canvas });
  };

  /** Write a mark's name beside it, as text nodes in both languages; on the left near the right edge. */
  const nameMark = (map, layer, shape, row) => {
    const name = P.h("span", {}, P.t(row[layer.title[0]], row[layer.title[1]]));
    const wide = NAME_PX * Math.max(2 * (row[layer.title[0]] ?? "").length, (row[layer.title[1]] ?? "").length);
    const over = map.latLngToContainerPoint(shape.getLatLng()).x + wide > map.getSize().x;
    shape.bindTooltip(name, {
      permanent: true, direction: over ? "left" : "right", offset: [over ? -8 : 8, 0], className: "mark-name",
    });
  };

  const drawEach = (app, map, layer, canvas) => {
    const group = L.layerGroup();
    layer.rows.forEach((row, i) => {
      if (!row.packed) return;
      const paint = { renderer: canvas, interactive: false, ...paintOf(layer, layer.numbers[i]) };
      const shape = layer.kind === "point"
        ? new P.Glyph(P.chain(row.packed, app.data.scale)[0], paint)
        : L.polyline(P.lines(row.packed, app.data.scale), { smoothFactor: 1, ...paint, fill: false });
      shape.feature = i;
      if (layer.named && layer.rows.length <= NAMED_AT_ONCE) nameMark(map, layer, shape, row);
      group.addLayer(shape);
    });
    return group;
  };

  const drawLayers = (app) => {
    app.drawn = {};
    for (const [side, map] of Object.entries(app.maps)) {
      app.drawn[side] = {};
      map.createPane("mark").style.zIndex = 590;
      app.layers.forEach((layer, i) => {
        if (!layer.sides.includes(side)) return;
        const name = `layer-${layer.key}`;
        map.createPane(name).style.zIndex = 400 + i;
        const canvas = new P.Canvas({ pane: name, padding: 0.2 });
        app.drawn[side][layer.key] = layer.kind === "polygon"
          ? drawMass(app, layer, map, canvas) : drawEach(app, map, layer, canvas);
      });
    }
  };

  const showLayers = (app) => {
    for (const [side, drawn] of Object.entries(app.drawn)) {
      for (const [key, layer] of Object.entries(drawn)) {
        const { ground } = app.layers.find((one) => one.key === key);
        const wanted = ground || app.state.layers.includes(key);
        if (wanted && !app.maps[side].hasLayer(layer)) layer.addTo(app.maps[side]);
        if (!wanted && app.maps[side].hasLayer(layer)) layer.remove();
      }
    }
  };

  /** Say what lies under a click: the topmost shown layer that has facts to tell. */
  const under = (app, side, event) => {
    for (const layer of [...app.layers].reverse()) {
      const drawn = app.drawn[side][layer.key];
      if (!drawn || !app.state.layers.includes(layer.key) || !layer.facts.length) continue;
      const hit = layer.kind === "polygon" ? drawn.featureAt(event.latlng)
        : drawn.getLayers().find((one) => one._containsPoint(event.layerPoint))?.feature ?? -1;
      if (hit >= 0) return { layer, row: layer.rows[hit] };
    }
    return null;
  };

  const valueText = (app, value, unit) => {
    if (value === null || value === undefined) return P.t("无数据", "no data");
    if (typeof value === "boolean") return value ? P.t("是", "yes") : P.t("否", "no");
    if (Array.isArray(value)) return P.h("ul", {}, value.map((one) => P.h("li", {}, P.word(app, String(one)))));
    if (typeof value === "string") return P.word(app, value);
    if (unit === "share") return `${P.number(100 * value, 0)} %`;
    return [P.number(value), unit ? [" ", P.word(app, unit)] : null];
  };

  const factsOf = (app, layer, row) =>
    P.h("dl", {}, layer.facts.map(({ column, zh, en, unit }) =>
      P.h("div", { class: "fact" }, P.h("dt", {}, P.t(zh, en)),
        P.h("dd", {}, valueText(app, row[column], unit)))));

  const titleOf = (layer, row) => [
    P.h("h2", { lang: "zh-CN", id: "card-title" }, row[layer.title[0]] ?? row[layer.title[1]] ?? layer.name[0]),
    P.h("p", { lang: "en", class: "both" }, row[layer.title[1]] ?? layer.name[1]),
  ];

  const showCard = (app) => {
    const card = document.getElementById("card");
    const hit = app.hit;
    card.hidden = !hit;
    app.mark?.forEach((one) => one.remove());
    app.mark = [];
    if (!hit) return;
    const { layer, row } = hit;
    if (layer.kind === "polygon") {
      for (const side of layer.sides) {
        app.mark.push(L.polygon(P.polygons(row.packed, app.data.scale), {
          pane: "mark", color: "#e69f00", weight: 4, fill: false, interactive: false,
        }).addTo(app.maps[side]));
      }
    }
    const number = layer.numbers[layer.rows.indexOf(row)];
    const reason = layer.classes[number];
    document.getElementById("card-body").replaceChildren(
      P.h("header", {}, P.h("div", {}, titleOf(layer, row))),
      P.h("section", {},
        P.h("h3", {}, P.t("为什么是这个颜色？", "Why this colour?")),
        reason ? P.h("p", { class: "verdict" }, P.swatch(layer, number), P.h("span", {}, P.t(reason.zh, reason.en))) : "",
        factsOf(app, layer, row)));
  };

  /** A sample of a layer's paint, for the legend and the card. */
  P.swatch = (layer, number) => {
    const paint = paintOf(layer, number);
    const box = P.svg("svg", { width: 26, height: 16, viewBox: "0 0 26 16", "aria-hidden": "true" });
    const stroke = {
      stroke: paint.color || paint.fillColor || "#333", "stroke-width": Math.min(3, paint.weight ?? 1),
      ...(paint.dashArray ? { "stroke-dasharray": paint.dashArray } : {}),
    };
    if (layer.kind === "line") box.append(P.svg("path", { d: "M1 8H25", fill: "none", ...stroke }));
    else if (layer.kind === "point") {
      const fill = paint.fill === false ? "none" : paint.fillColor || "none";
      const outlines = {
        cross: "M11 2h4v4h4v4h-4v4h-4v-4h-4v-4h4z", pennant: "M13 2l6 11h-12z", square: "M8 3h10v10h-10z",
      };
      const outline = outlines[paint.glyph];
      box.append(outline ? P.svg("path", { d: outline, fill, ...stroke })
        : P.svg("circle", { cx: 13, cy: 8, r: 5, fill: paint.hatch ? "#fff" : fill, ...stroke }));
      if (paint.hatch) {
        box.append(P.svg("path", {
          d: "M9.5 8.5L13.5 4.5M10.5 11L16 5.5M13 11.8L16.8 8", stroke: paint.fillColor, "stroke-width": 1.6, fill: "none",
        }));
      }
    } else {
      box.append(P.svg("rect", {
        x: 1, y: 1, width: 24, height: 14, rx: 2, fill: paint.fill === false ? "none" : paint.fillColor || "none",
        "fill-opacity": paint.hatch ? paint.hatch : paint.fillOpacity ?? 1, ...stroke,
      }));
      if (paint.hatch) {
        box.append(P.svg("path", {
          d: "M2 14L12 2M9 14L19 2M16 14L25 4", stroke: paint.fillColor, "stroke-width": 2, fill: "none",
        }));
      }
    }
    return box;
  };

  const legend = (app) => app.layers.filter((layer) => !layer.ground).map((layer) => {
    const counts = layer.classes.map((_, i) => layer.numbers.filter((one) => one === i).length);
    const several = layer.classes.length > 1;
    // of a list of kinds, those that are not there say nothing; of classes of areas they do
    const told = (i) => counts[i] > 0 || (layer.kind === "polygon" && layer.classes[i].value !== null);
    return [
      P.h("h2", {}, P.t(...layer.name), several
        ? P.h("small", {}, " ", P.t(`共 ${layer.rows.length}`, `${layer.rows.length} in all`)) : null),
      P.h("ul", { class: "legend" }, layer.classes.length
        ? layer.classes.map((one, i) => !told(i) ? null : P.h("li", {}, P.h("span", { class: "mark" }, P.swatch(layer, i)),
          P.h("span", {}, P.t(one.zh, one.en),
            several && counts[i] !== 1 ? P.h("small", {}, ` ${counts[i]}`) : null)))
        : P.h("li", {}, P.h("span", { class: "mark" }, P.swatch(layer, 0)), P.h("span", {}, P.t(...layer.note)))),
    ];
  });

  const isNumeric = (table, column) => table.rows.some((row) => typeof row[column.column] === "number");

  const cell = (app, row, column, numeric) => {
    const value = row[column.column];
    const nothing = value === null || value === undefined;
    const unit = column.unit_column ? row[column.unit_column] : column.unit;
    const english = column.small.find((name) => /(^|_)en$/.test(name)); // the same in English
    const content = nothing ? "—" : column.bar && !unit ? P.gap(value)
      : column.signed ? `${value > 0 ? "+" : ""}${P.gap(value)}`
        : english ? P.t(value, row[english] ?? value) : valueText(app, value, unit);
    const small = [...new Set(column.small.filter((name) => name !== english).map((name) => row[name]))]
      .filter((one) => one !== null && one !== undefined && one !== value)
      .flatMap((one, i) => [i ? " · " : null, P.word(app, String(one))]);
    const bar = column.bar && typeof value === "number" ? P.h("i", { class: row[column.quiet_column] ? "cell-bar quiet-bar" : "cell-bar" }) : null;
    if (bar) bar.style.width = `${Math.max(0, Math.min(100, 100 * value))}%`;
    return P.h("td", { class: numeric ? "figure" : "" }, bar, content,
      small.length ? P.h("small", { class: "below" }, small) : null);
  };

  const enlarge = (event) => {
    const large = event.currentTarget.classList.toggle("large");
    event.currentTarget.setAttribute("aria-pressed", String(large));
  };

  const pictures = (app) => app.figures.map((name, i) => [
    P.h("h2", {}, P.t(...name)),
    P.h("button", {
      type: "button", class: "drawing", "aria-pressed": "false", onclick: enlarge,
    }, P.h("img", {
      alt: name.join(" "),
      src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(app.data.figures[i])}`,
    })),
    P.h("p", { class: "hint" }, P.t("点击图可放大", "Click the drawing to enlarge it")),
  ]);

  const listOf = ({ name, lines }) => [
    P.h("h2", {}, P.t(...name)),
    P.h("ul", {}, lines.map(([zh, en]) => P.h("li", {}, P.t(zh, en)))),
  ];

  /** What matters first: open tables, lists, drawings; folded tables come last. */
  const figures = (app) => [
    app.tables.filter((table) => !table.folded).map((table) => tableOf(app, table)),
    app.lists.map(listOf),
    pictures(app),
    app.tables.filter((table) => table.folded).map((table) => tableOf(app, table)),
  ];

  const tableOf = (app, table) => {
    const name = P.t(...table.name);
    const count = P.h("small", {}, ` ${table.rows.length}`);
    const body = tableBody(app, table);
    return table.folded
      ? P.h("details", { class: "folded" }, P.h("summary", {}, name, count), body)
      : [P.h("h2", {}, name), body];
  };

  const tableBody = (app, table) => [
    table.note[0] ? P.h("p", { class: "hint" }, P.t(...table.note)) : null,
    table.rows.length ? null : P.h("p", { class: "hint" }, P.t("没有可列的行。", "There is nothing to list.")),
    table.rows.length === 0 ? null : P.h("div", { class: "wide" }, P.h("table", { class: "figures" },
      P.h("thead", {}, P.h("tr", {}, table.columns.map((column) =>
        P.h("th", { scope: "col", class: isNumeric(table, column) ? "figure" : "" },
          P.t(column.zh, column.en))))),
      P.h("tbody", {}, table.rows.map((row) =>
        P.h("tr", {}, table.columns.map((column) => cell(app, row, column, isNumeric(table, column)))))))),
  ];

  const switches = (app) => P.h("ul", { class: "switches" }, app.layers.filter((one) => !one.ground).map((layer) => {
    const box = P.h("input", {
      type: "checkbox", id: `layer-${layer.key}`, checked: app.state.layers.includes(layer.key),
      onchange: () => {
        const others = app.state.layers.filter((one) => one !== layer.key);
        app.set({ layers: box.checked ? [...others, layer.key] : others });
      },
    });
    return P.h("li", {}, box, P.h("label", { for: `layer-${layer.key}` }, P.t(...layer.name)));
  }));

  const notes = (app) => [
    P.h("h2", {}, P.t("说明", "Notes")),
    P.h("ul", {}, app.notes.map(([zh, en]) => P.h("li", {}, P.t(zh, en)))),
    P.h("h2", {}, P.t("数据与许可", "Data and licences")),
    P.h("table", { class: "sources" }, P.h("tbody", {}, app.sources.map((source) => P.h("tr", {},
      P.h("th", { scope: "row" }, P.t(source.name_zh, source.name_en)),
      P.h("td", {}, source.licence), P.h("td", {}, source.date ?? "—"))))),
  ];

  const setUp = (app) => {
    const { sides } = app;
    app.pair = sides.length === 2;
    app.tabs = [
      app.tables.length || app.figures.length || app.lists.length ? ["figures", "结果", "Results", (one) => figures(one)] : null,
      ["legend", "图例", "Legend", (one) => legend(one)],
      ["layers", "图层", "Layers", (one) => switches(one)],
      ["notes", "说明", "Notes", (one) => notes(one)],
    ].filter(Boolean);
    const given = P.readHash();
    app.state = {
      mode: app.pair ? "dual" : sides[0].key, split: 50, lang: app.first.language, tab: app.tabs[0][0],
      layers: app.layers.filter((layer) => layer.shown).map((layer) => layer.key), selected: null, ...given,
    };
    if (!app.tabs.some(([key]) => key === app.state.tab)) app.state.tab = app.tabs[0][0];
    app.set = (change) => {
      Object.assign(app.state, change);
      if (change.selected === null || "tab" in change) app.hit = null;
      refresh(app, change);
    };
  };

  const refresh = (app, changed) => {
    if ("lang" in changed) P.speak(app.state.lang);
    if (app.pair && "mode" in changed) P.showMode(app);
    if (app.pair && "split" in changed) P.showSplit(app);
    if ("layers" in changed) showLayers(app);
    P.fillTabs(app);
    showCard(app);
    P.writeHash(app);
  };

  const controls = (app) => {
    document.getElementById("language").addEventListener("click", () =>
      app.set({ lang: P.language() === "zh" ? "en" : "zh" }));
    document.getElementById("print").addEventListener("click", () => window.print());
    document.getElementById("home").addEventListener("click", () => app.leader.fitBounds(app.extent));
    document.getElementById("menu").addEventListener("click", (event) => {
      const open = document.body.classList.toggle("panel-open");
      event.currentTarget.setAttribute("aria-expanded", String(open));
    });
    document.getElementById("close").addEventListener("click", () => app.set({ selected: null }));
    document.addEventListener("keydown", (event) => {
      const large = document.querySelector(".drawing.large");
      if (event.key === "Escape" && large) large.click();
      else if (event.key === "Escape" && app.hit) app.set({ selected: null });
    });
    if (app.pair) {
      P.radios(app, document.getElementById("modes"), "mode", [
        ["dual", P.t("并排", "Side by side")], ["swipe", P.t("卷帘", "Swipe")],
        ["layout", P.t(...app.sides[0].name)], ["gaps", P.t(...app.sides[1].name)],
      ], P.fittingMode(app.state.mode));
    }
  };

  const listen = (app) => {
    for (const [side, map] of Object.entries(app.maps)) {
      map.on("click", (event) => {
        app.hit = under(app, side, event);
        showCard(app);
      });
      map.on("moveend", () => P.writeHash(app));
    }
    window.addEventListener("hashchange", () => window.location.reload());
  };

  /** Start the page; a pair of maps is called layout and gaps as on the overview. */
  P.startThemed = async (maps) => {
    const app = { maps, ...JSON.parse(document.getElementById("map-settings").textContent) };
    P.app = app;
    try {
      app.data = await P.unpack("map-data");
    } catch (error) {
      document.getElementById("failure").hidden = false;
      throw error;
    }
    for (const layer of app.layers) {
      layer.rows = P.rows(app.data[layer.key]);
      layer.numbers = classNumbers(layer, layer.rows);
    }
    app.tables.forEach((table, i) => {
      table.rows = P.rows(app.data[`table ${i}`]);
    });
    document.body.classList.add("themed");
    app.leader = Object.values(maps)[0];
    setUp(app);
    P.speak(app.state.lang);
    if (app.pair) {
      P.setUpStage(app, app.sides.map((side) => side.name));
      P.showMode(app);
    }
    const { view } = app.state;
    for (const map of Object.values(maps)) {
      // The panel of a themed page is wider than the one the map was made beside.
      map.invalidateSize({ animate: false, pan: false });
      if (view) map.setView([view.lat, view.lon], view.zoom, { animate: false });
      else map.fitBounds(app.extent, { animate: false, padding: [20, 20] });
      L.control.scale({ imperial: false }).addTo(map);
      P.addTiles(app, map);
    }
    drawLayers(app);
    P.setUpPrint(app);
    P.setUpTabs(app);
    controls(app);
    refresh(app, { ...app.state });
    listen(app);
    document.documentElement.dataset.ready = "yes";
  };
})();
