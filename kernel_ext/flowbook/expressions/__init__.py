"""The expression language: Pebble's grammar on Jinja2's compiler. `render.py` is the way in."""
