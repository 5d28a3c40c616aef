#include "simulations/report/event_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe::simulation {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct value_writer {
  std::string operator()(std::string_view value) const { return std::string(value); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(double value) const {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
  }
  template <class Whole>
  std::string operator()(Whole value) const {
    return std::to_string(value);
  }
};

/// A text that could be taken for more than one word needs quotes.
bool reads_as_one_word(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F' && c != '"' && c != '=' && c != '\\'; });
}

}  // namespace

std::string seconds_text(duration of) {
  const auto ms = std::max<int64_t>(of / std::chrono::milliseconds(1), 0);
  const std::string rest = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + '.' + std::string(3 - rest.size(), '0') + rest;
}

std::string fields_text(const event& of) {
  std::string out;
  for (const log_field& field : of.fields) {
    if (!out.empty()) out += ' ';
    out.append(field.key) += '=';
    const std::string value = std::visit(value_writer{}, field.value);
    if (reads_as_one_word(value)) {
      out += value;
    } else {
      out += '"';
      append_json_escaped(out, value);
      out += '"';
    }
  }
  return out;
}

std::string counted(uint64_t number, std::string_view what) {
  std::string out = std::to_string(number) + ' ';
  out += what;
  if (number != 1) out += 's';
  return out;
}

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
  std::string out;
  for (const std::string& each : texts) out.append(out.empty() ? "" : between).append(each);
  return out;
}

bool is_number(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

bool natural_less(std::string_view a, std::string_view b) {
  const auto number_at = [](std::string_view& text) {
    const auto digits = static_cast<size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    std::string_view number = text.substr(0, digits);
    text.remove_prefix(digits);
    number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
    return number;
  };
  const std::string_view whole_a = a, whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      const std::string_view x = number_at(a), y = number_at(b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (a.front() != b.front()) return a.front() < b.front();
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;  // "a1" and "a01"
}

}  // namespace troupe::simulation
