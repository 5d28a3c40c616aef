#include "actors/outside/process/process_logs.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "base/utf8.hpp"

namespace troupe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view marker = "troupe: ";
constexpr size_t words_bytes_max = 300;

}  // namespace

result<void> process_logs::open() const {
  if (!kept()) return {};
  std::error_code code;
  fs::create_directories(folder_, code);
  if (code) return {errc::io_failed, folder_.string() + ": " + code.message()};
  return {};
}

fs::path process_logs::file_of(const node_name& name) const { return kept() ? folder_ / (name + ".log") : fs::path(); }

uint64_t process_logs::bytes_of(const node_name& name) const {
  std::error_code code;
  auto bytes = kept() ? fs::file_size(file_of(name), code) : 0;
  return code ? 0 : bytes;
}

bool process_logs::bound(const node_name& name) const {
  if (bytes_of(name) <= bytes_max_) return false;
  auto file = file_of(name);
  auto aside = fs::path(file.string() + ".1");
  std::error_code code;
  fs::copy_file(file, aside, fs::copy_options::overwrite_existing, code);
  if (code) fs::remove(aside, code);
  // It is appended to (O_APPEND), so the next line goes to the new end.
  fs::resize_file(file, 0, code);
  return true;
}

std::string process_logs::last_words(const node_name& name, uint64_t from) const {
  uint64_t end = bytes_of(name);
  if (end <= from) return {};
  // Enough for a line.
  uint64_t begin = std::max(from, end - std::min<uint64_t>(end, 4096));
  std::string text(end - begin, '\0');
  std::ifstream in(file_of(name), std::ios::binary);
  in.seekg(static_cast<std::streamoff>(begin));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  while (text.ends_with('\n')) text.pop_back();
  auto line = std::string_view(text).substr(text.rfind('\n') + 1);
  if (!line.starts_with(marker)) return {};
  line = line.substr(marker.size(), words_bytes_max);
  line.remove_suffix(utf8_incomplete_tail(line));
  return utf8_repaired(line);
}

}  // namespace troupe
