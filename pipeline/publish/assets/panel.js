// Fill the panel: what the marks mean, the ranking, the layers to switch, and the notes.
"use strict";

(() => {
  const P = globalThis.parkgap;

  const entry = (mark, ...text) => P.h("li", {}, P.h("span", { class: "mark" }, mark), P.h("span", {}, text));

  /** Say what a count counts: places, without the parts of a core, without case parks. */
  const howMany = (app, kind, counted, all) => {
    const cases = kind === "x" ? app.places.filter((place) => P.kind(place) === "case").length : 0;
    const zh = [`${counted} 处`, all > counted ? `另有 ${all - counted} 个片区` : null,
      cases ? `案例园区 ${cases} 处另列` : null];
    const en = [String(counted), all > counted ? `and ${all - counted} parts of it` : null,
      cases ? `without the ${cases} case parks` : null];
    return [zh.filter(Boolean).join("，"), en.filter(Boolean).join(", ")];
  };

  const tierEntries = (app) =>
    P.order
      .filter((kind) => kind !== "policy" && app.places.some((place) => P.kind(place) === kind))
      .map((kind) => {
        const all = app.places.filter((place) => P.kind(place) === kind);
        const counted = all.filter((place) => !place.part);
        const members = counted.length ? counted : all;
        return entry(P.tierSymbol(app, members[0], 22), P.word(app, kind),
          P.h("small", {}, " ", P.t(...howMany(app, kind, members.length, all.length))));
      });

  const total = (rows, column) => rows.reduce((sum, row) => sum + (row[column] ?? 0), 0);

  const targets = (app) => {
    const carriers = app.places.filter((place) => place.tier === "carrier");
    if (!carriers.length || !app.years.length) return null;
    const row = (name, values) =>
      P.h("tr", {}, P.h("th", { scope: "row" }, name), values.map((value) => P.h("td", {}, P.number(value))));
    return P.h("details", { open: true },
      P.h("summary", {}, P.word(app, "carrier"), P.t("：开工目标（万 m²）", ": start targets (10⁴ m²)")),
      P.h("table", { class: "targets" },
        P.h("thead", {}, P.h("tr", {}, P.h("th", {}), app.years.map((year) => P.h("th", { scope: "col" }, String(year))))),
        P.h("tbody", {}, carriers.map((place) =>
          row(P.t(place.label_zh, place.label_en), app.years.map((year) => P.target(place, year))))),
        P.h("tfoot", {}, row(P.t("合计", "Total"),
          app.years.map((year) => total(carriers, `target_${year}_10k_m2`))))));
  };

  const swatch = (app, number, estimated, colour) => {
    const box = P.svg("svg", { width: 26, height: 16, "aria-hidden": "true" });
    box.append(P.svg("rect", {
      x: 0.5, y: 0.5, width: 25, height: 15, rx: 2, stroke: "#6b7680", "stroke-width": 0.8,
      fill: estimated ? `url(#hatch-${number})` : colour,
    }));
    return box;
  };

  const gapEntries = (app) => {
    const rows = app.places
      .filter((place) => place.tier !== "policy")
      .map((place) => app.gapOf(place.place_id, app.state.service));
    const counts = app.colours.gap.map((_, number) =>
      rows.filter((row) => row && P.classOf(app, row.gap) === number).length);
    const unknown = rows.filter((row) => !row || row.gap === null).length;
    const ramp = P.ramp(app, app.state.service);
    const plain = Boolean(app.colours.gapOf[app.state.service]);
    const classes = app.colours.gap.map((_, number) => {
      const [low, high] = P.classRange(app, number);
      return P.h("li", {},
        P.h("span", { class: "mark two" }, swatch(app, number, false, ramp[number]),
          plain ? null : swatch(app, number, true)),
        P.h("span", {}, P.t(...P.className(app, number)),
          P.h("small", {}, ` ${low}–${high} · ${counts[number]}`)));
    });
    return [
      P.h("li", { class: "heads" }, P.h("span", { class: "mark two" },
        plain ? null : [P.h("small", {}, P.t("实测", "meas.")), P.h("small", {}, P.t("估算", "est."))]),
        P.h("span", {}, P.h("small", {}, P.t("分级 · 范围 · 地点数", "class · range · places")))),
      classes,
      plain ? entry(P.gapSymbol(app, "x", { gap: 0, service: app.state.service, significant: true }, 20),
        P.t("显著", "significant"),
        P.h("small", {}, ` ${rows.filter((row) => row?.significant).length}`)) : null,
      entry(P.gapSymbol(app, "x", null, 20), P.t("无数据或不可测", "no data or not measurable"),
        P.h("small", {}, ` ${unknown}`)),
      P.h("li", { class: "hint" }, P.t(...allCounted(app, rows.length))),
    ];
  };

  const allCounted = (app, count) => {
    const parts = app.places.filter((place) => place.part && place.tier !== "policy").length;
    const aside = app.places.filter((place) => place.tier === "policy").length;
    return [`地点数合计 ${count}` + (parts ? `，含核心区内片区 ${parts} 处` : "")
        + (aside ? `；名录另有 ${aside} 处政策区，不计入` : ""),
      `${count} places in all` + (parts ? `, ${parts} of them parts of the core` : "")
        + (aside ? `; ${aside} policy areas of the register are not counted` : "")];
  };

  const sample = (paint) => {
    const box = P.svg("svg", { width: 26, height: 16, "aria-hidden": "true" });
    box.append(P.svg("rect", { x: 1, y: 1, width: 24, height: 14, rx: 3, "stroke-width": 1.4, ...paint }));
    return box;
  };

  const facilityShapes = {
    rail: (colour) => P.svg("circle", { cx: 13, cy: 8, r: 4, fill: "#fff", stroke: colour, "stroke-width": 1.6 }),
    rail_future: (colour) => P.svg("circle", {
      cx: 13, cy: 8, r: 4, fill: "#fff", stroke: colour, "stroke-width": 1.6, "stroke-dasharray": "3 2",
    }),
    hospital: (colour) => P.svg("path", { d: "M11 2h4v4h4v4h-4v4h-4v-4h-4v-4h4z", fill: colour }),
    school: (colour) => P.svg("path", { d: "M13 2l6 11h-12z", fill: colour }),
  };

  /** Say how many are drawn, and how many of them the gap counts; the others are pale. */
  const drawnOf = (app, key) => {
    const marks = app.facilityGroups.layout[key].getLayers();
    const pale = marks.filter((mark) => mark.facility.counted === false).length;
    return pale
      ? [`${marks.length} 处，缺口只计其中 ${marks.length - pale} 处（其余色浅）`,
        `${marks.length}; the gap counts ${marks.length - pale} (the others are pale)`]
      : [`${marks.length} 处`, String(marks.length)];
  };

  const facilityEntries = (app) => {
    const present = Object.keys(facilityShapes).filter((key) => app.facilityGroups.layout[key]);
    const marks = present.map((key) => {
      const box = P.svg("svg", { width: 26, height: 16, "aria-hidden": "true" });
      box.append(facilityShapes[key](app.colours.facility[key === "rail_future" ? "rail" : key]));
      return entry(box, P.facilityWord(app, key), P.h("small", {}, " ", P.t(...drawnOf(app, key))));
    });
    if (app.lines.length) {
      const box = P.svg("svg", { width: 26, height: 16, "aria-hidden": "true" });
      box.append(P.svg("path", { d: "M1 8H25", stroke: app.colours.metro, "stroke-width": 2 }));
      marks.push(entry(box, P.t("轨道线路", "Rail lines"),
        P.h("small", {}, " ", P.t(`${app.lines.length} 条`, String(app.lines.length)))));
    }
    return marks.length
      ? [P.h("h2", {}, P.t("设施", "Facilities")), P.h("ul", { class: "legend" }, marks)] : null;
  };

  P.legend = (app) => [
    P.h("h2", {}, P.word(app, "layout")),
    P.h("ul", { class: "legend" }, tierEntries(app),
      entry(sample({ fill: "#1f7fb8", "fill-opacity": 0.3, stroke: "#1f7fb8" }),
        P.t("有依据的边界", "documented boundary")),
      entry(sample({ fill: "none", stroke: "#1f7fb8", "stroke-dasharray": "5 3" }),
        P.t("示意范围（按规划面积画圆，未载者按假设面积）",
          "indicative extent (disc of the planned area, or of an assumed one)"))),
    P.h("h2", {}, app.hintsOf[app.state.service] ? null : P.t("服务缺口：", "Service gap: "),
      P.word(app, app.state.service)),
    P.h("p", { class: "hint" }, P.t(...(app.hintsOf[app.state.service]
      ?? ["0 = 在门槛以内，1 = 封顶（缺口最大）", "0 = within the threshold, 1 = the largest a gap can be"]))),
    P.h("ul", { class: "legend gaps" }, gapEntries(app)),
    targets(app),
    facilityEntries(app),
  ];

  const byGap = (app) => {
    const rows = app.places
      .filter((place) => place.tier !== "policy")
      .map((place) => ({ place, row: app.gapOf(place.place_id, app.state.service) }));
    const known = rows.filter(({ row }) => row && row.gap !== null);
    known.sort((a, b) => b.row.gap - a.row.gap || (a.place.place_id < b.place.place_id ? -1 : 1));
    return [known, rows.filter(({ row }) => !row || row.gap === null)];
  };

  P.ranking = (app) => {
    const [known, unknown] = byGap(app);
    const item = ({ place, row }, i) => {
      const gap = row ? row.gap : null;
      const chip = P.h("i", { class: P.estimated(row) ? "chip estimated" : "chip" });
      chip.style.backgroundColor = P.gapColour(app, gap);
      return P.h("li", {},
        P.h("button", { type: "button", "data-place": place.place_id, onclick: () => app.goTo(place) },
          P.h("span", { class: "number" }, i === null ? "" : String(i + 1)), chip,
          P.h("span", { class: "who" }, P.t(place.label_zh, place.label_en),
            P.h("small", {}, P.word(app, P.kind(place)))),
          P.h("span", { class: "value" }, P.gap(gap))));
    };
    return [
      P.h("h2", {}, P.t("由大到小：", "Largest first: "), P.word(app, app.state.service)),
      P.h("ol", { class: "ranking" }, known.map((one, i) => item(one, i)), unknown.map((one) => item(one, null))),
    ];
  };

  const facilityKinds = ["rail", "rail_future", "hospital", "school"];

  P.layerSwitches = (app) => [
    P.h("h2", {}, P.t("显示哪些图层", "Layers shown")),
    P.h("ul", { class: "switches" },
      [...P.order.filter((kind) => kind !== "policy" && app.places.some((place) => P.kind(place) === kind)),
        ...facilityKinds.filter((key) => app.facilityGroups.layout[key])]
        .map((key) => {
          const box = P.h("input", {
            type: "checkbox", id: `layer-${key}`, checked: app.state.layers.includes(key),
            onchange: () => app.toggle(key, box.checked),
          });
          return P.h("li", {}, box, P.h("label", { for: `layer-${key}` },
            facilityKinds.includes(key) ? P.facilityWord(app, key) : P.word(app, key)));
        })),
    P.h("p", { class: "hint" }, P.t("切换服务时，相关设施自动显示。",
      "Facilities of the chosen service are shown with it.")),
  ];

  const median = (values) => {
    if (!values.length) return null;
    const sorted = [...values].sort((a, b) => a - b);
    const half = Math.floor(sorted.length / 2);
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  };

  /** One cell of tier by service: the median of the known gaps, and how many are known. */
  const tierCell = (app, members, service) => {
    const known = members
      .map((place) => app.gapOf(place.place_id, service)?.gap)
      .filter((gap) => gap !== null && gap !== undefined);
    const middle = median(known);
    const box = P.h("i", { class: "chip" });
    box.style.backgroundColor = P.gapColour(app, middle, service);
    return P.h("td", {}, box, P.h("b", {}, P.gap(middle)),
      P.h("small", {}, `${known.length}/${members.length}`));
  };

  const tierMatrix = (app) => {
    const kinds = P.order.filter((kind) =>
      kind !== "policy" && app.places.some((place) => P.kind(place) === kind));
    return P.h("table", { class: "matrix" },
      P.h("thead", {}, P.h("tr", {}, P.h("th", {}), app.services.map((service) =>
        P.h("th", { scope: "col" }, P.word(app, service))))),
      P.h("tbody", {}, kinds.map((kind) => {
        const members = app.places.filter((place) => P.kind(place) === kind && !place.part);
        return P.h("tr", {}, P.h("th", { scope: "row" }, P.word(app, kind)),
          app.services.map((service) => tierCell(app, members, service)));
      })));
  };

  P.summary = (app) => [
    app.headlines.length
      ? [P.h("h2", {}, P.t("要点", "Findings")),
        P.h("ol", { class: "headlines" }, app.headlines.map(([zh, en]) => P.h("li", {}, P.t(zh, en))))]
      : null,
    P.h("h2", {}, P.t("各层级的缺口中位数", "Median gap by tier")),
    P.h("p", { class: "hint" }, P.t("小字：有数据的地点数 / 地点总数；缺数据者不计入中位数",
      "Small print: places with a value / all; places without one are left out of the median")),
    P.h("div", { class: "wide" }, tierMatrix(app)),
  ];

  /** Further maps of the study, files beside this one. */
  const onwards = (app) => (app.pages.length
    ? [P.h("h2", {}, P.t("更多地图", "Further maps")),
      P.h("ul", {}, app.pages.map(([address, zh, en]) =>
        P.h("li", {}, P.h("a", { href: address }, P.t(zh, en)))))] : null);

  const unplaced = (app) => {
    const places = app.places.filter((place) => !place.latlng);
    return places.length
      ? [P.h("h2", {}, P.t("未上图", "Not on the map")),
        P.h("ul", {}, places.map((place) => P.h("li", {}, P.t(place.name_zh, place.name_en))))] : null;
  };

  P.notes = (app) => [
    P.h("h2", {}, P.t("数据与许可", "Data and licences")),
    P.h("table", { class: "sources" },
      P.h("tbody", {}, app.sources.map((source) => P.h("tr", {},
        P.h("th", { scope: "row" }, P.t(source.name_zh, source.name_en)),
        P.h("td", {}, source.licence), P.h("td", {}, source.date ?? "—"))))),
    unplaced(app),
    onwards(app),
    P.h("h2", {}, P.t("读图须知", "How to read it")),
    P.h("ul", {}, app.caveats.map(([zh, en]) => P.h("li", {}, P.t(zh, en)))),
  ];
})();
