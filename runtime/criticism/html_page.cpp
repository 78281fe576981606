#include "runtime/criticism/html_page.hpp"

#include "lang/words.hpp"
#include "runtime/criticism/svg_plot.hpp"

#include <fmt/format.h>

namespace sibyl {

namespace {

constexpr const char* style = R"(
:root { --ground: #fdfdfc; --panel: #f3f3f0; --ink: #1d2126; --soft: #5d6670; --grid: #e3e3de; --accent: #2a6fb0;
  --band: #2a6fb022; --bad: #c2410c; --good: #2f7d4f; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ground: #15181c; --panel: #1e2227; --ink: #e6e8ea; --soft: #9aa4ae;
  --grid: #2c3238; --accent: #6cb0ee; --band: #6cb0ee26; --bad: #fb923c; --good: #6fcf97; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1040px; padding: 28px 20px 60px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 34px 0 6px; }
p { margin: 6px 0; max-width: 78ch; } .soft { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 12px; margin: 18px 0; }
.card { background: var(--panel); border-left: 4px solid var(--good); border-radius: 4px; padding: 10px 14px; }
.card.bad { border-color: var(--bad); } .card.none { border-color: var(--soft); }
.card b { display: block; font-size: 17px; }
.warn { border-left: 4px solid var(--bad); background: var(--panel); border-radius: 4px; padding: 10px 14px;
  margin: 12px 0; }
.warn ul { margin: 4px 0; padding-left: 20px; }
.plots { display: flex; flex-wrap: wrap; gap: 10px 14px; margin: 8px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0; }
th, td { padding: 3px 12px 3px 0; text-align: right; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } th.text, td.text { text-align: left; } td.text { min-width: 8ch; }
td.verdict { text-align: left; min-width: 40ch; } .off { color: var(--bad); font-weight: 600; }
pre { background: var(--panel); padding: 12px 14px; border-radius: 4px; overflow-x: auto;
  font: 13px/1.45 ui-monospace, monospace; }
summary { cursor: pointer; color: var(--accent); }
svg { max-width: 100%; height: auto; font: 10px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg .head { fill: var(--ink); font-size: 12px; font-weight: 600; }
svg .grid { stroke: var(--grid); } svg .rule { stroke: var(--soft); stroke-dasharray: 3 3; }
svg .line { fill: none; stroke: var(--accent); stroke-width: 1.6; }
svg .faint { stroke: var(--accent); stroke-opacity: .28; }
svg .band { fill: var(--band); } svg .dot { fill: var(--accent); fill-opacity: .55; }
svg .bad { fill: var(--bad); stroke: var(--bad); stroke-width: 1.6; }
svg .bar { fill: var(--accent); fill-opacity: .55; }
@media print { body { max-width: none; } }
)";

} // namespace

std::string html_page(const std::string& title, const std::string& body) {
  return fmt::format("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                     "content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{}</style></head><body>\n"
                     "{}</body></html>\n",
                     escaped_html(title), style, body);
}

std::string with_code(const std::string& text) {
  std::string result;
  bool is_open = false;
  for (const char c : escaped_html(text)) {
    if (c != '`') result += c;
    else result += (is_open = !is_open) ? "<code>" : "</code>";
  }
  return is_open ? escaped_html(text) : result;
}

} // namespace sibyl
