#include "shards/tokenizer/byte_level.hpp"

#include <array>

#include "base/utf8.hpp"

namespace troupe {
namespace {

constexpr bool stands_for_itself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr uint32_t others = 68;  // bytes that do not stand for themselves

struct alphabet {
  std::array<char32_t, 256> character{};
  std::array<uint8_t, 256 + others> byte{};  // by character; only those of the alphabet mean something
};

constexpr alphabet make_alphabet() {
  alphabet a;
  uint32_t next = 256;
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t c = stands_for_itself(b) ? b : next++;
    a.character[b] = c;
    a.byte[c] = static_cast<uint8_t>(b);
  }
  return a;
}

constexpr alphabet bytes = make_alphabet();

}  // namespace

void append_byte_characters(std::string& out, std::string_view text) {
  for (char c : text) utf8_append(out, bytes.character[static_cast<unsigned char>(c)]);
}

std::string bytes_of_characters(std::string_view token) {
  std::string out;
  out.reserve(token.size());
  for (size_t at = 0; at < token.size();) {
    char32_t c = utf8_decode(token, at);
    bool known = c < 256 ? stands_for_itself(c) : c < 256 + others;
    if (!known) return std::string(token);
    out += static_cast<char>(bytes.byte[c]);
  }
  return out;
}

}  // namespace troupe
