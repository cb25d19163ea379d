// Find a place or facility by Chinese name, pinyin, initials or English.
"use strict";

(() => {
  const P = globalThis.parkgap;
  const LIMIT = 12;

  const folded = (text) =>
    text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[\s·・'’-]+/g, "");

  /** Score how well an entry answers: smaller is better, null is no answer. */
  const score = (entry, wanted) => {
    let best = null;
    for (const key of entry.keys) {
      const at = key.indexOf(wanted);
      if (at === -1) continue;
      const value = (key === wanted ? 0 : at === 0 ? 1 : 2) + entry.weight;
      if (best === null || value < best) best = value;
    }
    return best;
  };

  P.find = (app, text) => {
    const wanted = folded(text);
    if (!wanted) return [];
    return app.index
      .map((entry) => ({ entry, value: score(entry, wanted) }))
      .filter((hit) => hit.value !== null)
      .sort((a, b) => a.value - b.value)
      .slice(0, LIMIT)
      .map((hit) => hit.entry);
  };

  P.buildIndex = (app) => {
    const entryOf = (row, kind, weight) => ({
      row, kind, weight,
      keys: [row.name_zh, row.name_en, row.label_zh, row.label_en, ...(row.sounds || "").split(" ")]
        .filter(Boolean).map(folded).filter(Boolean),
    });
    app.index = app.places.filter((place) => place.latlng).map((row) => entryOf(row, P.kind(row), 0));
    for (const [service, rows] of Object.entries(app.facilities)) {
      app.index.push(...rows.filter((row) => row.packed)
        .map((row) => entryOf({ ...row, service }, service, 0.5)));
    }
  };

  P.setUpSearch = (app) => {
    const box = document.getElementById("search");
    const list = document.getElementById("found");
    let hits = [];
    let chosen = -1;
    P.label(box, "placeholder", "搜索：名称、拼音、首字母", "Search: name, pinyin, initials");
    P.label(box, "aria-label", "搜索地点、车站、医院或学校", "Search places, stations, hospitals, schools");

    const close = () => {
      list.hidden = true;
      chosen = -1;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    };
    const mark = () => {
      [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
      if (chosen >= 0) {
        box.setAttribute("aria-activedescendant", `hit-${chosen}`);
        list.children[chosen].scrollIntoView({ block: "nearest" });
      }
    };
    const open = (entry) => {
      close();
      box.value = P.pick(entry.row.name_zh, entry.row.name_en);
      if (entry.row.place_id) app.goTo(entry.row);
      else app.goToFacility(entry.row);
    };
    const show = () => {
      hits = P.find(app, box.value);
      chosen = hits.length ? 0 : -1;
      const items = hits.map((entry, i) =>
        P.h("li", { role: "option", id: `hit-${i}`, onmousedown: (event) => {
          event.preventDefault();
          open(entry);
        } }, P.t(entry.row.name_zh, entry.row.name_en), P.h("small", {}, P.facilityWord(app, entry.kind))));
      if (!items.length && box.value.trim()) {
        items.push(P.h("li", { class: "none" }, P.t("没有找到", "Nothing found")));
      }
      list.replaceChildren(...items);
      list.hidden = items.length === 0;
      box.setAttribute("aria-expanded", String(!list.hidden));
      mark();
    };
    box.addEventListener("input", show);
    box.addEventListener("focus", () => box.value && show());
    box.addEventListener("blur", close);
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      else if (event.key === "Enter" && hits[chosen]) open(hits[chosen]);
      else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && hits.length) {
        chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + hits.length) % hits.length;
        mark();
      } else return;
      event.preventDefault();
    });
  };
})();
