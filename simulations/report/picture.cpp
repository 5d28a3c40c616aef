#include "simulations/report/picture.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "simulations/report/canvas.hpp"
#include "simulations/report/event_text.hpp"
#include "simulations/report/markup.hpp"
#include "simulations/report/request_text.hpp"
#include "simulations/report/stream_choice.hpp"
#include "simulations/report/time_scale.hpp"

namespace troupe::simulation {
namespace {

/// Of a letter of the small texts, about.
constexpr double letter_width = 6.2;

std::string span_text(duration from, duration to) {
  return seconds_text(from) + " to " + seconds_text(to) + " s (" + seconds_text(to - from) + " s)";
}

std::string_view class_of(process_state state) {
  switch (state) {
    case process_state::starting: return "starting";
    case process_state::ready: return "ready";
    case process_state::stopped: return "stopped";
  }
  return "";
}

std::string_view class_of(group_condition condition) {
  switch (condition) {
    case group_condition::starting: return "starting";
    case group_condition::ready: return "ready";
    case group_condition::lost: return "lost";
  }
  return "";
}

std::string_view class_of(const request_summary& request) {
  if (!request.ended) return "open";
  if (request.how == "complete" || request.how == "left" || request.how == "cut") return request.how;
  return "failed";
}

/// Draws from top to bottom.
class painter {
 public:
  painter(const run_summary& run, const page_bounds& bounds)
      : run_(run), bounds_(bounds), scale_(run.from, std::max(run.to, run.from)) {}

  picture paint() {
    axis();
    violations();
    faults();
    groups();
    nodes();
    streams();
    overlay_faults();
    y_ += 8;
    return {.names = canvas_.names(y_), .lanes = canvas_.lanes(y_), .left_out = left_out_texts()};
  }

 private:
  // ---- what all sections need ----

  void heading(std::string_view text) {
    y_ += 10;
    canvas_.name("heading", 0, y_ + 14, text);
    canvas_.level_line("rule", y_ + 19);
    y_ += 22;
  }
  void leave_out(size_t all, size_t drawn, std::string_view what) {
    auto& [missing, of] = left_out_[what];
    missing += all - std::min(all, drawn);
    of += all;
  }
  std::vector<std::string> left_out_texts() const {
    std::vector<std::string> texts;
    for (const auto& [what, counts] : left_out_)
      if (counts.first != 0) texts.push_back(std::to_string(counts.first) + " of " + counted(counts.second, what));
    return texts;
  }
  double text_pixels(std::string_view text) const { return static_cast<double>(text.size()) * letter_width + 10; }

  // ---- time ----

  void axis() {
    constexpr int ticks_y = 14;
    const duration wide = scale_.step(85), fine = scale_.step(17);
    for (const duration step : {fine, wide}) {
      duration at = scale_.from() / step * step;
      if (at < scale_.from()) at += step;
      for (; at <= scale_.to(); at += step) {
        if (step == fine && at % wide == duration{}) continue;
        const std::string style = step == fine ? " fine" : "";
        canvas_.upright("tick" + style, at, 18);
        std::string text = seconds_text(at);
        if (step % std::chrono::seconds(1) == duration{}) text.resize(text.find('.'));
        canvas_.label("time" + style, at, ticks_y, text + " s");
      }
    }
    y_ = 22;
    if (run_.phases.empty()) return;
    const size_t count = std::min(run_.phases.size(), bounds_.lines);
    for (size_t i = 0; i < count; ++i) {
      const moment& phase = run_.phases[i];
      const duration to = i + 1 < run_.phases.size() ? run_.phases[i + 1].at : scale_.to();
      canvas_.bar(i % 2 == 0 ? "phase" : "phase other", phase.at, to, {y_, 16},
                  "phase " + phase.text + "\n" + span_text(phase.at, std::min(to, run_.to)));
      canvas_.upright("phase-line", phase.at, 22);
      const std::string word = phase.text.substr(0, phase.text.find(' '));
      if (scale_.pixel(to) - scale_.pixel(phase.at) > text_pixels(word))
        canvas_.label("phase-name", phase.at, y_ + 12, word);
    }
    canvas_.name("name", 0, y_ + 12, "phase");
    leave_out(run_.phases.size(), count, "phase");
    y_ += 18;
  }

  /// Rows of texts, each at its moment: to its left where there is no room to its right.
  struct flags {
    row_packer rows;
    int top = 0;
  };
  /// The row's y, and whether the text goes to the left.
  std::pair<int, canvas::side> place_flag(flags& in, duration from, duration to, std::string_view text) const {
    const double begin = scale_.pixel(from), wide = text_pixels(text);
    const bool left = begin + wide > scale_.pixels() && begin > wide;
    const size_t row =
        in.rows.place(left ? begin - wide : begin, std::max(left ? begin : begin + wide, scale_.pixel(to)) + 4);
    return {in.top + static_cast<int>(row) * 17, left ? canvas::side::left : canvas::side::right};
  }

  void violations() {
    if (run_.violations.empty()) return;
    heading("Violations");
    flags in{.rows = {}, .top = y_};
    const size_t count = std::min(run_.violations.size(), bounds_.lines);
    for (size_t i = 0; i < count; ++i) {
      const violation_summary& each = run_.violations[i];
      const std::string whole = each.id + ": " + each.what, text = shortened(whole, 70);
      const auto [y, side] = place_flag(in, each.at, each.at, text);
      const std::string title = seconds_text(each.at) + " s\n" + whole;
      for (const std::string_view style : {"bad-line", "bad-line hit"}) canvas_.upright_over(style, each.at, 18, title);
      canvas_.label("bad", each.at, y + 12, text, side);
    }
    leave_out(run_.violations.size(), count, "violation");
    y_ = in.top + static_cast<int>(in.rows.rows()) * 17;
  }

  // ---- faults ----

  duration end_of(const fault_summary& fault) const { return fault.to.value_or(run_.to); }
  std::string title_of(const fault_summary& fault) const {
    std::string title = fault.kind + " (fault " + std::to_string(fault.id) + ")\n";
    title += fault.to ? span_text(fault.from, *fault.to) : "from " + seconds_text(fault.from) + " s, has not ended";
    for (const std::string& target : fault.targets) title += "\n" + target;
    return title;
  }

  void faults() {
    if (run_.faults.empty()) return;
    heading("Faults");
    flags in{.rows = {}, .top = y_};
    const size_t count = std::min(run_.faults.size(), bounds_.faults);
    for (size_t i = 0; i < count; ++i) {
      const fault_summary& fault = run_.faults[i];
      const std::string text = shortened(fault.kind + " " + joined(fault.targets, ", "), 44);
      const auto [y, side] = place_flag(in, fault.from, end_of(fault), text);
      canvas_.bar("fault", fault.from, end_of(fault), {y + 1, 14}, title_of(fault));
      canvas_.mark("begins", fault.from, y + 8, title_of(fault));
      canvas_.label("fault-name", fault.from, y + 12, text, side);
    }
    leave_out(run_.faults.size(), count, "fault");
    y_ = in.top + static_cast<int>(in.rows.rows()) * 17;
  }

  /// Over the lanes of whom they touch.
  void overlay_faults() {
    std::map<std::string_view, double> named_up_to;
    const size_t count = std::min(run_.faults.size(), bounds_.faults);
    for (size_t i = 0; i < count; ++i) {
      const fault_summary& fault = run_.faults[i];
      for (const std::string& target : fault.targets) {
        const auto its = places_.find(target);
        if (its == places_.end()) continue;
        const band where = its->second;
        canvas_.bar("fault-over", fault.from, end_of(fault), where, {});
        canvas_.bar("fault-edge", fault.from, end_of(fault), {where.y, 4}, title_of(fault));
        const double begin = scale_.pixel(fault.from), end = begin + text_pixels(fault.kind);
        double& taken = named_up_to[target];
        if (begin < taken || end > scale_.pixels()) continue;
        taken = end;
        canvas_.label("fault-here", fault.from, where.y + where.height - 4, fault.kind);
      }
    }
  }

  // ---- groups and nodes ----

  void groups() {
    if (run_.groups.empty()) return;
    heading("Groups");
    const size_t count = std::min(run_.groups.size(), bounds_.lanes);
    for (size_t i = 0; i < count; ++i) {
      const group_summary& group = run_.groups[i];
      canvas_.name("name", 8, y_ + 14, group.name);
      places_[group.name] = {y_, 20};
      canvas_.level_line("gone", y_ + 11);
      const size_t changes = std::min(group.changes.size(), bounds_.bars);
      for (size_t j = 0; j < changes; ++j) {
        const auto& change = group.changes[j];
        const duration to = j + 1 < group.changes.size() ? group.changes[j + 1].at : run_.to;
        const std::string generation = "generation " + std::to_string(change.generation), style(class_of(change.to));
        canvas_.bar("state " + style, change.at, to,
                    change.to == group_condition::lost ? band{y_ + 8, 6} : band{y_ + 4, 14},
                    group.name + ", " + generation + "\n" + style + " " + span_text(change.at, to) +
                        (change.why.empty() ? "" : "\n" + change.why));
        const double room = scale_.pixel(to) - scale_.pixel(change.at);
        if (change.to != group_condition::ready || change.generation == 0) continue;
        if (room > text_pixels(generation)) {
          canvas_.label("in-bar", change.at, y_ + 15, generation);
        } else if (const std::string number = std::to_string(change.generation); room > text_pixels(number)) {
          canvas_.label("in-bar", change.at, y_ + 15, number);
        }
      }
      leave_out(group.changes.size(), changes, "state");
      y_ += 22;
    }
    leave_out(run_.groups.size(), count, "group");
  }

  void nodes() {
    if (run_.nodes.empty()) return;
    heading("Nodes");
    const size_t count = std::min(run_.nodes.size(), bounds_.lanes);
    for (size_t i = 0; i < count; ++i) node(run_.nodes[i]);
    leave_out(run_.nodes.size(), count, "node");
  }

  void node(const node_summary& its) {
    const bool is_host = its.kind == node_kind::host;
    if (is_host) y_ += 4;
    row_packer rows;
    const size_t count = std::min(its.lives.size(), bounds_.bars);
    for (size_t i = 0; i < count; ++i) {
      const process_life& life = its.lives[i];
      const size_t row = rows.place(scale_.pixel(life.changes.front().at), scale_.pixel(life.ended.value_or(run_.to)));
      if (row == 0 && i == 0) canvas_.level_line("gone", y_ + 11);
      draw_life(its, life, {y_ + 6 + static_cast<int>(row) * 11, 10});
    }
    const int height = 20 + 11 * (static_cast<int>(std::max<size_t>(rows.rows(), 1)) - 1);
    size_t marks = 0;
    for (const moment& each : its.moments) {
      if (!each.warns || ++marks > bounds_.bars) continue;
      canvas_.mark("warns", each.at, y_ + height - 4, its.name + ", " + seconds_text(each.at) + " s\n" + each.text);
    }
    canvas_.name(is_host ? "name host" : "name", is_host ? 0 : 8, y_ + 15, its.name);
    places_[its.name] = {y_ + 1, height - 2};
    y_ += height;
    leave_out(its.lives.size(), count, "start");
    leave_out(marks, bounds_.bars, "warning");
  }

  void draw_life(const node_summary& of, const process_life& life, band where) {
    const duration end = life.ended.value_or(run_.to);
    std::string whose = of.kind == node_kind::host ? of.name + "'s agent" : of.name;
    if (life.generation != 0) whose += ", generation " + std::to_string(life.generation);
    std::string last = life.ended ? "\nended " + seconds_text(end) + " s" : "";
    if (!life.how.empty()) last += ": " + life.how;
    const size_t changes = std::min(life.changes.size(), bounds_.bars);
    for (size_t i = 0; i < changes; ++i) {
      const duration to = i + 1 < life.changes.size() ? life.changes[i + 1].at : end;
      const std::string style(class_of(life.changes[i].to));
      canvas_.bar("state " + style, life.changes[i].at, to, where,
                  whose + "\n" + style + " " + span_text(life.changes[i].at, to) + last);
    }
    leave_out(life.changes.size(), changes, "state");
    const bool violent = life.ended && !life.how.empty() && life.how != "exit 0" && life.how != "ended";
    if (violent) canvas_.mark("died", end, where.y + where.height / 2, whose + last);
  }

  // ---- streams ----

  void streams() {
    const std::vector<size_t> drawn = streams_to_draw(run_, bounds_.streams);
    if (drawn.empty()) return;
    std::map<std::string_view, std::vector<size_t>> by_gateway;
    for (const size_t i : drawn) by_gateway[run_.requests[i].gateway].push_back(i);
    for (const auto& [gateway, its] : by_gateway) {
      heading(gateway.empty() ? "Streams" : "Streams at " + std::string(gateway));
      row_packer rows;
      for (const size_t i : its) {
        const request_summary& request = run_.requests[i];
        const duration begin = request.begun.value_or(run_.from), end = request.ended.value_or(run_.to);
        const size_t row = rows.place(scale_.pixel(begin), scale_.pixel(end) + 3);
        draw_stream(request, begin, std::max(begin, end), y_ + static_cast<int>(row) * 9);
      }
      canvas_.name("name", 8, y_ + 10, counted(its.size(), "request"));
      y_ += std::max(static_cast<int>(rows.rows()) * 9, 14);
    }
    leave_out(run_.requests.size(), drawn.size(), "stream");
  }

  void draw_stream(const request_summary& request, duration begin, duration end, int y) {
    std::string title = "request " + request.name;
    for (const std::string& part : texts_of(request)) title += "\n" + part;
    const std::string style(class_of(request));
    canvas_.bar("waits " + style, begin, end, {y + 1, 6}, title);
    const int choices = static_cast<int>(std::min<uint64_t>(request.choices, 3)), height = 6 / choices;
    const size_t count = std::min(request.stretches.size(), bounds_.bars);
    for (size_t i = 0; i < count; ++i) {
      const token_stretch& stretch = request.stretches[i];
      const int row = static_cast<int>(std::min<uint64_t>(stretch.choice, static_cast<uint64_t>(choices - 1)));
      const duration from = std::min(stretch.from, end);
      canvas_.bar("gives " + style, from, std::clamp(stretch.to, from, end), {y + 1 + row * height, height}, title);
    }
    for (const auto& move : request.moves()) {
      if (move.to >= count) break;
      const token_stretch &before = request.stretches[move.from], &after = request.stretches[move.to];
      canvas_.mark("moved", std::min(after.from, end), y + 4,
                   after.whose() + " after " + before.whose() + ", " + seconds_text(after.from - before.to) +
                       " s without a token\n" + title);
    }
    if (request.failed()) canvas_.mark("died", end, y + 4, title);
    leave_out(request.stretches.size(), count, "token bar");
  }

  const run_summary& run_;
  const page_bounds& bounds_;
  const time_scale scale_;
  canvas canvas_{scale_};
  int y_ = 0;
  /// Of nodes and groups.
  std::map<std::string, band, std::less<>> places_;
  /// By what: how many are not drawn, of how many.
  std::map<std::string_view, std::pair<size_t, size_t>> left_out_;
};

}  // namespace

picture draw(const run_summary& run, const page_bounds& bounds) { return painter(run, bounds).paint(); }

}  // namespace troupe::simulation
