#include "simulations/report/timeline.hpp"

#include <algorithm>

#include "simulations/report/event_text.hpp"
#include "simulations/report/request_text.hpp"
#include "simulations/report/summary.hpp"

namespace troupe::simulation {
namespace {

constexpr size_t time_width = 9, node_width_max = 24, what_width = 20;

std::string padded_left(const std::string& text, size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}
std::string padded_right(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string_view mark_of(const event& e) {
  if (e.what == "violation" || e.level == log_level::error) return "!!";
  if (e.what == "fault.begins") return ">>";
  if (e.what == "fault.ends") return "<<";
  if (e.what.starts_with("phase.")) return "==";
  return e.level == log_level::warn ? "! " : "  ";
}

void append_event(std::string& out, const event& e, size_t node_width) {
  std::string line(mark_of(e));
  // The world's own events have no node: their line is ruled through there.
  const std::string node = e.node.empty() ? std::string(node_width, line[0] == ' ' ? '-' : line[0])
                                          : padded_right(std::string(e.node), node_width);
  line += ' ' + padded_left(seconds_text(e.at), time_width) + "  " + node + "  " +
          padded_right(std::string(e.what), what_width) + "  " + fields_text(e);
  line.resize(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

void append_requests(std::string& out, const run_summary& run) {
  out += "\nRequests: " + std::to_string(run.requests.size());
  if (!run.requests.empty()) out += ", " + ends_text(run.requests);
  out += "\n\n";
  for (const request_summary& request : run.requests) {
    out += request.failed() || !request.ended ? "! " : "  ";
    out += request.name + ": " + joined(texts_of(request), "; ") + '\n';
  }
}

void append_nodes(std::string& out, const run_summary& run) {
  out += "\nNodes: " + std::to_string(run.nodes.size()) + "\n\n";
  for (const node_summary& node : run.nodes) {
    out += "  " + node.name;
    if (node.kind != node_kind::host) {
      out += node.kind == node_kind::rank ? ", a rank" : ", a gateway";
      if (!node.host.empty()) out += " on " + node.host;
    } else {
      out += ", a host";
    }
    out += '\n';
    for (const moment& each : node.moments)
      out += (each.warns ? "!   " : "    ") + padded_left(seconds_text(each.at), time_width) + "  " + each.text + '\n';
  }
}

}  // namespace

std::string timeline_text(const record& of) {
  size_t node_width = 0;
  for (size_t i = 0; i < of.size(); ++i) node_width = std::max(node_width, of[i].node.size());
  node_width = std::clamp<size_t>(node_width, 1, node_width_max);
  std::string out;
  if (of.left_out() != 0) out += "The first " + counted(of.left_out(), "event") + " were left out.\n";
  for (size_t i = 0; i < of.size(); ++i) append_event(out, of[i], node_width);
  const run_summary run = summary_of(of);
  append_requests(out, run);
  append_nodes(out, run);
  return out;
}

}  // namespace troupe::simulation
