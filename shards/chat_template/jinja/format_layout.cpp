// format(v, spec) and the layouts of format.hpp.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/format.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

std::optional<size_t> take_number(std::string_view& spec) {
  size_t n = 0, digits = 0;
  for (; digits < spec.size() && spec[digits] >= '0' && spec[digits] <= '9'; ++digits) {
    n = std::min<size_t>(n * 10 + static_cast<size_t>(spec[digits] - '0'), 1U << 30);
  }
  spec.remove_prefix(digits);
  return digits > 0 ? std::optional<size_t>(n) : std::nullopt;
}

// [[fill]align][sign][#][0][width][grouping][.precision][type]
result<layout> read_layout(std::string_view spec) {
  layout out;
  std::string_view whole = spec;
  auto take = [&spec](std::string_view one_of) {
    char c = !spec.empty() && one_of.find(spec.front()) != std::string_view::npos ? spec.front() : '\0';
    if (c != 0) spec.remove_prefix(1);
    return c;
  };
  if (!spec.empty()) {
    size_t after_fill = 0;
    char32_t fill = utf8_decode(spec, after_fill);
    if (after_fill < spec.size() && is_align(spec[after_fill])) {
      out.fill = fill;
      out.align = spec[after_fill];
      spec.remove_prefix(after_fill + 1);
    } else {
      out.align = take("<>^=");
    }
  }
  if (char sign = take("+- ")) out.sign = sign;
  out.alternate = take("#") != 0;
  if (take("0") != 0) {
    out.zero = true;
    if (out.align == 0) {
      out.fill = '0';
      out.align = '=';
    }
  }
  out.width = take_number(spec).value_or(0);
  out.grouping = take(",_");
  if (take(".") != 0) {
    out.precision = take_number(spec);
    if (!out.precision) return wrong("Format specifier missing precision");
  }
  if (spec.size() > 1) return wrong("Invalid format specifier '" + std::string(whole) + "'");
  if (!spec.empty()) out.type = spec.front();
  if (out.precision.value_or(0) > precision_max) return wrong("a format's precision is too large");
  return out;
}

error unknown_type(const layout& how, const value& v) {
  return wrong(std::string("Unknown format code '") + how.type + "' for object of type '" + type_name(v) + "'");
}

result<std::string> format_text(heap& h, const value& v, layout how) {
  if (how.type != 0 && how.type != 's') return unknown_type(how, v);
  if (how.align == '=' && !how.zero) return wrong("'=' alignment not allowed in string format specifier");
  if (how.align == '=') how.align = '<';
  return padded_text(h, std::string(v.text()), how);
}

result<std::string> format_integer(heap& h, const value& v, layout how) {
  integer i = *v.as_integer();
  if (how.precision) return wrong("Precision not allowed in integer format specifier");
  unsigned base = how.type == 'b' ? 2 : how.type == 'o' ? 8 : how.type == 'x' || how.type == 'X' ? 16 : 10;
  if (how.type == 'c') {
    if (i < 0 || i > 0x10FFFF || (i >= 0xD800 && i < 0xE000)) return wrong("%c arg not in range(0x110000)");
    std::string character;
    utf8_append(character, static_cast<char32_t>(i));
    return padded_text(h, std::move(character), how);
  }
  if (base == 10 && how.type != 0 && how.type != 'd' && how.type != 'n') return unknown_type(how, v);
  std::string digits = to_text(i, base);
  if (i < 0) digits.erase(0, 1);
  if (how.type == 'X')
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  std::string sign = i < 0 ? "-" : how.sign == '-' ? "" : std::string(1, how.sign);
  if (how.alternate && base != 10) sign += std::string("0") + how.type;
  return padded_number(h, sign, std::move(digits), how);
}

result<std::string> format_real(heap& h, const value& v, layout how) {
  auto i = v.as_integer();
  double d = i ? static_cast<double>(*i) : *v.as<double>();
  std::string digits;
  if (how.type == 0) {
    // As str() does, or with a precision as 'g' does but with at least one digit behind the point.
    if (how.precision) {
      layout general = how;
      general.type = 'g';
      digits = real_digits(d, general);
      if (std::isfinite(d) && digits.find_first_of(".e") == std::string::npos) digits += ".0";
    } else {
      digits = to_text(std::fabs(d));
    }
  } else if (std::string_view("eEfFgGn%").find(how.type) != std::string_view::npos) {
    if (how.type == 'n') how.type = 'g';
    digits = real_digits(d, how);
  } else {
    return unknown_type(how, v);
  }
  std::string sign = std::signbit(d) && !std::isnan(d) ? "-" : how.sign == '-' ? "" : std::string(1, how.sign);
  return padded_number(h, sign, std::move(digits), how);
}

// Groups of three digits (four for the bases of the power of two) in front of the point.
std::string grouped(const std::string& digits, const layout& how) {
  size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  bool real = std::string_view("eEfFgG%").find(how.type) != std::string_view::npos && how.type != 0;
  if (real || how.type == 0) whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  size_t size = how.type == 'x' || how.type == 'X' || how.type == 'o' || how.type == 'b' ? 4 : 3;
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % size == 0) out += how.grouping;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

}  // namespace

std::string real_digits(double d, const layout& how) {
  if (!std::isfinite(d)) {
    bool capital = how.type == 'E' || how.type == 'F' || how.type == 'G';
    std::string name = std::isnan(d) ? (capital ? "NAN" : "nan") : (capital ? "INF" : "inf");
    return how.type == '%' ? name + "%" : name;
  }
  char form[8] = {'%', 0};
  size_t at = 1;
  if (how.alternate) form[at++] = '#';
  form[at++] = '.';
  form[at++] = '*';
  form[at] = how.type == '%' ? 'f' : how.type;
  int precision = static_cast<int>(std::min(how.precision.value_or(6), precision_max));
  std::string out(400 + static_cast<size_t>(precision), '\0');
  double shown = std::fabs(how.type == '%' ? d * 100 : d);
  int size = std::snprintf(out.data(), out.size(), form, precision, shown);
  out.resize(static_cast<size_t>(std::max(size, 0)));
  return how.type == '%' ? out + "%" : out;
}

result<std::string> padded_text(heap& h, std::string text, const layout& how) {
  if (how.precision) text.resize(byte_of_character(text, *how.precision));
  size_t length = count_characters(text);
  if (how.width <= length) return text;
  size_t room = how.width - length;
  TROUPE_TRY(h.fits(text.size() + room * 4));
  TROUPE_TRY(h.spend_bytes(room));
  std::string fill;
  utf8_append(fill, how.fill);
  auto repeat = [&fill](size_t n) {
    std::string out;
    while (n-- > 0) out += fill;
    return out;
  };
  size_t left = how.align == '>' || how.align == '=' ? room : how.align == '^' ? room / 2 : 0;
  return repeat(left) + text + repeat(room - left);
}

result<std::string> padded_number(heap& h, const std::string& sign, std::string digits, const layout& how) {
  if (how.grouping != 0) digits = grouped(digits, how);
  size_t length = sign.size() + digits.size();
  if (how.align == '=' && how.width > length) {
    size_t room = how.width - length;
    TROUPE_TRY(h.fits(length + room * 4));
    TROUPE_TRY(h.spend_bytes(room));
    // Zeros in front of grouped digits are grouped too (Python counts them as digits).
    if (how.grouping != 0 && how.fill == '0') {
      std::string zeros = std::string(room, '0') + digits;
      zeros.erase(std::remove(zeros.begin(), zeros.end(), how.grouping), zeros.end());
      std::string padded = grouped(zeros, how);
      while (sign.size() + padded.size() > how.width && zeros.size() > 1 && zeros.front() == '0') {
        std::string shorter = grouped(zeros.substr(1), how);
        if (sign.size() + shorter.size() < how.width) break;
        zeros.erase(0, 1);
        padded = std::move(shorter);
      }
      return sign + padded;
    }
    std::string fill;
    for (; room > 0; --room) utf8_append(fill, how.fill);
    return sign + fill + digits;
  }
  layout text = how;
  text.precision.reset();
  if (text.align == 0) text.align = '>';
  return padded_text(h, sign + digits, text);
}

result<std::string> format_value(heap& h, const value& v, std::string_view spec) {
  if (spec.empty()) return to_text(h, v);
  TROUPE_ASSIGN(layout how, read_layout(spec));
  if (v.is_text()) return format_text(h, v, how);
  bool real_type = std::string_view("eEfFgG%").find(how.type) != std::string_view::npos && how.type != 0;
  if (v.is<double>() || (v.as_integer() && real_type)) return format_real(h, v, how);
  if (v.as_integer()) {
    if (v.is<bool>() && how.type == 0) how.type = 'd';
    return format_integer(h, v, how);
  }
  return wrong("unsupported format string passed to " + type_name(v) + ".__format__");
}

}  // namespace troupe::jinja
