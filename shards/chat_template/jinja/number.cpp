#include "shards/chat_template/jinja/number.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

__extension__ typedef unsigned __int128 magnitude;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// `text` without '_' between digits; nothing where one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || digit_of(text[i - 1]) > 35 || digit_of(text[i + 1]) > 35) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace

std::string to_text(integer i) { return to_text(i, 10); }

std::string to_text(integer i, unsigned base) {
  magnitude m = i < 0 ? ~static_cast<magnitude>(i) + 1 : static_cast<magnitude>(i);
  std::string out;
  do {
    out += "0123456789abcdefghijklmnopqrstuvwxyz"[static_cast<size_t>(m % base)];
    m /= base;
  } while (m > 0);
  if (i < 0) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

std::string to_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[64];
  // Python writes plain digits for exponents from -4 to 15 (float_repr_style "short", format code 'r').
  auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  std::string_view shortest(buffer, static_cast<size_t>(end - buffer));
  int exponent = 0;
  size_t e = shortest.find('e');
  std::string_view power = shortest.substr(e + 1);
  if (power.front() == '+') power.remove_prefix(1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(shortest);
  end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed).ptr;
  std::string out(buffer, end);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::optional<integer> integer_of(double d) {
  constexpr double bound = 1.7014118346046923e38;  // 2^127
  if (!(d > -bound && d < bound)) return std::nullopt;
  return static_cast<integer>(d);
}

std::optional<integer> read_integer(std::string_view text, unsigned base) {
  text = stripped(text);
  bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') {
    unsigned prefix = text[1] == 'x' || text[1] == 'X'   ? 16
                      : text[1] == 'o' || text[1] == 'O' ? 8
                      : text[1] == 'b' || text[1] == 'B' ? 2
                                                         : 0;
    if (prefix != 0 && (base == prefix || base == 0)) {
      base = prefix;
      text.remove_prefix(text[2] == '_' ? 3 : 2);
    }
  }
  auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  if (base == 0) {
    base = 10;
    if (digits->front() == '0' && digits->find_first_not_of('0') != std::string::npos) return std::nullopt;
  }
  integer out = 0;
  for (char c : *digits) {
    int digit = digit_of(c);
    if (digit >= static_cast<int>(base)) return std::nullopt;
    if (__builtin_mul_overflow(out, static_cast<integer>(base), &out)) return std::nullopt;
    if (__builtin_sub_overflow(out, static_cast<integer>(digit), &out)) return std::nullopt;
  }
  // Counted downwards, since the most negative number has no positive twin.
  if (!negative && __builtin_sub_overflow(static_cast<integer>(0), out, &out)) return std::nullopt;
  return out;
}

std::optional<double> read_real(std::string_view text) {
  auto plain = without_underscores(stripped(text));
  if (!plain) return std::nullopt;
  std::string_view digits = *plain;
  bool negative = !digits.empty() && digits.front() == '-';
  if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) digits.remove_prefix(1);
  // from_chars takes a second sign and NaN's payload, which Python does not.
  if (digits.empty() || digits.front() == '-' || digits.find('(') != std::string_view::npos) return std::nullopt;
  double d = 0;
  auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), d);
  if (end != digits.data() + digits.size() || code == std::errc::invalid_argument) return std::nullopt;
  if (code == std::errc::result_out_of_range) {
    // Too large or too small; from_chars does not say which. The exponent's sign does for all but absurdly long
    // numbers.
    size_t e = digits.find_first_of("eE");
    bool small = e != std::string_view::npos ? digits.find('-', e) != std::string_view::npos : digits.front() == '0';
    d = small ? 0.0 : HUGE_VAL;
  }
  return negative ? -d : d;
}

}  // namespace troupe::jinja
