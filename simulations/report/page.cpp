#include "simulations/report/page.hpp"

#include <algorithm>

#include "simulations/report/event_text.hpp"
#include "simulations/report/markup.hpp"
#include "simulations/report/page_parts.hpp"
#include "simulations/report/request_text.hpp"
#include "simulations/report/stream_choice.hpp"

namespace troupe::simulation {
namespace {

/// In each table below the picture.
constexpr size_t table_rows_max = 100;

std::string figure(std::string_view what, const std::string& number, const std::string& more = {}) {
  std::string out = "<div><dt>" + html_escaped(what) + "</dt><dd>" + html_escaped(number);
  if (!more.empty()) out += "<small>" + html_escaped(more) + "</small>";
  return out + "</dd></div>\n";
}

std::string figures_of(const run_summary& run) {
  uint64_t tokens = 0, moves = 0;
  const request_summary* slowest = nullptr;
  for (const request_summary& request : run.requests) {
    tokens += request.tokens;
    moves += request.moves().size();
    if (slowest == nullptr || request.gap > slowest->gap) slowest = &request;
  }
  std::string out = "<dl class=\"figures\">\n";
  out += figure("Time", seconds_text(run.to - run.from) + " s", counted(run.events, "event"));
  out += figure("Requests", std::to_string(run.requests.size()), ends_text(run.requests));
  out += figure("Tokens", std::to_string(tokens));
  out += figure("Moves to another group or generation", std::to_string(moves));
  if (slowest != nullptr && slowest->gap > duration{})
    out += figure("Longest wait between two tokens", seconds_text(slowest->gap) + " s", "request " + slowest->name);
  out += figure("Faults", std::to_string(run.faults.size()));
  out += figure("Violations", std::to_string(run.violations.size()));
  return out + "</dl>\n";
}

std::string key_bar(std::string_view style, std::string_view text) {
  return "<span><svg><rect class=\"" + std::string(style) + R"(" x="1" y="2" width="20" height="8"/></svg>)" +
         std::string(text) + "</span>\n";
}
std::string key_mark(std::string_view symbol, std::string_view text) {
  return "<span><svg><use class=\"mark " + std::string(symbol) + "\" href=\"#" + std::string(symbol) +
         R"(" x="11" y="6"/></svg>)" + std::string(text) + "</span>\n";
}

std::string legend() {
  return "<div class=\"legend\">\n<div class=\"lot\"><b>Nodes and groups</b>\n" +
         key_bar("state starting", "starting") + key_bar("state ready", "ready") + key_bar("state stopped", "stopped") +
         key_bar("state lost", "lost") + key_mark("died", "died") + key_mark("warns", "warning") +
         "</div>\n<div class=\"lot\"><b>Streams</b>\n" + key_bar("gives complete", "complete") +
         key_bar("gives failed", "failed") + key_bar("gives cut", "cut") + key_bar("gives left", "client left") +
         key_bar("gives open", "not ended") + key_bar("waits complete", "no tokens") +
         key_mark("moved", "moved to another group or generation") + "</div>\n<div class=\"lot\"><b>Faults</b>\n" +
         key_bar("fault", "while it lasts") + "</div>\n</div>\n";
}

/// A table; its cells are texts. The first column is a time.
class table {
 public:
  explicit table(std::initializer_list<std::string_view> columns) {
    out_ = "<table>\n<tr>";
    for (const std::string_view column : columns) out_ += "<th>" + html_escaped(column) + "</th>";
    out_ += "</tr>\n";
  }
  /// False: no more rows.
  bool add(std::initializer_list<std::string_view> cells) {
    if (++rows_ > table_rows_max) return false;
    out_ += "<tr>";
    bool is_first = true;
    for (const std::string_view cell : cells) {
      out_ += (is_first ? R"(<td class="number">)" : "<td>") + html_escaped(cell) + "</td>";
      is_first = false;
    }
    out_ += "</tr>\n";
    return true;
  }
  std::string markup(size_t of) const {
    std::string out = out_ + "</table>\n";
    if (of > table_rows_max) out += "<p class=\"quiet\">The first " + std::to_string(table_rows_max) + ".</p>\n";
    return out;
  }

 private:
  std::string out_;
  size_t rows_ = 0;
};

std::string violations_of(const run_summary& run) {
  if (run.violations.empty()) return {};
  table rows({"s", "", "What must not be"});
  for (const violation_summary& each : run.violations)
    if (!rows.add({seconds_text(each.at), each.id, each.what})) break;
  return "<h2 class=\"wrong-text\">" + counted(run.violations.size(), "violation") + "</h2>\n" +
         rows.markup(run.violations.size());
}

std::string faults_of(const run_summary& run) {
  if (run.faults.empty()) return {};
  table rows({"s", "to", "Fault", "", "Whom it touches"});
  for (const fault_summary& each : run.faults) {
    if (!rows.add({seconds_text(each.from), each.to ? seconds_text(*each.to) : "", std::to_string(each.id), each.kind,
                   joined(each.targets, ", ")})) {
      break;
    }
  }
  return "<h2>Faults</h2>\n<details><summary>" + counted(run.faults.size(), "fault") + "</summary>\n" +
         rows.markup(run.faults.size()) + "</details>\n";
}

std::string notable_requests_of(const run_summary& run) {
  table rows({"s", "Request", "What became of it"});
  size_t count = 0;
  for (const request_summary& request : run.requests) {
    if (!is_notable(run, request)) continue;
    ++count;
    rows.add({request.begun ? seconds_text(*request.begun) : "", request.name, joined(texts_of(request), "; ")});
  }
  if (count == 0) return {};
  return "<h2>Streams that moved, failed or did not end</h2>\n<details><summary>" + counted(count, "stream") +
         "</summary>\n" + rows.markup(count) + "</details>\n";
}

std::string verdict_of(const run_summary& run) {
  const size_t count = run.violations.size();
  return "<span class=\"verdict" + std::string(count == 0 ? "" : " wrong") + "\">" +
         (count == 0 ? "no violation" : counted(count, "violation")) + "</span>";
}

}  // namespace

std::string timeline_page(const record& of, const page_title& title, const page_bounds& bounds) {
  const run_summary run = summary_of(of);
  const picture drawn = draw(run, bounds);
  std::string out = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>)" + html_escaped(title.name) +
                    "</title>\n<style>" + std::string(page_style) + "</style>\n</head>\n<body>\n<header>\n<h1>" +
                    html_escaped(title.name) + verdict_of(run) + "</h1>\n";
  if (!title.command.empty()) out += "<p class=\"command\">" + html_escaped(title.command) + "</p>\n";
  out += "</header>\n" + figures_of(run) + legend() + R"(<div class="tools" hidden>
<button name="out">&minus;</button><button name="in">+</button><button name="usual">usual size</button>
<button name="all">all of it</button><span>Ctrl and the wheel zoom too. What the pointer rests on says more.</span>
</div>
<div class="board">
)" + drawn.names +
         "\n<div class=\"scroll\" tabindex=\"0\">\n" + drawn.lanes + "\n</div>\n</div>\n";
  if (!drawn.left_out.empty())
    out += "<p class=\"quiet left-out\">Not drawn: " + html_escaped(joined(drawn.left_out, ", ")) + ".</p>\n";
  if (run.left_out != 0)
    out += "<p class=\"quiet left-out\">The record begins after " + counted(run.left_out, "event") + ".</p>\n";
  out += violations_of(run) + faults_of(run) + notable_requests_of(run);
  return out + "<script>" + std::string(page_script) + "</script>\n</body>\n</html>\n";
}

}  // namespace troupe::simulation
