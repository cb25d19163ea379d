// Draw the symbols of places: the shape tells the tier, the fill tells the gap.
"use strict";

(() => {
  const P = globalThis.parkgap;

  const polygon = (corners, radius, inner, turn) => {
    const points = [];
    const steps = inner ? 2 * corners : corners;
    for (let i = 0; i < steps; i += 1) {
      const r = inner && i % 2 ? inner : radius;
      const angle = turn + (2 * Math.PI * i) / steps;
      points.push(`${(r * Math.sin(angle)).toFixed(2)},${(-r * Math.cos(angle)).toFixed(2)}`);
    }
    return P.svg("polygon", { points: points.join(" ") });
  };

  const shapes = {
    core: () => polygon(5, 11, 5.2, 0),
    zone: () => polygon(4, 10.5, 0, 0),
    x: () => P.svg("circle", { r: 8 }),
    case: () => P.svg("circle", { r: 7.5 }),
    carrier: () => P.svg("rect", { x: -8, y: -8, width: 16, height: 16, rx: 1.5 }),
    cluster: () => polygon(3, 10, 0, 0),
    local: () => polygon(6, 8.5, 0, 0),
    comparator: () => polygon(5, 8.5, 0, 0),
    policy: () => P.svg("circle", { r: 5 }),
  };

  P.order = ["core", "zone", "case", "carrier", "x", "cluster", "local", "comparator", "policy"];
  /** Tiers that a study has and this list does not come after those it knows. */
  P.addOrders = (places) => {
    const strange = [...new Set(places.map(P.kind))].filter((kind) => !P.order.includes(kind));
    P.order.push(...strange.sort());
  };
  P.target = (place, year) => place[`target_${year}_10k_m2`];
  P.kind = (place) => (place.tier === "x" && place.case ? "case" : place.tier);
  P.rank = (place) => P.order.indexOf(P.kind(place)) + (place.part ? 4 : 0);
  P.sizes = { core: 32, zone: 26, case: 25, carrier: 25, x: 20, cluster: 20, local: 18 };
  P.size = (place) => (place.part ? 18 : P.sizes[P.kind(place)] || 16);

  const frame = (size, ...parts) =>
    P.svg(
      "svg",
      { viewBox: "-12 -12 24 24", width: size, height: size, "aria-hidden": "true" },
      ...parts,
    );

  const outlined = (kind, paint) => {
    const mark = shapes[kind] ? shapes[kind]() : shapes.policy();
    for (const [name, value] of Object.entries(paint)) mark.setAttribute(name, value);
    const parts = [mark];
    if (kind === "case") {
      parts.unshift(
        P.svg("circle", { r: 10.8, fill: "#fff", stroke: paint.stroke, "stroke-width": 1.4 }),
      );
    }
    return parts;
  };

  /** One bar for each year: floor area to be started, on a common scale, the last year darkest. */
  const targetBars = (app, place) => {
    const most = app.largestTarget || 1;
    const step = 18 / app.years.length;
    const bars = app.years.map((year, i) => {
      const value = P.target(place, year);
      const height = value === null || value === undefined ? 0 : Math.max(1, (18 * value) / most);
      const last = i === app.years.length - 1;
      return P.svg("rect", {
        x: -9 + i * step + 1, y: 9 - height, width: Math.max(1, step - 2), height,
        fill: last ? app.colours.tier.carrier : "#f0b083",
      });
    });
    return [
      P.svg("rect", {
        x: -10.5, y: -11, width: 21, height: 22, rx: 2,
        fill: "#fff", stroke: app.colours.tier.carrier, "stroke-width": 1.6,
      }),
      ...bars,
    ];
  };

  P.tierSymbol = (app, place, size) => {
    const kind = P.kind(place);
    if (kind === "carrier" && app.years.length) {
      return frame(size, ...targetBars(app, place));
    }
    const fill = app.colours.tier[place.tier] || "#555";
    const hollow = kind === "comparator" || kind === "policy";
    return frame(
      size,
      ...outlined(kind, {
        fill: hollow ? "#fff" : fill,
        stroke: kind === "case" || hollow ? fill : "#fff",
        "stroke-width": 1.6,
      }),
    );
  };

  /** Number the class of a gap, 0 to 4, or null; a value on a break belongs below. */
  P.classOf = (app, gap) => {
    if (gap === null || gap === undefined) return null;
    const above = app.breaks.findIndex((limit) => gap <= limit);
    return above === -1 ? app.breaks.length : above;
  };
  /** The colours of a service, from small to large. */
  P.ramp = (app, service) => app.colours.gapOf[service] ?? app.colours.gap;
  P.gapColour = (app, gap, service) => {
    const number = P.classOf(app, gap);
    return number === null ? app.colours.unknown : P.ramp(app, service ?? app.state.service)[number];
  };
  P.estimated = (row) => Boolean(row) && ["estimated_straight_line", "mixed"].includes(row.method);

  /** Hatch patterns for the symbols, one for each class, put into the page once. */
  P.addPatterns = (app) => {
    const definitions = app.colours.gap.map((colour, number) => {
      const tile = P.svg(
        "pattern",
        {
          id: `hatch-${number}`, width: 5, height: 5,
          patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
        },
        P.svg("rect", { width: 5, height: 5, fill: "#fff" }),
        P.svg("rect", { width: 5, height: 5, fill: colour, "fill-opacity": 0.35 }),
        P.svg("rect", { width: 2.5, height: 5, fill: colour }),
      );
      return tile;
    });
    const store = P.svg("svg", { width: 0, height: 0, class: "patterns" }, ...definitions);
    document.body.prepend(store);
  };

  /** Pale fills have a darker edge; what is significant has its own. */
  const edgeOf = (app, row, number) => {
    if (row.significant) return app.colours.significant;
    if (app.colours.gapOf[row.service]) return "#536b80";
    return number === 0 ? "#8a7a4a" : number === 1 ? "#a8702c" : app.colours.gap[number];
  };

  P.gapSymbol = (app, kind, row, size) => {
    const number = row ? P.classOf(app, row.gap) : null;
    if (number === null) {
      const parts = outlined(kind, {
        fill: "#fff", stroke: "#6b7680", "stroke-width": 1.5, "stroke-dasharray": "3 2",
      });
      const question = P.svg("text", {
        y: 4, "text-anchor": "middle", "font-size": 10, "font-weight": 700, fill: "#4d5760",
      });
      question.textContent = "?";
      return frame(size, ...parts, question);
    }
    const estimated = P.estimated(row);
    return frame(
      size,
      ...outlined(kind, {
        fill: estimated ? `url(#hatch-${number})` : P.ramp(app, row.service)[number],
        stroke: edgeOf(app, row, number),
        "stroke-width": row.significant ? 3 : estimated ? 1.8 : 1.2,
      }),
    );
  };
})();
