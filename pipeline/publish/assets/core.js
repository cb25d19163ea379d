// Unpack the page's data and build its elements; texts only ever enter as text nodes.
"use strict";

globalThis.parkgap = {};

(() => {
  const P = globalThis.parkgap;

  /** Build an element: attributes, then children (elements, strings, arrays, null). */
  P.h = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined && child !== false) element.append(child);
    }
    return element;
  };

  /** Build an SVG element the same way. */
  P.svg = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  /** Give both languages; the style sheet shows the one in use. */
  P.t = (zh, en) => [
    P.h("span", { lang: "zh-CN" }, zh ?? en ?? ""),
    P.h("span", { lang: "en" }, en ?? zh ?? ""),
  ];

  P.language = () => document.documentElement.dataset.lang;
  P.pick = (zh, en) => (P.language() === "en" ? en ?? zh : zh ?? en) ?? "";

  /** Put the right language into attributes, which no style sheet can switch. */
  const attributed = [];
  P.label = (element, attribute, zh, en) => {
    attributed.push([element, attribute, zh, en]);
    element.setAttribute(attribute, P.pick(zh, en));
    return element;
  };
  P.speak = (language) => {
    document.documentElement.dataset.lang = language;
    document.documentElement.lang = language === "en" ? "en" : "zh-CN";
    for (const [element, attribute, zh, en] of attributed) {
      element.setAttribute(attribute, P.pick(zh, en));
    }
  };

  /** Read the compressed block that an element of the page holds. */
  P.unpack = async (id) => {
    const text = document.getElementById(id).textContent.trim();
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };

  /** Turn stored columns into one object per row; geometry stays packed until it is drawn. */
  P.rows = (block) => {
    if (!block) return [];
    const rows = Array.from({ length: block.n }, (_, i) => (block.g ? { packed: block.g[i] } : {}));
    for (const [name, column] of Object.entries(block.c)) {
      const words = column.w;
      const values = words ? column.i : column;
      rows.forEach((row, i) => {
        row[name] = words && values[i] !== null ? words[values[i]] : values[i];
      });
    }
    return rows;
  };

  /** Turn a chain of steps into [latitude, longitude] pairs. */
  P.chain = (flat, scale) => {
    const points = [];
    let x = 0;
    let y = 0;
    for (let i = 0; i < flat.length; i += 2) {
      x += flat[i];
      y += flat[i + 1];
      points.push([y / scale, x / scale]);
    }
    return points;
  };
  P.lines = (packed, scale) => (packed || []).map((flat) => P.chain(flat, scale));
  P.polygons = (packed, scale) =>
    (packed || []).map((rings) => rings.map((flat) => P.chain(flat, scale)));

  /** Write a number as a person would, or a dash for nothing. */
  P.number = (value, digits) => {
    if (value === null || value === undefined) return "—";
    const places = digits ?? (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
    return Number(value).toLocaleString("en-US", { maximumFractionDigits: places });
  };

  /** Write a gap of 0 to 1 with two decimals always, so that columns line up. */
  P.gap = (value) => (value === null || value === undefined ? "—" : Number(value).toFixed(2));

  /** Look a code up in the glossary of the page; an unknown code stands for itself. */
  P.word = (app, code) => {
    const entry = app.glossary[code];
    return entry ? P.t(entry[0], entry[1]) : P.t(code, code);
  };
  /** Name a kind of facility as it is drawn; its service may count only some of them. */
  P.facilityWord = (app, key) => P.word(app, app.glossary[`facility_${key}`] ? `facility_${key}` : key);
  P.wordText = (app, code) => {
    const entry = app.glossary[code];
    return entry ? P.pick(entry[0], entry[1]) : code;
  };
})();
