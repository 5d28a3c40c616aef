#include "gateway/api/embedding_text.hpp"

#include <openssl/evp.h>

#include <bit>
#include <vector>

#include "gateway/api/json_text.hpp"

namespace troupe {
namespace {

void append_base64(std::string& out, std::span<const float> values) {
  std::vector<unsigned char> bytes;
  bytes.reserve(values.size() * sizeof(float));
  for (float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<unsigned char>(bits >> shift));
  }
  // It writes a zero after the letters.
  std::vector<unsigned char> letters((bytes.size() + 2) / 3 * 4 + 1);
  const int count = EVP_EncodeBlock(letters.data(), bytes.data(), static_cast<int>(bytes.size()));
  out.append(letters.begin(), letters.begin() + count);
}

}  // namespace

void append_embedding(std::string& out, size_t index, std::span<const float> values, embedding_format format) {
  out += R"({"object":"embedding","index":)";
  append_json_integer(out, static_cast<int64_t>(index));
  out += R"(,"embedding":)";
  if (format == embedding_format::base64) {
    out += '"';
    append_base64(out, values);
    out += "\"}";
    return;
  }
  char before = '[';
  for (float value : values) {
    out += before;
    append_json_float(out, value);
    before = ',';
  }
  out += "]}";
}

std::string_view embeddings_head() { return R"({"object":"list","data":[)"; }

void append_embeddings_end(std::string& out, std::string_view model, uint32_t prompt_tokens) {
  out += R"(],"model":)";
  append_json_string(out, model);
  out += R"(,"usage":{"prompt_tokens":)";
  append_json_integer(out, prompt_tokens);
  out += R"(,"total_tokens":)";
  append_json_integer(out, prompt_tokens);
  out += "}}";
}

}  // namespace troupe
