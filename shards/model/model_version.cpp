#include "shards/model/model_version.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/sha256.hpp"
#include "shards/model/files.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

// Everything beside the weights that decides what an answer is.
constexpr std::array config_files{"chat_template.jinja", "config.json",     "generation_config.json",
                                  "tokenizer.json",      "tokenizer.model", "tokenizer_config.json"};
constexpr size_t sample_bytes = 4096;

/// The first half of the digest.
std::string hex_of(const sha256_digest& digest) {
  std::string hex;
  for (const uint8_t byte : std::span(digest).first<16>()) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

void add_sample(sha256& hash, const weight_files::part& part) {
  hash.add_number(part.bytes.size());
  hash.add(part.bytes.first(part.header_bytes));
  for (const auto& tensor : part.tensors) {
    hash.add(tensor.data.first(std::min(tensor.data.size(), sample_bytes)));
    hash.add(tensor.data.last(std::min(tensor.data.size(), sample_bytes)));
  }
}

}  // namespace

result<std::string> model_version(const std::string& folder, const weight_files& files) {
  sha256 hash;
  for (std::string_view file_name : config_files) {
    const std::string path = folder + "/" + std::string(file_name);
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) continue;
    TROUPE_ASSIGN(auto file, mapped_file::open(path));
    hash.add(file_name);
    hash.add(file->bytes());
  }
  uint64_t weight_bytes = 0;
  for (const auto& part : files.parts()) weight_bytes += part.bytes.size();
  const bool full = weight_bytes <= model_version_full_bytes_max;
  for (const auto& part : files.parts()) {
    hash.add(part.file_name);
    if (full) {
      hash.add(part.bytes);
    } else {
      add_sample(hash, part);
    }
  }
  return (full ? "sha256-" : "sampled-") + hex_of(hash.digest());
}

}  // namespace troupe
