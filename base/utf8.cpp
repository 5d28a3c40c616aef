#include "base/utf8.hpp"

#include "base/check.hpp"

namespace troupe {
namespace {

struct sequence {
  size_t length = 0;        // bytes that belong together: the whole character, or the maximal valid part of one
  bool complete = false;    // a whole character
  bool could_grow = false;  // cut short by the end of the text only
};

// Unicode 15, table 3-7: the second byte's range depends on the first.
sequence read(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return {1, true, false};
  if (first < 0xC2 || first > 0xF4) return {1, false, false};
  size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {i, false, true};
    if (byte(i) < low || byte(i) > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

}  // namespace

size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  auto s = read(text);
  return s.complete ? s.length : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t utf8_incomplete_tail(std::string_view text) {
  for (size_t n = 1; n <= 3 && n <= text.size(); ++n) {
    auto tail = text.substr(text.size() - n);
    auto first = static_cast<unsigned char>(tail[0]);
    if (first < 0x80) return 0;
    if (first >= 0xC0) {
      auto s = read(tail);
      return s.could_grow ? n : 0;
    }
  }
  return 0;
}

std::string utf8_repaired(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto s = read(text);
    if (s.complete) {
      out += text.substr(0, s.length);
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(s.length);
  }
  return out;
}

char32_t utf8_decode(std::string_view text, size_t& at) {
  TROUPE_CHECK(at < text.size());
  auto s = read(text.substr(at));
  TROUPE_CHECK(s.complete);
  auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  char32_t c = 0;
  switch (s.length) {
    case 1: c = byte(0); break;
    case 2: c = (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F); break;
    case 3: c = (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F); break;
    default: c = (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
  at += s.length;
  return c;
}

void utf8_append(std::string& out, char32_t c) {
  TROUPE_CHECK(c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
  auto put = [&](char32_t b) { out += static_cast<char>(static_cast<unsigned char>(b)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

}  // namespace troupe
