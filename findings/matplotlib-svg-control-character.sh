#!/usr/bin/env bash
# matplotlib 3.11.2: a control character in a text, such as the bell or an escape from a
# log, is written into an SVG as it is. XML 1.0 has no such characters, not even escaped,
# so no parser and no browser reads the file; savefig says nothing, and PNG and PDF of
# the same figure are right.
# It matters here because names in figures come from users and from clients: replace what
# is not printable before drawing.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet matplotlib==3.11.2 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'END'
import io
import sys
import xml.etree.ElementTree as ET

import matplotlib
from matplotlib.figure import Figure


def reads(name):
    text = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure = Figure()
        figure.text(0.5, 0.5, name)
        figure.savefig(text, format="svg")
    try:
        ET.fromstring(text.getvalue())
    except ET.ParseError as error:
        return f"not an XML file: {error.msg}"
    return "an XML file"


print("matplotlib", matplotlib.__version__)
plain, control = reads("client <1> & co"), reads("client \x07")
print("expected an XML file, or an error from savefig")
print(f"seen     {plain} with < and &; {control.partition(':')[0]} with a bell")
if plain != "an XML file" or not control.startswith("not"):
    sys.exit("changed: an SVG with a control character can be read")
END
