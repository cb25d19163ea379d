// Keep symbols and names apart: symbols that would cover each other stand in rows.
"use strict";

(() => {
  const P = globalThis.parkgap;
  const GAP = 3;
  const ROW = 104;
  const LINE = 15;
  const WIDEST = 26;
  const NARROW = 420;
  const pen = document.createElement("canvas").getContext("2d");

  const overlap = (a, b) =>
    a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;

  /** Lay members out in centred rows around the mean of their true points. */
  const settle = (group) => {
    const { members } = group;
    group.x = members.reduce((sum, item) => sum + item.at.x, 0) / members.length;
    group.y = members.reduce((sum, item) => sum + item.at.y, 0) / members.length;
    const rows = [[]];
    let width = 0;
    for (const item of members) {
      if (width + item.size > ROW && rows.at(-1).length) {
        rows.push([]);
        width = 0;
      }
      rows.at(-1).push(item);
      width += item.size + GAP;
    }
    const heights = rows.map((row) => Math.max(...row.map((item) => item.size)) + GAP);
    const height = heights.reduce((sum, value) => sum + value, -GAP);
    let y = group.y - height / 2;
    let half = 0;
    rows.forEach((row, i) => {
      const wide = row.reduce((sum, item) => sum + item.size + GAP, -GAP);
      half = Math.max(half, wide / 2);
      let x = group.x - wide / 2;
      for (const item of row) {
        item.x = x + item.size / 2;
        item.y = y + (heights[i] - GAP) / 2;
        x += item.size + GAP;
      }
      y += heights[i];
    });
    group.box = {
      x0: group.x - half - 1, x1: group.x + half + 1,
      y0: group.y - height / 2 - 1, y1: group.y + height / 2 + 1,
    };
    return group;
  };

  const merged = (groups) => {
    for (let i = 0; i < groups.length; i += 1) {
      for (let j = i + 1; j < groups.length; j += 1) {
        if (overlap(groups[i].box, groups[j].box)) {
          const members = [...groups[i].members, ...groups[j].members];
          members.sort((a, b) => a.rank - b.rank || (a.place.place_id < b.place.place_id ? -1 : 1));
          const rest = groups.filter((_, k) => k !== i && k !== j);
          return [...rest, settle({ members })];
        }
      }
    }
    return null;
  };

  /** Give each visible place its spot at a zoom, in the pixels of the whole map. */
  P.arrange = (map, zoom, places) => {
    let groups = places.map((place) =>
      settle({
        members: [
          {
            place, at: map.project(place.latlng, zoom),
            size: P.size(place), rank: P.rank(place),
          },
        ],
      }),
    );
    for (let next = merged(groups); next; next = merged(groups)) groups = next;
    groups.sort((a, b) => a.members[0].rank - b.members[0].rank);
    return groups;
  };

  const measured = (texts) => {
    pen.font = "600 12px system-ui, 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif";
    return Math.max(...texts.map((text) => pen.measureText(text).width)) + 8;
  };

  /** Break a name in Latin script into lines at its spaces; Chinese names stay whole. */
  const wrapped = (text) => {
    if (text.length <= WIDEST || !/^[\u0000-\u024f\u2000-\u206f]*$/.test(text)) return [text];
    const lines = [""];
    for (const word of text.split(" ")) {
      if (lines.at(-1) && lines.at(-1).length + word.length >= WIDEST) lines.push("");
      lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
    }
    return lines;
  };

  const linesOf = (items) =>
    items.flatMap((item) =>
      wrapped(P.pick(item.place.label_zh, item.place.label_en)).map((text) => ({ item, text })),
    );

  const boxesAround = (box, width, height) => {
    const middleY = (box.y0 + box.y1) / 2;
    const middleX = (box.x0 + box.x1) / 2;
    const at = (x0, y0, side) => ({ x0, y0, x1: x0 + width, y1: y0 + height, side });
    return [
      at(box.x1 + 2, middleY - height / 2, "right"),
      at(box.x0 - 2 - width, middleY - height / 2, "left"),
      at(middleX - width / 2, box.y1 + 1, "below"),
      at(middleX - width / 2, box.y0 - 1 - height, "above"),
      at(box.x1 + 2, box.y0 - height / 2, "right"),
      at(box.x1 + 2, box.y1 - height / 2, "right"),
      at(box.x0 - 2 - width, box.y0 - height / 2, "left"),
      at(box.x0 - 2 - width, box.y1 - height / 2, "left"),
      at(box.x1 - 6, box.y0 - 1 - height, "right"),
      at(box.x1 - 6, box.y1 + 1, "right"),
      at(box.x0 + 6 - width, box.y0 - 1 - height, "left"),
      at(box.x0 + 6 - width, box.y1 + 1, "left"),
    ];
  };

  /** Which members' names to try, fullest first; below `closeUp` only the leading tiers. */
  const proposals = (group, closeUp) => {
    const lines = group.members.map((item) => item);
    const leading = lines.filter((item) => item.rank <= 2);
    const all = lines.slice(0, closeUp ? 8 : 4);
    return [all, leading, leading.slice(0, 1), closeUp ? lines.slice(0, 1) : []].filter(
      (option, i, list) => option.length && (i === 0 || option.length < list[i - 1].length || i === 3),
    );
  };

  const inside = (box, view) =>
    box.x0 >= view.x0 && box.x1 <= view.x1 && box.y0 >= view.y0 && box.y1 <= view.y1;

  const covered = (a, b) =>
    Math.max(0, Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0)) *
    Math.max(0, Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0));

  /** A leading place is always named: where no spot is free, where least is covered. */
  const crowdedName = (group, taken, view) => {
    const [item] = group.members;
    const whole = P.pick(item.place.label_zh, item.place.label_en);
    // Cut in the middle: names of one city often begin alike.
    const half = Math.floor((WIDEST - 1) / 2);
    const text = whole.length > WIDEST ? `${whole.slice(0, half)}…${whole.slice(-half)}` : whole;
    const lines = [{ item, text }];
    const width = measured(lines.map((line) => line.text));
    const around = boxesAround(group.box, width, lines.length * LINE + 2);
    const spots = around.filter((spot) => inside(spot, view));
    const cost = (spot) => taken.reduce((sum, box) => sum + covered(spot, box), 0);
    spots.sort((a, b) => cost(a) - cost(b));
    return spots.length ? { ...spots[0], lines } : null;
  };

  /** Find room for one group's names: inside the view and covering nothing. */
  const nameOf = (group, closeUp, taken, view) => {
    for (const items of proposals(group, closeUp)) {
      const lines = linesOf(items);
      const width = measured(lines.map((line) => line.text));
      const spots = boxesAround(group.box, width, lines.length * LINE + 2);
      const free = spots.find(
        (spot) => inside(spot, view) && !taken.some((box) => overlap(spot, box)),
      );
      if (free) return { ...free, lines };
    }
    // a phone has room for the core's name only; more would point at the wrong symbols
    const leading = view.x1 - view.x0 < NARROW ? 0 : 2;
    return group.members[0].rank <= leading ? crowdedName(group, taken, view) : null;
  };

  /** Place names beside their symbols where they cover nothing; leading tiers go first. */
  P.arrangeNames = (groups, quietly, closeUp, view) => {
    const taken = groups.map((group) => group.box);
    const names = [];
    for (const group of groups) {
      const name = inside(group.box, view) ? nameOf(group, closeUp, taken, view) : null;
      if (name) {
        taken.push(name);
        names.push(name);
      }
    }
    const quiet = quietly.filter(({ text, at, kind }) => {
      const half = Math.min(100, measured([text]) * (kind === "district" ? 0.62 : 0.46));
      const box = { x0: at.x - half, x1: at.x + half, y0: at.y - 9, y1: at.y + 9 };
      const free = !taken.some((other) => overlap(box, other));
      if (free) taken.push(box);
      return free;
    });
    return { names, quiet };
  };
})();
