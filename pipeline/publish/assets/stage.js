// Hold two maps in step: side by side, one swiped over the other, or one alone.
"use strict";

(() => {
  const P = globalThis.parkgap;

  /** Let each map follow the other, animations included. */
  const follow = (leader, follower) => {
    leader.on("zoomanim", (event) => {
      if (follower.parkgapLed || leader.parkgapLed) return;
      follower.parkgapLed = true;
      follower._animateZoom(event.center, event.zoom, true, event.noUpdate);
      follower.parkgapLed = false;
    });
    leader.on("move zoomend", () => {
      if (leader.parkgapLed || leader._animatingZoom) return;
      const same =
        follower.getZoom() === leader.getZoom() &&
        follower.getCenter().equals(leader.getCenter(), 1e-9);
      if (same) return;
      follower.parkgapLed = true;
      follower.setView(leader.getCenter(), leader.getZoom(), { animate: false });
      follower.parkgapLed = false;
    });
  };

  /**
   * Print canvases as pictures. What was drawn since the last clearing would be printed stroke by
   * stroke, the clearing included, as a white sheet over all that lies below.
   */
  const settleCanvases = () => {
    for (const canvas of document.querySelectorAll("#stage canvas")) {
      const pen = canvas.getContext("2d");
      for (let i = 0; i < 2 && canvas.width && canvas.height; i += 1) {
        pen.getImageData(0, 0, 1, 1);
        pen.fillStyle = "#00000001";
        pen.fillRect(0, 0, 1, 1);
      }
    }
  };

  /** Lay the maps out for paper before a print and as they were after it: same land, other size. */
  P.setUpPrint = (app) => {
    const held = new Map();
    const resized = () => {
      if (app.pair ?? app.maps.layout) P.showMode(app);
      for (const map of Object.values(app.maps)) map.invalidateSize({ animate: false, pan: false });
    };
    window.addEventListener("beforeprint", () => {
      for (const map of Object.values(app.maps)) {
        if (map.getSize().x) held.set(map, [map.getBounds(), map.getCenter(), map.getZoom()]);
      }
      document.body.classList.add("printing");
      resized();
      for (const map of Object.values(app.maps)) {
        const [bounds] = held.get(map) ?? [];
        if (bounds) map.fitBounds(bounds, { animate: false });
      }
      settleCanvases();
    });
    window.addEventListener("afterprint", () => {
      document.body.classList.remove("printing");
      resized();
      for (const [map, [, centre, zoom]] of held) map.setView(centre, zoom, { animate: false });
      held.clear();
    });
  };

  const narrow = () => window.matchMedia("(max-width: 760px)").matches;

  /** Say which way of comparing fits: a phone has no room for two maps side by side. */
  P.fittingMode = (mode) => {
    const paper = document.body.classList.contains("printing");
    return mode === "dual" && narrow() && !paper ? "swipe" : mode;
  };

  /** Room left around the first view for symbols, titles and the scale. */
  P.margins = { paddingTopLeft: [24, 44], paddingBottomRight: [44, 28] };

  /** The map on which a place is surely seen: the gaps, unless only the layout is shown. */
  P.shownSide = (app) => (P.fittingMode(app.state.mode) === "layout" ? "layout" : "gaps");

  P.setUpStage = (app, [left, right]) => {
    const stage = document.getElementById("stage");
    const { layout, gaps } = app.maps;
    layout.getContainer().classList.add("side-layout");
    gaps.getContainer().classList.add("side-gaps");
    follow(layout, gaps);
    follow(gaps, layout);
    const handle = P.h("input", {
      id: "swipe", type: "range", min: 0, max: 100, step: 1, value: app.state.split,
      oninput: () => app.set({ split: Number(handle.value) }),
    });
    P.label(handle, "aria-label", "卷帘：左为空间布局，右为服务缺口", "Swipe: layout left, gaps right");
    const bar = P.h("div", { class: "swipe-bar", "aria-hidden": "true" }, P.h("i"));
    stage.append(
      P.h("div", { class: "side-title of-layout" }, P.t(...left)),
      P.h("div", { class: "side-title of-gaps", id: "gap-title" }, P.t(...right)),
      bar,
      handle,
    );
    dragBar(app, stage, bar);
    new ResizeObserver(() => {
      P.showMode(app);
    }).observe(stage);
  };

  const dragBar = (app, stage, bar) => {
    const move = (event) => {
      const box = stage.getBoundingClientRect();
      const share = (100 * (event.clientX - box.left)) / box.width;
      app.set({ split: Math.round(Math.min(100, Math.max(0, share))) });
    };
    bar.addEventListener("pointerdown", (event) => {
      bar.setPointerCapture(event.pointerId);
      bar.addEventListener("pointermove", move);
      event.preventDefault();
    });
    bar.addEventListener("pointerup", () => bar.removeEventListener("pointermove", move));
    bar.addEventListener("pointercancel", () => bar.removeEventListener("pointermove", move));
  };

  /** Show the chosen way of comparing and keep the view's centre. */
  P.showMode = (app) => {
    const stage = document.getElementById("stage");
    const mode = P.fittingMode(app.state.mode);
    const { layout, gaps } = app.maps;
    stage.dataset.mode = mode;
    P.showSplit(app);
    const shown = mode === "gaps" ? gaps : layout;
    for (const map of [layout, gaps]) {
      const hidden = (mode === "gaps" && map === layout) || (mode === "layout" && map === gaps);
      if (!hidden) map.invalidateSize({ animate: false, pan: true });
    }
    const other = shown === gaps ? layout : gaps;
    other.setView(shown.getCenter(), shown.getZoom(), { animate: false });
  };

  P.showSplit = (app) => {
    const stage = document.getElementById("stage");
    const { split } = app.state;
    const swiping = stage.dataset.mode === "swipe";
    const container = app.maps.gaps.getContainer();
    container.style.clipPath = swiping ? `inset(0 0 0 ${split}%)` : "";
    stage.querySelector(".swipe-bar").style.left = `${split}%`;
    stage.querySelector("#swipe").value = split;
  };
})();
