#include "shards/model/model_version.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "base/check.hpp"
#include "shards/model/files.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

// Everything beside the weights that decides what an answer is.
constexpr std::array config_files{"chat_template.jinja", "config.json",     "generation_config.json",
                                  "tokenizer.json",      "tokenizer.model", "tokenizer_config.json"};
constexpr size_t sample_bytes = 4096;

/// SHA-256. Each piece goes in with its length, so that moving a byte from one to the next changes the digest.
class hasher {
 public:
  hasher() : context_(EVP_MD_CTX_new()) {
    TROUPE_CHECK(context_);
    TROUPE_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(std::span<const std::byte> bytes) {
    add_number(bytes.size());
    TROUPE_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add_number(uint64_t number) { TROUPE_CHECK(EVP_DigestUpdate(context_.get(), &number, sizeof number) == 1); }
  /// The first half of the digest in hex.
  std::string finish() {
    std::array<unsigned char, 32> digest{};
    TROUPE_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    std::string hex;
    for (size_t i = 0; i < 16; ++i) {
      hex += "0123456789abcdef"[digest[i] >> 4];
      hex += "0123456789abcdef"[digest[i] & 15];
    }
    return hex;
  }

 private:
  struct freed {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, freed> context_;
};

void add_sample(hasher& hash, const weight_files::part& part) {
  hash.add_number(part.bytes.size());
  hash.add(part.bytes.first(part.header_bytes));
  for (const auto& tensor : part.tensors) {
    hash.add(tensor.data.first(std::min(tensor.data.size(), sample_bytes)));
    hash.add(tensor.data.last(std::min(tensor.data.size(), sample_bytes)));
  }
}

}  // namespace

result<std::string> model_version(const std::string& folder, const weight_files& files) {
  hasher hash;
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
  return (full ? "sha256-" : "sampled-") + hash.finish();
}

}  // namespace troupe
