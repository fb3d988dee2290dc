"""The page: everything that a person sees. All text of visitors passes through `escape`."""

import os
import pathlib
from html import escape

HERE = pathlib.Path(__file__).parent
HEADLINE = (HERE / "headline.txt").read_text(encoding="utf-8").strip()
ACCENT = (HERE / "accent.txt").read_text(encoding="utf-8").strip()

STYLE = """
:root { color-scheme: light dark; --accent: ACCENT;
  --paper: #fbf9f4; --card: #fff; --ink: #23211d; --faint: #6c675d; --line: #e4dfd3; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #171613; --card: #201f1b; --ink: #ece8df; --faint: #a09a8d; --line: #35322b; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 ui-serif, Georgia, serif;
  border-top: 6px solid var(--accent) }
main { max-width: 40rem; margin: 0 auto; padding: 3rem 1.25rem 4rem }
h1 { font-size: clamp(1.9rem, 6vw, 2.8rem); line-height: 1.15; margin: 0 0 .5rem; text-wrap: balance }
.where { color: var(--faint); font: 13px/1.5 ui-monospace, monospace; margin: 0 0 2rem }
form, article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem }
form { display: grid; gap: .8rem; margin-bottom: 2rem }
label { display: grid; gap: .25rem; font: 14px/1.4 ui-sans-serif, system-ui, sans-serif; color: var(--faint) }
input, textarea, select { font: inherit; font-size: 16px; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: .5rem .65rem; width: 100% }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
button { justify-self: start; font: 600 15px ui-sans-serif, system-ui, sans-serif; color: #fff; background: var(--accent);
  border: 0; border-radius: 6px; padding: .6rem 1.2rem; cursor: pointer }
article { margin-bottom: .9rem; overflow-wrap: anywhere }
article p { margin: 0 0 .4rem; white-space: pre-line }
footer { color: var(--faint); font: 14px/1.4 ui-sans-serif, system-ui, sans-serif }
footer b { color: var(--accent) }
"""


def render(entries):
    """The whole book as one HTML page."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(HEADLINE)}</title>
<style>{STYLE.replace("ACCENT", escape(ACCENT))}</style>
<main>
<h1>{escape(HEADLINE)}</h1>
<p class="where">{escape(where())}</p>
<form method="post" action="/entries">
<label>Your name <input name="author" required maxlength="80" autocomplete="name"></label>
<label>Your line <textarea name="message" required maxlength="2000" rows="3"></textarea></label>
<button>Sign the book</button>
</form>
{"".join(article(entry) for entry in entries) or "<p>Nobody has signed yet. Be the first.</p>"}
</main>
</html>
"""


def where():
    """Which copy of the application this is: the preview and the commit, where they are known."""
    preview = os.environ.get("DAYFLY_PREVIEW", "")
    commit = os.environ.get("DAYFLY_COMMIT", "")[:8]
    if not preview:
        return "running outside a preview"
    return f"preview {preview}" + (f" at commit {commit}" if commit else "")


def article(entry):
    """One entry."""
    written = entry["written_at"]
    return (
        f'<article><p>{escape(entry["message"])}</p>'
        f'<footer><b>{escape(entry["author"])}</b>, '
        f'<time datetime="{written.isoformat()}">{written:%d %B %Y, %H:%M}</time></footer></article>\n'
    )
