// Keep the panel's tabs and the choices above the maps, from the keyboard too.
"use strict";

(() => {
  const P = globalThis.parkgap;

  /** Offer choices of which one holds; choosing sets the state of that name. */
  P.radios = (app, holder, name, choices, value) => {
    holder.replaceChildren(...choices.map(([key, ...text]) => {
      const input = P.h("input", {
        type: "radio", name, id: `${name}-${key}`, value: key, checked: key === value,
        onchange: () => app.set({ [name]: key }),
      });
      return P.h("span", {}, input, P.h("label", { for: `${name}-${key}` }, text));
    }));
  };

  /** Set the tabs up; each is [key, Chinese, English, function that builds its content]. */
  P.setUpTabs = (app) => {
    const strip = document.getElementById("tabs");
    for (const [key, zh, en] of app.tabs) {
      strip.append(P.h("button", {
        type: "button", role: "tab", id: `tab-${key}`, "aria-controls": "tab-body",
        onclick: () => app.set(key === "ranking" ? { tab: key } : { tab: key, selected: null }),
      }, P.t(zh, en)));
    }
    strip.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const now = app.tabs.findIndex(([key]) => key === app.state.tab);
      const next = app.tabs[(now + step + app.tabs.length) % app.tabs.length][0];
      app.set({ tab: next });
      document.getElementById(`tab-${next}`).focus();
    });
  };

  /** Name the control of the panel that has the focus, so that a redrawn panel can give it back. */
  const heldFocus = () => {
    const active = document.activeElement;
    if (!active?.closest("#tab-body")) return null;
    if (active.id) return `#${CSS.escape(active.id)}`;
    const { place } = active.dataset;
    return place ? `#tab-body [data-place="${CSS.escape(place)}"]` : null;
  };

  P.fillTabs = (app) => {
    document.body.dataset.tab = app.state.tab;
    const filled = (id, content) =>
      document.getElementById(id).replaceChildren(...[content].flat(Infinity).filter(Boolean));
    const held = heldFocus();
    for (const [key, , , build] of app.tabs) {
      const chosen = key === app.state.tab;
      const button = document.getElementById(`tab-${key}`);
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (chosen) filled("tab-body", build(app));
    }
    if (held) document.querySelector(held)?.focus();
    const printed = app.tabs.filter(([key]) => key !== "layers");
    filled("print-body", printed.map(([, , , build]) => build(app)));
  };
})();
