// What every page is dressed in, and what zooms it.
#pragma once

#include <string_view>

namespace troupe::simulation {

/// The colours are Okabe and Ito's, toned: they differ in lightness too.
inline constexpr std::string_view page_style = R"css(
:root {
  color-scheme: light dark;
  --ground: #fcfcfa; --panel: #ffffff; --ink: #1d2126; --quiet: #626a73; --faint: #e6e7e4; --fainter: #f1f1ee;
  --ready: #2b8f78; --starting: #a9d9c9; --stopped: #e69f00; --lost: #d55e00; --gone: #c9ccc8;
  --complete: #3d7ebc; --left: #9aa1a8; --cut: #a2559b; --failed: #d55e00; --open: #1d2126;
  --fault: #8c4b86; --bad: #c8102e; --in-bar: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --panel: #1a1e22; --ink: #e4e6e8; --quiet: #98a1aa; --faint: #2b3036; --fainter: #202429;
    --ready: #3fae94; --starting: #24594d; --stopped: #f0b429; --lost: #f07b2d; --gone: #40464c;
    --complete: #5b9bd8; --left: #757d85; --cut: #cc79c4; --failed: #f07b2d; --open: #e4e6e8;
    --fault: #cf8fc9; --bad: #ff5a6e; --in-bar: #0d1512;
  }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 28px 32px 48px; background: var(--ground); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 24px; font-weight: 650; letter-spacing: -0.01em; line-height: 1.25; }
h2 { margin: 32px 0 8px; font-size: 15px; font-weight: 650; }
code, .command { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12.5px; }
.command { margin: 4px 0 0; color: var(--quiet); overflow-wrap: anywhere; }
.verdict { display: inline-block; margin-left: 10px; padding: 1px 10px; border-radius: 99px; font-size: 13px;
  font-weight: 600; letter-spacing: 0; vertical-align: 4px; border: 1px solid currentColor; color: var(--ready); }
.verdict.wrong { color: var(--ground); background: var(--bad); border-color: var(--bad); }
.figures { display: flex; flex-wrap: wrap; gap: 14px 36px; margin: 20px 0 18px; }
.figures div { min-width: 80px; }
.figures dt { color: var(--quiet); font-size: 12px; }
.figures dd { margin: 0; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.figures dd small { display: block; font-size: 12px; font-weight: 400; color: var(--quiet); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 10px; font-size: 12.5px; color: var(--quiet); }
.legend b { font-weight: 600; color: var(--ink); }
.legend svg { width: 22px; height: 12px; vertical-align: -1px; margin-right: 5px; }
.legend .lot { display: flex; flex-wrap: wrap; gap: 4px 14px; margin-right: 14px; }
.tools { display: flex; gap: 6px; align-items: center; margin: 0 0 8px; font-size: 12.5px; color: var(--quiet); }
.tools[hidden] { display: none; }
.tools button { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--faint);
  border-radius: 6px; padding: 2px 10px; cursor: pointer; }
.tools button:hover { border-color: var(--quiet); }
.board { display: flex; background: var(--panel); border: 1px solid var(--faint); border-radius: 10px;
  padding: 10px 0 4px 14px; }
.names { flex: none; display: block; }
.scroll { position: relative; flex: 1; min-width: 0; overflow-x: auto; }
.lanes { display: block; }
.cursor { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1px solid var(--quiet); pointer-events: none; }
.cursor span { position: absolute; top: 0; left: 4px; padding: 0 5px; background: var(--ink); color: var(--ground);
  border-radius: 4px; font-size: 11px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.cursor.late span { left: auto; right: 5px; }
svg text { font-size: 11px; fill: var(--ink); }
svg .heading { font-size: 11px; font-weight: 650; fill: var(--quiet); letter-spacing: 0.02em; }
svg .name { font-size: 12px; }
svg .host { font-weight: 650; }
svg .time { fill: var(--quiet); font-variant-numeric: tabular-nums; }
svg .time.fine { display: none; }
svg.near .time.fine { display: inline; font-size: 10px; }
.tick { stroke: var(--faint); }
.tick.fine { stroke: var(--fainter); }
.rule { stroke: var(--faint); }
.gone { stroke: var(--gone); stroke-dasharray: 1 4; }
.phase { fill: var(--faint); }
.phase.other { fill: var(--fainter); }
.phase-line { stroke: var(--quiet); stroke-dasharray: 3 3; }
svg .phase-name { fill: var(--quiet); font-weight: 600; }
.state, .waits, .gives, .fault { stroke-width: 0.8; rx: 1.5px; }
.state.ready { fill: var(--ready); stroke: var(--ready); }
.state.starting { fill: var(--starting); stroke: var(--starting); }
.state.stopped { fill: url(#stripes); stroke: var(--stopped); }
.state.lost { fill: var(--lost); stroke: var(--lost); }
.stripe-under { fill: var(--panel); }
.stripe { fill: var(--stopped); }
svg .in-bar { fill: var(--in-bar); pointer-events: none; font-weight: 550; }
.complete { fill: var(--complete); stroke: var(--complete); }
.left { fill: var(--left); stroke: var(--left); }
.cut { fill: var(--cut); stroke: var(--cut); }
.failed { fill: var(--failed); stroke: var(--failed); }
.open { fill: var(--open); stroke: var(--open); }
.waits { fill-opacity: 0.2; stroke-opacity: 0.35; }
.fault { fill: var(--fault); fill-opacity: 0.28; stroke: var(--fault); }
.fault-over { fill: url(#fault-stripes); stroke: var(--fault); stroke-opacity: 0.6; pointer-events: none; }
.fault-edge { fill: var(--fault); stroke: var(--fault); stroke-width: 0.8; }
.fault-stripe { fill: var(--fault); fill-opacity: 0.45; }
svg .fault-name { pointer-events: none; }
svg .fault-here, svg .bad { paint-order: stroke; stroke: var(--panel); stroke-width: 3px;
  stroke-linejoin: round; }
svg .fault-here { fill: var(--fault); font-size: 10px; font-weight: 600; pointer-events: none; }
svg .bad { fill: var(--bad); font-weight: 600; }
.bad-line { stroke: var(--bad); stroke-width: 1.6; }
.bad-line.hit { stroke-width: 9; stroke-opacity: 0; pointer-events: stroke; }
.mark { overflow: visible; }
.mark.begins { fill: var(--fault); }
.mark.moved { fill: var(--ink); stroke: var(--panel); stroke-width: 1.2; }
.mark.died { fill: none; stroke: var(--failed); stroke-width: 2; }
.mark.warns { fill: var(--stopped); stroke: var(--panel); stroke-width: 0.8; }
table { border-collapse: collapse; font-size: 13px; }
th { text-align: left; font-weight: 600; color: var(--quiet); font-size: 12px; }
th, td { padding: 3px 22px 3px 0; vertical-align: top; border-bottom: 1px solid var(--faint); overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.wrong-text { color: var(--bad); font-weight: 600; }
details summary { cursor: pointer; color: var(--quiet); margin: 4px 0; }
.quiet { color: var(--quiet); font-size: 12.5px; }
@media print { .tools { display: none; } body { padding: 0; } }
)css";

inline constexpr std::string_view page_script = R"js(
(() => {
  const scroll = document.querySelector('.scroll'), lanes = document.querySelector('.lanes');
  const tools = document.querySelector('.tools');
  if (!scroll || !lanes) return;
  const usual = Number(lanes.dataset.pixels), from = Number(lanes.dataset.from), to = Number(lanes.dataset.to);
  let pixels = usual;
  // Keeps the moment under `at` (pixels from the left of what is seen) where it is.
  const zoom = (wanted, at = scroll.clientWidth / 2) => {
    const part = (scroll.scrollLeft + at) / lanes.getBoundingClientRect().width;
    pixels = Math.min(Math.max(wanted, scroll.clientWidth), 160000);
    lanes.style.minWidth = pixels + 'px';
    lanes.classList.toggle('near', pixels > usual * 2.9);
    scroll.scrollLeft = part * lanes.getBoundingClientRect().width - at;
  };
  const step = { in: () => zoom(pixels * 1.6), out: () => zoom(pixels / 1.6), all: () => zoom(0), usual: () => zoom(usual) };
  tools.hidden = false;
  for (const button of tools.querySelectorAll('button')) button.onclick = step[button.name];
  scroll.addEventListener('wheel', event => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(pixels * Math.exp(-event.deltaY / 300), event.clientX - scroll.getBoundingClientRect().left);
  }, { passive: false });
  scroll.addEventListener('keydown', event => {
    const does = { '+': step.in, '=': step.in, '-': step.out, '0': step.usual }[event.key];
    if (does && !event.ctrlKey && !event.metaKey) does();
  });
  const cursor = document.createElement('div'), text = document.createElement('span');
  cursor.className = 'cursor';
  cursor.hidden = true;
  cursor.append(text);
  scroll.append(cursor);
  scroll.addEventListener('pointermove', event => {
    const box = lanes.getBoundingClientRect(), x = event.clientX - box.left;
    cursor.hidden = x < 0 || x > box.width;
    cursor.style.left = x + 'px';
    cursor.classList.toggle('late', event.clientX > scroll.getBoundingClientRect().right - 90);
    text.textContent = ((from + (to - from) * x / box.width) / 1000).toFixed(3) + ' s';
  });
  scroll.addEventListener('pointerleave', () => { cursor.hidden = true; });
})();
)js";

}  // namespace troupe::simulation
