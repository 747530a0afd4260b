#!/usr/bin/env python3
"""Draws a Vega-Lite specification without a browser and without a network; moesim plot calls it.

usage: render_figure.py SPECIFICATION OUT.svg|OUT.png
       render_figure.py --scripts OUT.js       the scripts that a self-contained page needs, as one file
"""

import sys
from pathlib import Path

import vl_convert

PIXELS = 2  # per point of a PNG: sharp on dense screens and in print


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    out = Path(sys.argv[2])
    if sys.argv[1] == "--scripts":
        out.write_text(vl_convert.javascript_bundle(), encoding="utf-8")
        return
    spec = Path(sys.argv[1]).read_text(encoding="utf-8")
    if out.suffix == ".svg":
        out.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    else:
        out.write_bytes(vl_convert.vegalite_to_png(spec, scale=PIXELS))


if __name__ == "__main__":
    main()
