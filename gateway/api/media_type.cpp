#include "gateway/api/media_type.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool is_json_media_type(std::string_view content_type) {
  size_t end = content_type.find(';');
  if (!equal_ignoring_case(trimmed(content_type.substr(0, end)), "application/json")) return false;
  while (end != std::string_view::npos) {
    content_type.remove_prefix(end + 1);
    end = content_type.find(';');
    auto parameter = trimmed(content_type.substr(0, end));
    constexpr std::string_view charset = "charset=";
    if (!equal_ignoring_case(parameter.substr(0, charset.size()), charset)) continue;
    auto value = parameter.substr(charset.size());
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (!equal_ignoring_case(value, "utf-8") && !equal_ignoring_case(value, "utf8")) return false;
  }
  return true;
}

}  // namespace troupe
