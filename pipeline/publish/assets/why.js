// Answer "why this colour?" for one place: value, unit, interval, method, rule, date, remedy.
"use strict";

(() => {
  const P = globalThis.parkgap;

  const interval = (row) =>
    row.low === null || row.low === undefined || row.high === null || row.high === undefined
      ? null
      : row.low === row.high
        ? P.h("div", { class: "interval" }, P.t("区间缩为一点：各项都在 0 或封顶值 1，点位误差不再改变它",
            "the interval is one point: every service stands at 0 or at the ceiling of 1"))
      : P.h("span", { class: "interval" },
          P.t(`90% 区间 ${P.number(row.low)}–${P.number(row.high)}`,
              `90% interval ${P.number(row.low)}–${P.number(row.high)}`));

  /** Why a score may lie outside its interval: it is that of the recorded position. */
  const outside = (row) =>
    row.service !== "island" || row.low === null || row.low === undefined
      || (row.low <= row.value && row.value <= row.high)
      ? null
      : P.h("div", { class: "interval" },
          P.t("数值取登记的点位；它在区间之外，即多数可能的位置不是这样",
              "the value is that of the recorded point; it lies outside, so most plausible positions differ"));

  const quantity = (app, value, unit) => {
    if (value === null || value === undefined) return P.h("b", {}, "—");
    if (unit === "share") return P.h("b", {}, `${P.number(100 * value, 0)} %`);
    return P.h("b", {}, P.number(value), " ", unit ? P.word(app, unit) : null);
  };

  const line = (zh, en, ...content) =>
    content.flat(Infinity).some((part) => part && part !== " ")
      ? P.h("div", { class: "fact" }, P.h("dt", {}, P.t(zh, en)), P.h("dd", {}, content))
      : null;

  const methodMark = (app, method) =>
    method
      ? P.h("span", { class: `method ${method === "measured_network" ? "measured" : "estimated"}` },
          P.word(app, method))
      : null;

  const standardText = (app, id) => {
    const standard = id ? app.standards.get(id) : null;
    if (!standard) return id ? P.t(id, id) : null;
    const doubt = {
      memory: ["（未核实，不作为标准）", " (unverified, not a standard)"],
      partly_verified: ["（部分核实）", " (partly verified)"],
      analyst_choice: ["（分析者设定，非标准）", " (analyst's choice, no standard)"],
    }[standard.confidence];
    return [
      P.t(standard.name_zh, standard.name_en),
      doubt ? P.h("em", { class: "warn" }, P.t(...doubt)) : null,
    ];
  };

  const classText = (app, row) => {
    const number = P.classOf(app, row.gap);
    if (number === null) return P.word(app, row.status || "no_data");
    const [low, high] = P.classRange(app, number);
    const [zh, en] = P.className(app, number);
    return P.t(`${zh}（${low}–${high}）`, `${en} (${low}–${high})`);
  };

  /** The name of a class of the chosen service. */
  P.className = (app, number) => (app.classNamesOf[app.state.service] ?? app.classNames)[number];

  /** The bounds of a gap class as text. */
  P.classRange = (app, number) => {
    const edges = [0, ...app.breaks, 1];
    return [edges[number].toFixed(1), edges[number + 1].toFixed(1)];
  };

  const changes = (app, place, row) => {
    const remedies = [];
    const zh = (row.change_zh ?? "").split("；");
    const en = (row.change_en ?? "").split("; ");
    zh.forEach((text, i) => {
      if (text || en[i]) remedies.push(P.t(text, en[i]));
    });
    if (row.method === "estimated_straight_line" || row.method === "mixed") {
      remedies.push(P.t("补充街道数据后改为实测", "street data would turn the estimate into a measurement"));
    }
    if (place.boundary_class !== "surveyed" && place.boundary_class !== "digitised") {
      remedies.push(P.t("提供正式四至边界", "an official boundary would narrow the interval"));
    }
    if (row.gap === null || row.gap === undefined) {
      remedies.push(P.t("补齐缺失数据", "the missing data"));
    }
    return remedies.map((remedy) => P.h("li", {}, remedy));
  };

  /** What was found, and how sure it is: "gap, robust". */
  const findingText = (app, row) => {
    if (row.judged) return P.word(app, row.judged);
    if (!row.verdict) return null;
    if (!row.finding || row.verdict === "not_testable") return P.word(app, row.verdict);
    return [P.word(app, row.finding), P.t("，", ", "), P.word(app, row.verdict)];
  };

  const need = (app, row) =>
    row.need === null || row.need === undefined ? null
      : P.h("div", { class: "interval" }, P.t("所用门槛 ", "threshold used: "), quantity(app, row.need, row.unit));

  /** Which facilities are held against the rule, where these are not all of their kind. */
  const counted = (app, row) => {
    const [held, kind] = [app.glossary[row.service], app.glossary[`facility_${row.service}`]];
    return !row.standard_id || !held || !kind || held[0] === kind[0] ? null
      : P.h("div", { class: "interval" }, P.t(`只计${held[0]}`, `only ${held[1]} count`));
  };

  const missing = (app, row) =>
    row.missing ? row.missing.split(";").map((service, i) => [i ? P.t("、", ", ") : null, P.word(app, service)]) : null;

  const nearest = (row) => {
    if (!row.nearest_name_zh && !row.nearest_name_en) return null;
    const away = row.nearest_straight_m;
    const km = away === null || away === undefined ? null : P.number(away / 1000, 1);
    return [
      P.t(row.nearest_name_zh, row.nearest_name_en),
      km === null ? null : P.h("div", { class: "interval" }, row.route
        ? P.t(`直线 ${km} km，路线沿街道`, `${km} km by air; the route follows streets`)
        : P.t(`直线 ${km} km，连线为示意`, `${km} km by air; the line is no route`)),
    ];
  };

  const ranks = (row) =>
    row.rank === null || row.rank === undefined
      ? null
      : P.t(
          `第 ${row.rank} 位` + (row.rank_low ? `（${row.rank_low}–${row.rank_high}）` : ""),
          `rank ${row.rank}` + (row.rank_low ? ` (${row.rank_low}–${row.rank_high})` : ""),
        );

  const why = (app, place) => {
    const { service } = app.state;
    const row = app.gapOf(place.place_id, service);
    if (!row) {
      return P.h("p", { class: "nothing" },
        P.t("该地点没有此项服务的结果。", "There is no result of this service for this place."));
    }
    return [
      P.h("div", { class: "verdict" },
        P.gapSymbol(app, P.kind(place), row, 34),
        P.h("div", {},
          P.h("div", { class: "score" }, P.h("b", {}, P.gap(row.gap)), " ", classText(app, row)),
          P.h("div", {}, methodMark(app, row.method), " ", findingText(app, row)))),
      P.h("dl", {},
        line("数值", "Value",
          service === "composite" || row.value === null || row.value === undefined ? null : quantity(app, row.value, row.unit),
          " ", service === "composite" ? null : interval(row), outside(row)),
        line("缺口的区间", "Interval of the gap", service === "composite" ? interval(row) : null),
        line("最近设施", "Nearest", nearest(row)),
        line("规则", "Rule", standardText(app, row.standard_id), need(app, row), counted(app, row)),
        line("缺少", "Missing", missing(app, row)),
        line("名次", "Rank", ranks(row), row.largest ? P.h("div", {}, P.word(app, row.largest)) : null),
        line("检验", "Test", row.p === null || row.p === undefined ? null
          : P.t(`多重检验校正后 p = ${P.gap(row.p)}`, `p = ${P.gap(row.p)}, corrected for many tests`)),
        line("数据日期", "Data date", row.snapshot),
        line("什么会改变它", "What would change it", P.h("ul", {}, changes(app, place, row)))),
    ];
  };

  const bars = (app, place) =>
    P.h("ul", { class: "bars" },
      app.services.map((service) => {
        const row = app.gapOf(place.place_id, service);
        const gap = row ? row.gap : null;
        const fill = P.h("i", { class: P.estimated(row) ? "estimated" : "" });
        fill.style.width = `${100 * (gap ?? 0)}%`;
        fill.style.backgroundColor = P.gapColour(app, gap, service);
        return P.h("li", {},
          P.h("button", {
            type: "button", onclick: () => app.set({ service }),
            "aria-pressed": String(service === app.state.service),
          },
            P.h("span", { class: "service" }, P.word(app, service)),
            P.h("span", { class: "track" }, fill),
            P.h("span", { class: "value" }, gap === null || gap === undefined
              ? P.t("无", "none") : P.gap(gap))));
      }));

  const facts = (app, place) =>
    P.h("dl", {},
      line("层级", "Tier", P.word(app, P.kind(place))),
      line("类别", "Category", place.category ? P.word(app, place.category) : null),
      line("所在区", "District", place.district_zh),
      line("规划面积", "Planned area", place.planned_area_km2 === null ? null
        : `${P.number(place.planned_area_km2, 3)} km²`),
      line("开工目标（万 m²）", "Start targets (10⁴ m²)",
        app.years.some((year) => (P.target(place, year) ?? null) !== null)
          ? app.years.map((year) => `${year}: ${P.number(P.target(place, year))}`).join(" · ") : null),
      line("分组", "Group", place.priority_group ? P.word(app, place.priority_group) : null),
      line("分工", "Role", place.district_role ? P.word(app, place.district_role) : null),
      line("边界", "Boundary", place.boundary_class ? P.word(app, place.boundary_class === "indicative"
        ? place.footprint_basis ?? place.boundary_class : place.boundary_class) : null),
      line("点位误差", "Position within", place.precision_m === null ? null
        : `± ${P.number(place.precision_m, 0)} m`),
      line("合成", "Synthetic", place.synthetic ? P.t("合成数据，非实测", "synthetic, not real data") : null));

  const measureRow = (app, row) =>
    P.h("tr", {},
      P.h("th", { scope: "row" }, P.word(app, row.measure),
        P.h("small", {}, row.variant ? P.word(app, row.variant) : null,
          row.mode ? [" · ", P.word(app, row.mode)] : null)),
      P.h("td", {},
        row.status && row.status !== "ok" ? P.word(app, row.status) : quantity(app, row.value, row.unit),
        " ", interval(row)),
      P.h("td", {}, methodMark(app, row.method)));

  const measures = (app, place) => {
    const rows = app.accessOf(place.place_id, app.state.service);
    if (!rows.length) return null;
    return P.h("details", {},
      P.h("summary", {}, P.t(`全部指标（${rows.length}）`, `All measures (${rows.length})`)),
      P.h("div", { class: "scroll" },
        P.h("table", { class: "measures" }, P.h("tbody", {}, rows.map((row) => measureRow(app, row))))));
  };

  const section = (zh, en, ...content) =>
    P.h("section", {}, P.h("h3", {}, P.t(zh, en)), content);

  /** Link to the page of the place, when it has one; only a plain file beside this one will do. */
  const onward = (place) =>
    /^[\w][\w./-]*\.html$/.test(place.page ?? "")
      ? P.h("a", { class: "onward", href: place.page }, P.t("打开园区详图 →", "Open the park's page →"))
      : null;

  /** Fill the card with one place; the side that was clicked decides what comes first. */
  P.placeCard = (app, place, side) => {
    const reasons = section("为什么是这个颜色？", "Why this colour?",
      P.h("p", { class: "of-service" }, P.word(app, app.state.service)), why(app, place));
    const compared = section("各项缺口", "Gap by service", bars(app, place));
    const about = section("地点资料", "About the place", facts(app, place));
    const parts = side === "layout"
      ? [about, onward(place), reasons, compared]
      : [reasons, compared, measures(app, place), about, onward(place)];
    return [
      P.h("header", {},
        P.tierSymbol(app, place, 26),
        P.h("div", {},
          P.h("h2", { lang: "zh-CN", id: "card-title" }, place.name_zh || place.name_en || place.place_id),
          P.h("p", { lang: "en", class: "both" }, place.name_en || ""))),
      parts,
    ];
  };

  P.facilityCard = (app, facility) => [
    P.h("header", {}, P.h("div", {},
      P.h("h2", { lang: "zh-CN", id: "card-title" }, facility.name_zh || facility.name_en || "—"),
      P.h("p", { lang: "en", class: "both" }, facility.name_en || ""))),
    P.h("section", {}, P.h("dl", {},
      line("类型", "Kind", P.facilityWord(app, facility.service)),
      line("计入缺口", "Counts for the gap", facility.counted === false ? P.t("否", "no")
        : facility.counted ? P.t("是", "yes") : null),
      line("状态", "Status", facility.status ? P.word(app, facility.status) : null),
      line("说明", "Detail", facility.detail_zh || facility.detail_en
        ? P.t(facility.detail_zh, facility.detail_en) : null),
      line("来源", "Source", facility.source))),
  ];
})();
