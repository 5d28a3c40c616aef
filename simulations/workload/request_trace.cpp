#include "simulations/workload/request_trace.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/json.hpp"
#include "base/read_file.hpp"

namespace troupe::simulation {
namespace {

constexpr std::string_view csv_head = "TIMESTAMP,ContextTokens,GeneratedTokens";

std::string_view line_of(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// All of it, in decimal digits.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "2023-11-16 18:17:03.9799600", with or without a zone after it, which must be the same in all lines.
std::optional<duration> moment_of(std::string_view text) {
  constexpr std::string_view shape = "0000-00-00 00:00:00";
  if (text.size() < shape.size()) return std::nullopt;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !is_digit : text[i] != shape[i]) return std::nullopt;
  }
  const auto part = [&](size_t from, size_t count) { return *number_of<uint32_t>(text.substr(from, count)); };
  const std::chrono::year_month_day day{std::chrono::year(static_cast<int>(part(0, 4))), std::chrono::month(part(5, 2)),
                                        std::chrono::day(part(8, 2))};
  // Years that a duration can hold.
  if (day.year() < std::chrono::year(1970) || day.year() > std::chrono::year(2200)) return std::nullopt;
  if (!day.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 60) return std::nullopt;
  duration moment = std::chrono::sys_days(day).time_since_epoch() + std::chrono::hours(part(11, 2)) +
                    std::chrono::minutes(part(14, 2)) + std::chrono::seconds(part(17, 2));
  text.remove_prefix(shape.size());
  if (!text.starts_with('.')) return moment;
  duration digit = std::chrono::seconds(1);
  for (text.remove_prefix(1); !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1))
    moment += (digit /= 10) * (text[0] - '0');
  return moment;
}

std::optional<trace_entry> entry_of_csv(std::string_view line) {
  const size_t one = line.find(','), other = line.rfind(',');
  if (one == std::string_view::npos || one == other) return std::nullopt;
  const auto at = moment_of(line.substr(0, one));
  const auto prompt = number_of<uint64_t>(line.substr(one + 1, other - one - 1));
  const auto tokens = number_of<uint64_t>(line.substr(other + 1));
  if (!at || !prompt || !tokens) return std::nullopt;
  return trace_entry{*at, *prompt, *tokens};
}

std::optional<trace_entry> entry_of_json(std::string_view line) {
  const auto json = parse_json(line);
  if (!json || !json->is_object()) return std::nullopt;
  const json_reader reader(json->as_object());
  constexpr int64_t day_ms = 86'400'000;
  const auto at = reader.integer("timestamp", -1, 0, 1000 * day_ms);
  const auto prompt = reader.integer("input_length", -1, 0);
  const auto tokens = reader.integer("output_length", -1, 0);
  if (!at || !prompt || !tokens || *at < 0 || *prompt < 0 || *tokens < 0) return std::nullopt;
  return trace_entry{std::chrono::milliseconds(*at), static_cast<uint64_t>(*prompt), static_cast<uint64_t>(*tokens)};
}

}  // namespace

result<request_trace> parse_request_trace(std::string_view text) {
  request_trace entries;
  size_t number = 0;
  bool is_csv = false;
  while (!text.empty()) {
    const std::string_view line = line_of(text);
    ++number;
    if (line.empty()) continue;
    if (number == 1 && line == csv_head) {
      is_csv = true;
      continue;
    }
    const auto entry = is_csv ? entry_of_csv(line) : entry_of_json(line);
    if (!entry || entry->prompt > trace_tokens_max || entry->tokens > trace_tokens_max) {
      return error{errc::invalid_argument,
                   "line " + std::to_string(number) + " of the trace is no request: neither " + std::string(csv_head) +
                       " (below a line with these words) nor {\"timestamp\", \"input_length\", \"output_length\"}"};
    }
    if (entries.size() == trace_entries_max)
      return error{errc::invalid_argument,
                   "the trace has more than " + std::to_string(trace_entries_max) + " requests"};
    entries.push_back(*entry);
  }
  if (entries.empty()) return error{errc::invalid_argument, "the trace has no request"};
  std::ranges::stable_sort(entries, {}, &trace_entry::at);
  const duration first = entries.front().at;
  for (trace_entry& each : entries) each.at -= first;
  return entries;
}

result<request_trace> read_request_trace(const std::string& path) {
  constexpr size_t bytes_max = 1 << 30;
  TROUPE_ASSIGN(const std::string text, read_file(path, bytes_max));
  auto entries = parse_request_trace(text);
  if (!entries) return error{entries.err().code, path + ": " + entries.err().detail};
  return entries;
}

result<std::shared_ptr<const request_trace>> read_arrivals(const std::string& path) {
  if (path.empty()) return std::shared_ptr<const request_trace>();
  TROUPE_ASSIGN(request_trace entries, read_request_trace(path));
  return std::make_shared<const request_trace>(std::move(entries));
}

}  // namespace troupe::simulation
