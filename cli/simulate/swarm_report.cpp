#include "cli/simulate/swarm_report.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cstdio>

namespace troupe {
namespace {

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

}  // namespace

std::string to_text(const swarm_report& report) {
  const double took = std::max(seconds(report.took), 1e-3);
  std::string text = std::to_string(report.seeds) + " seeds from " + std::to_string(report.first_seed) + " in " +
                     fixed(took, 1) + " s: " + fixed(seconds(report.simulated) / 3600, 1) + " simulated hours, " +
                     std::to_string(report.counts.begun) + " requests, " + std::to_string(report.counts.complete) +
                     " complete, " + std::to_string(report.counts.failed) + " failed, " +
                     std::to_string(report.counts.left) + " left, " + std::to_string(report.counts.tokens) +
                     " tokens, " + std::to_string(report.events) + " events; " + std::to_string(report.repeated) +
                     " seeds run twice\n";
  std::string missing;
  size_t reached = 0;
  const auto states = simulation::all_states();
  for (size_t i = 0; i < states.size(); ++i) {
    if (report.reached.has(i)) {
      ++reached;
    } else {
      missing += "  never: " + std::string(states[i]) + "\n";
    }
  }
  text += std::to_string(reached) + " of " + std::to_string(states.size()) + " states reached\n" + missing;
  for (const failed_seed& each : report.failures)
    text += "seed " + std::to_string(each.seed) + ": " + each.id + ", " + each.what +
            (each.count > 1 ? " (and " + std::to_string(each.count - 1) + " more)" : "") + "\n";
  text += std::to_string(report.failures.size()) + " seeds with violations\n";
  return text;
}

std::string to_json(const swarm_report& report) {
  boost::json::object out;
  out["version"] = TROUPE_VERSION;
  out["first_seed"] = report.first_seed;
  out["arrivals"] = report.arrivals;
  out["seeds"] = report.seeds;
  out["repeated"] = report.repeated;
  out["seconds"] = seconds(report.took);
  out["simulated_seconds"] = seconds(report.simulated);
  out["events"] = report.events;
  out["requests"] = to_json(report.counts);
  boost::json::object states;
  const auto names = simulation::all_states();
  for (size_t i = 0; i < names.size(); ++i) states[names[i]] = report.reached.has(i);
  out["states"] = std::move(states);
  boost::json::array failures;
  for (const failed_seed& each : report.failures)
    failures.push_back({{"seed", each.seed}, {"id", each.id}, {"what", each.what}, {"count", each.count}});
  out["failures"] = std::move(failures);
  return serialize(out) + "\n";
}

result<std::vector<run_options>> read_failed_runs(const std::string& path) {
  TROUPE_ASSIGN(const auto report, read_json_file(path));
  const auto wrong = [&] { return error{errc::invalid_argument, path + " is no report of a swarm"}; };
  if (!report.is_object()) return wrong();
  const json_reader reader(report.as_object());
  TROUPE_ASSIGN(const auto* failures, reader.array("failures"));
  if (failures == nullptr) return wrong();
  TROUPE_ASSIGN(const std::string arrivals, reader.string("arrivals", ""));
  std::vector<run_options> runs;
  for (const auto& each : *failures) {
    const auto seed =
        each.is_object() && each.as_object().contains("seed") ? json_integer(each.at("seed")) : std::nullopt;
    if (!seed || *seed < 0) return wrong();
    runs.push_back({.seed = static_cast<uint64_t>(*seed), .arrivals = arrivals});
  }
  return runs;
}

boost::json::object to_json(const simulation::tally& counts) {
  boost::json::object out;
  for (const auto& each : simulation::tally_fields) out[each.name] = counts.*each.count;
  return out;
}

result<simulation::tally> tally_of(const json_reader& from) {
  simulation::tally counts;
  for (const auto& each : simulation::tally_fields) {
    TROUPE_ASSIGN(counts.*each.count, count_of(from, each.name));
  }
  return counts;
}

result<uint64_t> count_of(const json_reader& from, std::string_view key) {
  if (!from.has(key)) return error{errc::invalid_argument, from.path_of(key) + " is missing"};
  TROUPE_ASSIGN(const int64_t read, from.integer(key, 0, 0));
  return static_cast<uint64_t>(read);
}

}  // namespace troupe
