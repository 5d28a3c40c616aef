#include "shards/model/gguf_file.hpp"

#include <filesystem>

namespace troupe {
namespace {

constexpr std::string_view ending = ".gguf";

}  // namespace

result<gguf_file> gguf_file::open(const std::string& path) {
  gguf_file out;
  TROUPE_ASSIGN(out.file, mapped_file::open(path));
  auto contents = parse_gguf(out.file->bytes());
  if (!contents) return with_context(std::move(contents).err(), path);
  out.contents = std::move(*contents);
  return out;
}

result<std::optional<std::string>> gguf_path(const std::string& model) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_directory(model, ignored)) {
    return model.ends_with(ending) ? std::optional(model) : std::optional<std::string>();
  }
  if (fs::exists(fs::path(model) / "config.json", ignored)) return std::optional<std::string>();
  std::optional<std::string> found;
  for (fs::directory_iterator entry(model, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    if (entry->path().extension() != ending) continue;
    if (found) {
      return error{errc::invalid_argument,
                   model + ": there is no config.json and more than one GGUF file; name the one that is meant"};
    }
    found = entry->path().string();
  }
  return found;
}

}  // namespace troupe
