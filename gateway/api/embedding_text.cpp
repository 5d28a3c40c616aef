#include "gateway/api/embedding_text.hpp"

#include <bit>

#include "gateway/api/json_text.hpp"

namespace troupe {
namespace {

/// RFC 4648, 4: with padding. Takes bytes one by one.
class base64_writer {
 public:
  explicit base64_writer(std::string& out) : out_(out) {}

  void put(uint8_t byte) {
    bits_ = bits_ << 8 | byte;
    if (++held_ < 3) return;
    write(4);
  }
  void end() {
    if (held_ == 0) return;
    const unsigned letters = held_ + 1;
    bits_ <<= 8 * (3 - held_);
    write(letters);
    out_.append(4 - letters, '=');
  }

 private:
  void write(unsigned letters) {
    constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned i = 0; i < letters; ++i) out_ += alphabet[bits_ >> (18 - 6 * i) & 63];
    bits_ = held_ = 0;
  }

  std::string& out_;
  uint32_t bits_ = 0;
  unsigned held_ = 0;
};

void append_base64(std::string& out, std::span<const float> values) {
  base64_writer to(out);
  for (float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) to.put(static_cast<uint8_t>(bits >> shift));
  }
  to.end();
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
