// Draw vector layers on a canvas that knows hatching and a few more marks than Leaflet's own.
"use strict";

(() => {
  const P = globalThis.parkgap;
  const FAR = 10.75;
  const patterns = new Map();

  /** Make a tile of diagonal stripes in a colour on a light ground of the same colour. */
  const hatchTile = (colour, ground) => {
    const key = `${colour}/${ground}`;
    if (!patterns.has(key)) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 8;
      const pen = tile.getContext("2d");
      pen.globalAlpha = ground;
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 8, 8);
      pen.globalAlpha = 1;
      pen.strokeStyle = colour;
      pen.lineWidth = 2;
      pen.beginPath();
      for (const start of [-8, 0, 8]) {
        pen.moveTo(start - 1, 9);
        pen.lineTo(start + 9, -1);
      }
      pen.stroke();
      patterns.set(key, tile);
    }
    return patterns.get(key);
  };

  const glyphs = {
    circle: (pen, x, y, r) => pen.arc(x, y, r, 0, 2 * Math.PI),
    square: (pen, x, y, r) => pen.rect(x - r, y - r, 2 * r, 2 * r),
    cross: (pen, x, y, r) => {
      const a = r * 0.36;
      const outline = [
        [-a, -r], [a, -r], [a, -a], [r, -a], [r, a], [a, a],
        [a, r], [-a, r], [-a, a], [-r, a], [-r, -a], [-a, -a],
      ];
      outline.forEach(([dx, dy], i) => pen[i ? "lineTo" : "moveTo"](x + dx, y + dy));
      pen.closePath();
    },
    pennant: (pen, x, y, r) => {
      pen.moveTo(x, y - r);
      pen.lineTo(x + r, y + r * 0.75);
      pen.lineTo(x - r, y + r * 0.75);
      pen.closePath();
    },
  };

  P.Canvas = L.Canvas.extend({
    _fillStroke(pen, layer) {
      const { fill, hatch, fillColor, color, fillOpacity } = layer.options;
      if (fill && hatch) {
        const pattern = pen.createPattern(hatchTile(fillColor || color, hatch), "repeat");
        if (layer.options.glyph) {
          // a small mark needs fine stripes, and must not darken where it covers another
          pattern.setTransform(new DOMMatrix().scale(0.55));
          pen.globalAlpha = 1;
          pen.fillStyle = "#fff";
          pen.fill();
        }
        pen.globalAlpha = fillOpacity;
        pen.fillStyle = pattern;
        pen.fill("evenodd");
        // the defaults (stroke, opacity) stand on the prototype of the options: inherit them
        const outline = Object.create(layer.options, { fill: { value: false } });
        L.Canvas.prototype._fillStroke.call(this, pen, { options: outline });
        return;
      }
      L.Canvas.prototype._fillStroke.call(this, pen, layer);
    },
    _updateGlyph(layer) {
      if (!this._drawing || layer._empty()) return;
      const pen = this._ctx;
      pen.beginPath();
      const { x, y } = layer._point;
      glyphs[layer.options.glyph](pen, x, y, layer._radius);
      this._fillStroke(pen, layer);
    },
  });

  /** A point mark of fixed size on screen: circle, square, cross or pennant. */
  P.Glyph = L.CircleMarker.extend({
    options: { glyph: "circle" },
    _project() {
      // over a whole city full-size marks would hide the lines they stand on
      this._radius = this.options.radius * (this._map.getZoom() < FAR ? 0.62 : 1);
      L.CircleMarker.prototype._project.call(this);
    },
    _updatePath() {
      this._renderer._updateGlyph(this);
    },
  });
})();
