#include "shards/engine/available_memory.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

namespace troupe {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

/// The number that `text` begins with, after spaces; nothing for "max".
std::optional<uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

/// The number after "key" at the beginning of a line.
std::optional<uint64_t> number_of_line(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(key)) return leading_number(line.substr(key.size()));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

std::optional<uint64_t> number_in_file(const std::string& path) {
  const std::optional<std::string> text = read_file(path);
  return text ? leading_number(*text) : std::nullopt;
}

void take_less(std::optional<uint64_t>& least, std::optional<uint64_t> other) {
  if (other && (!least || *other < *least)) least = other;
}

/// What one control group leaves: its limit less what it uses, where the file cache counts as free since it can be
/// dropped.
std::optional<uint64_t> left_in_group(const std::string& folder, const char* limit_file, const char* usage_file,
                                      std::string_view cache_key) {
  const std::optional<uint64_t> limit = number_in_file(folder + limit_file);
  const std::optional<uint64_t> usage = number_in_file(folder + usage_file);
  if (!limit || !usage) return std::nullopt;
  const std::optional<std::string> stat = read_file(folder + "/memory.stat");
  const uint64_t cache = stat ? number_of_line(*stat, cache_key).value_or(0) : 0;
  const uint64_t in_use = *usage - std::min(cache, *usage);
  return *limit - std::min(in_use, *limit);
}

/// The group's path in /proc/self/cgroup: version 2 has one line "0::/path", version 1 one for each controller.
std::string group_path(std::string_view text, std::string_view controllers) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controllers) return std::string(line.substr(second + 1));
  }
  return "/";
}

/// Looks at the group and at all those it is in.
void look_up(std::optional<uint64_t>& least, const std::string& mount, std::string path, const char* limit_file,
             const char* usage_file, std::string_view cache_key) {
  for (;;) {
    while (path.ends_with('/')) path.pop_back();
    take_less(least, left_in_group(mount + path, limit_file, usage_file, cache_key));
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

}  // namespace

std::optional<uint64_t> available_memory_bytes(const std::string& root) {
  std::optional<uint64_t> least;
  if (const std::optional<std::string> text = read_file(root + "/proc/meminfo")) {
    if (const std::optional<uint64_t> kib = number_of_line(*text, "MemAvailable:")) take_less(least, *kib * 1024);
  }
  const std::string groups = read_file(root + "/proc/self/cgroup").value_or("");
  look_up(least, root + "/sys/fs/cgroup", group_path(groups, ""), "/memory.max", "/memory.current", "inactive_file ");
  look_up(least, root + "/sys/fs/cgroup/memory", group_path(groups, "memory"), "/memory.limit_in_bytes",
          "/memory.usage_in_bytes", "total_inactive_file ");
  return least;
}

}  // namespace troupe
