#include "shards/chat_template/jinja/string_literal.hpp"

#include <algorithm>
#include <charconv>

#include "base/utf8.hpp"

namespace troupe::jinja {
namespace {

error cut(std::string_view form) { return {errc::invalid_argument, "truncated " + std::string(form) + " escape"}; }

result<char32_t> read_hex(std::string_view text, size_t& at, size_t digits, std::string_view form) {
  uint32_t c = 0;
  auto piece = text.substr(at, digits);
  auto [end, code] = std::from_chars(piece.data(), piece.data() + piece.size(), c, 16);
  if (piece.size() < digits || code != std::errc() || end != piece.data() + digits) return cut(form);
  at += digits;
  // A lone surrogate could be held by Python, but no text could be made of it.
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return error{errc::invalid_argument, "illegal Unicode character"};
  return c;
}

}  // namespace

result<std::string> read_string_literal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    char c = text[at++];
    if (c != '\\') {
      out += c;
      continue;
    }
    if (at == text.size()) return error{errc::invalid_argument, "\\ at end of string"};
    c = text[at++];
    static constexpr std::string_view plain = "\\'\"abfnrtv", meaning = "\\'\"\a\b\f\n\r\t\v";
    if (size_t found = plain.find(c); found != std::string_view::npos) {
      out += meaning[found];
    } else if (c >= '0' && c <= '7') {
      char32_t code = static_cast<char32_t>(c - '0');
      for (int more = 0; more < 2 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++more) {
        code = code * 8 + static_cast<char32_t>(text[at++] - '0');
      }
      utf8_append(out, code);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      TROUPE_ASSIGN(char32_t code, read_hex(text, at, digits,
                                            c == 'x'   ? "\\xXX"
                                            : c == 'u' ? "\\uXXXX"
                                                       : "\\UXXXXXXXX"));
      utf8_append(out, code);
    } else if (c == 'N') {
      return error{errc::invalid_argument, "\\N{...} escapes are not supported"};
    } else if (c != '\n') {
      out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace troupe::jinja
