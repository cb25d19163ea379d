// Draw very many polygons as one layer: projected at once, filled class by class.
"use strict";

(() => {
  const P = globalThis.parkgap;
  const WORLD = 256;
  // one path of many thousand pieces fills far slower than many small paths
  const BATCH = 16;
  // outlines of very many features appear only close up
  const FEW = 2000;
  const CLOSE = 2 ** 14;
  const STROKE = { opacity: 1, lineCap: "round", lineJoin: "round", fillOpacity: 1 };

  const mercatorX = (lon) => (WORLD * (lon + 180)) / 360;
  const mercatorY = (lat) => {
    const angle = (lat * Math.PI) / 180;
    return (WORLD * (1 - Math.log(Math.tan(angle) + 1 / Math.cos(angle)) / Math.PI)) / 2;
  };

  const countPoints = (packed) => {
    let points = 0;
    let rings = 0;
    for (const polygons of packed) {
      for (const polygon of polygons || []) {
        for (const ring of polygon) {
          points += ring.length / 2;
          rings += 1;
        }
      }
    }
    return { points, rings };
  };

  /** Unpack all polygons into flat arrays of world coordinates, with a box for each feature. */
  const unpackAll = (packed, scale) => {
    const { points, rings } = countPoints(packed);
    const xy = new Float64Array(2 * points);
    const ringEnd = new Int32Array(rings);
    const featureEnd = new Int32Array(packed.length);
    const boxes = new Float64Array(4 * packed.length);
    let at = 0;
    let ringNumber = 0;
    packed.forEach((polygons, number) => {
      const box = [Infinity, Infinity, -Infinity, -Infinity];
      for (const ring of (polygons || []).flat()) {
        let lon = 0;
        let lat = 0;
        for (let i = 0; i < ring.length; i += 2) {
          lon += ring[i];
          lat += ring[i + 1];
          const x = mercatorX(lon / scale);
          const y = mercatorY(lat / scale);
          xy[at] = x;
          xy[at + 1] = y;
          at += 2;
          if (x < box[0]) box[0] = x;
          if (y < box[1]) box[1] = y;
          if (x > box[2]) box[2] = x;
          if (y > box[3]) box[3] = y;
        }
        ringEnd[ringNumber] = at;
        ringNumber += 1;
      }
      boxes.set(box, 4 * number);
      featureEnd[number] = ringNumber;
    });
    return { xy, ringEnd, featureEnd, boxes };
  };

  P.Canvas.include({
    /** Fill the features of one class after another; features out of view cost a comparison. */
    _updateMass(layer) {
      if (!this._drawing || !this._bounds) return;
      const { min, max } = this._bounds;
      const { factor, origin } = layer.placing();
      const view = [
        (min.x + origin.x) / factor, (min.y + origin.y) / factor,
        (max.x + origin.x) / factor, (max.y + origin.y) / factor,
      ];
      layer.paints.forEach((paint, number) => {
        const outlined = paint.weight > 0 && (layer.classes.length < FEW || factor > CLOSE);
        const dashes = paint.dashArray ? paint.dashArray.split(/[ ,]+/).map(Number) : null;
        const look = {
          options: { ...STROKE, ...paint, _dashArray: dashes, stroke: outlined, fillRule: "nonzero" },
        };
        layer.trace(this._ctx, number, view, factor, origin, () => this._fillStroke(this._ctx, look));
      });
    },
  });

  P.Mass = L.Path.extend({
    /** `classes` numbers the paint of each feature; rows are its attributes. */
    initialize(block, scale, paints, classes, options) {
      L.setOptions(this, { interactive: false, ...options });
      this.paints = paints;
      this.classes = classes;
      Object.assign(this, unpackAll(block.g, scale));
      this.hidden = new Set();
    },
    placing() {
      return { factor: 2 ** this._map.getZoom(), origin: this._map.getPixelOrigin() };
    },
    trace(pen, number, view, factor, origin, finish) {
      let traced = 0;
      pen.beginPath();
      const { boxes, classes } = this;
      const finest = 0.6 / factor;
      for (let feature = 0; feature < classes.length; feature += 1) {
        if (classes[feature] !== number) continue;
        const b = 4 * feature;
        if (boxes[b] > view[2] || boxes[b + 2] < view[0]) continue;
        if (boxes[b + 1] > view[3] || boxes[b + 3] < view[1]) continue;
        if (boxes[b + 2] - boxes[b] < finest && boxes[b + 3] - boxes[b + 1] < finest) {
          pen.rect(boxes[b] * factor - origin.x, boxes[b + 1] * factor - origin.y, 1, 1);
        } else this.traceRings(pen, feature, factor, origin);
        traced += 1;
        if (traced % BATCH === 0) {
          finish();
          pen.beginPath();
        }
      }
      finish();
    },
    traceRings(pen, feature, factor, origin) {
      const { xy, ringEnd, featureEnd } = this;
      for (let r = feature ? featureEnd[feature - 1] : 0; r < featureEnd[feature]; r += 1) {
        const start = r ? ringEnd[r - 1] : 0;
        for (let i = start; i < ringEnd[r]; i += 2) {
          const x = xy[i] * factor - origin.x;
          const y = xy[i + 1] * factor - origin.y;
          if (i === start) pen.moveTo(x, y);
          else pen.lineTo(x, y);
        }
        pen.closePath();
      }
    },
    /** Find the topmost feature under a point of the map, or -1. */
    featureAt(latlng) {
      const x = mercatorX(latlng.lng);
      const y = mercatorY(latlng.lat);
      const { xy, ringEnd, featureEnd, boxes } = this;
      for (let feature = featureEnd.length - 1; feature >= 0; feature -= 1) {
        const b = 4 * feature;
        if (x < boxes[b] || x > boxes[b + 2] || y < boxes[b + 1] || y > boxes[b + 3]) continue;
        let inside = false;
        for (let r = feature ? featureEnd[feature - 1] : 0; r < featureEnd[feature]; r += 1) {
          const start = r ? ringEnd[r - 1] : 0;
          for (let i = start, j = ringEnd[r] - 2; i < ringEnd[r]; j = i, i += 2) {
            const crosses = xy[i + 1] > y !== xy[j + 1] > y;
            const at = ((xy[j] - xy[i]) * (y - xy[i + 1])) / (xy[j + 1] - xy[i + 1]) + xy[i];
            if (crosses && x < at) inside = !inside;
          }
        }
        if (inside) return feature;
      }
      return -1;
    },
    middleOf(feature) {
      const b = 4 * feature;
      const { boxes } = this;
      const point = L.point((boxes[b] + boxes[b + 2]) / 2, (boxes[b + 1] + boxes[b + 3]) / 2);
      return L.CRS.EPSG3857.pointToLatLng(point, 0);
    },
    _project() {
      const { factor, origin } = this.placing();
      const edges = [Infinity, Infinity, -Infinity, -Infinity];
      for (let i = 0; i < this.boxes.length; i += 4) {
        edges[0] = Math.min(edges[0], this.boxes[i]);
        edges[1] = Math.min(edges[1], this.boxes[i + 1]);
        edges[2] = Math.max(edges[2], this.boxes[i + 2]);
        edges[3] = Math.max(edges[3], this.boxes[i + 3]);
      }
      const corner = (x, y) => L.point(x * factor - origin.x, y * factor - origin.y);
      this._pxBounds = L.bounds(corner(edges[0], edges[1]), corner(edges[2], edges[3]));
    },
    _updateBounds() {
      this._project();
    },
    _update() {
      if (this._map) this._updatePath();
    },
    _updatePath() {
      this._renderer._updateMass(this);
    },
    _empty() {
      return this.classes.length === 0;
    },
    _containsPoint() {
      return false;
    },
    bringToFront() {
      return this;
    },
  });
})();
