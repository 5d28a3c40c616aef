// "..." % x and "...".format(x) of format.hpp.
#include <algorithm>
#include <cmath>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/format.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

class percent_formatter {
 public:
  percent_formatter(heap& h, const value& text, const value& given)
      : heap_(h), form_(text.text()), markup_(text.is_markup()), given_(given) {
    if (given.is<tuple_value>()) {
      positional_ = given.items();
    } else {
      positional_ = {given};
    }
  }

  result<value> run() {
    std::string out;
    while (at_ < form_.size()) {
      size_t percent = std::min(form_.find('%', at_), form_.size());
      out += form_.substr(at_, percent - at_);
      at_ = percent + 1;
      if (percent == form_.size()) break;
      TROUPE_ASSIGN(std::string piece, conversion());
      TROUPE_TRY(heap_.fits(out.size() + piece.size()));
      out += piece;
    }
    // Python forgives what is left over when it is one mapping (or anything with [] that is no tuple and no string).
    bool mapping =
        given_.is<dict_value>() || given_.is<list_value>() || given_.is_undefined() || given_.is<range_value>();
    if (next_ < positional_.size() && !mapping) return wrong("not all arguments converted during string formatting");
    return heap_.text(std::move(out), markup_);
  }

 private:
  char look() const { return at_ < form_.size() ? form_[at_] : '\0'; }

  result<value> next_argument() {
    if (named_) return *named_;
    if (next_ >= positional_.size()) return wrong("not enough arguments for format string");
    return positional_[next_++];
  }

  result<std::optional<size_t>> number_or_star(bool& negative) {
    if (look() == '*') {
      ++at_;
      TROUPE_ASSIGN(value v, next_argument());
      auto i = v.as_integer();
      if (!i) return wrong("* wants int");
      negative = *i < 0;
      integer size = negative ? -*i : *i;
      return std::optional<size_t>(size > integer{1} << 30 ? size_t{1} << 30 : static_cast<size_t>(size));
    }
    std::optional<size_t> n;
    while (look() >= '0' && look() <= '9') {
      n = std::min<size_t>(n.value_or(0) * 10 + static_cast<size_t>(look() - '0'), 1U << 30);
      ++at_;
    }
    return n;
  }

  result<std::string> conversion() {
    named_.reset();
    if (look() == '(') TROUPE_TRY(take_name());
    layout how;
    bool left = false;
    for (; std::string_view("#0- +").find(look()) != std::string_view::npos && look() != 0; ++at_) {
      if (look() == '#') how.alternate = true;
      if (look() == '0') how.zero = true;
      if (look() == '-') left = true;
      if (look() == '+' || (look() == ' ' && how.sign != '+')) how.sign = look();
    }
    bool negative = false;
    TROUPE_ASSIGN(auto width, number_or_star(negative));
    how.width = width.value_or(0);
    left = left || negative;
    if (look() == '.') {
      ++at_;
      negative = false;
      TROUPE_ASSIGN(auto precision, number_or_star(negative));
      how.precision = negative ? 0 : precision.value_or(0);
    }
    while (look() == 'l' || look() == 'h' || look() == 'L') ++at_;
    if (at_ >= form_.size()) return wrong("incomplete format");
    how.type = form_[at_++];
    if (how.type == '%') return std::string("%");
    TROUPE_ASSIGN(value v, next_argument());
    how.align = left ? '<' : '>';
    if (std::string_view("sra").find(how.type) != std::string_view::npos) return text(v, how);
    if (how.type == 'c') return character(v, how);
    if (how.zero && !left) {
      how.align = '=';
      how.fill = '0';
    }
    if (std::string_view("diuoxX").find(how.type) != std::string_view::npos) return whole(v, how);
    if (std::string_view("eEfFgG").find(how.type) != std::string_view::npos) return real(v, how);
    return wrong(std::string("unsupported format character '") + how.type + "'");
  }

  result<void> take_name() {
    if (!given_.is<dict_value>()) return wrong("format requires a mapping");
    size_t begin = at_ + 1, depth = 0;
    for (; at_ < form_.size(); ++at_) {
      if (look() == '(') ++depth;
      if (look() == ')' && --depth == 0) break;
    }
    if (at_ >= form_.size()) return wrong("incomplete format key");
    std::string_view name = form_.substr(begin, at_ - begin);
    ++at_;
    const value* found = find_entry(given_.dict(), name);
    if (!found) return wrong(in_quotes(name));
    named_ = *found;
    next_ = positional_.size();
    return {};
  }

  result<std::string> text(const value& v, const layout& how) {
    auto shown = how.type == 's' ? to_text(heap_, v) : represent(heap_, v);
    if (!shown) return std::move(shown).err();
    if (markup_ && !(v.is_markup() && how.type == 's')) {
      TROUPE_TRY(heap_.fits(shown->size() * 5));
      *shown = escaped(*shown);
    }
    return padded_text(heap_, std::move(*shown), how);
  }

  result<std::string> character(const value& v, layout how) {
    std::string out;
    if (v.is_text() && v.as<text_value>()->data->characters == 1) {
      out = std::string(v.text());
    } else if (auto i = v.as_integer(); i && *i >= 0 && *i <= 0x10FFFF && (*i < 0xD800 || *i > 0xDFFF)) {
      utf8_append(out, static_cast<char32_t>(*i));
    } else {
      return wrong("%c requires int or char");
    }
    how.precision.reset();
    return padded_text(heap_, std::move(out), how);
  }

  result<std::string> whole(const value& v, const layout& how) {
    auto i = v.as_integer();
    bool decimal = how.type == 'd' || how.type == 'i' || how.type == 'u';
    if (const auto* d = v.as<double>(); d && decimal) i = integer_of(*d);
    if (!i) return wrong(std::string("%") + how.type + " format: a real number is required, not " + type_name(v));
    std::string digits = to_text(*i, decimal ? 10 : how.type == 'o' ? 8 : 16);
    if (*i < 0) digits.erase(0, 1);
    if (how.precision) {
      TROUPE_TRY(heap_.fits(*how.precision));
      if (*how.precision > digits.size()) digits.insert(0, *how.precision - digits.size(), '0');
    }
    if (how.type == 'X')
      std::transform(digits.begin(), digits.end(), digits.begin(),
                     [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
    std::string sign = *i < 0 ? "-" : how.sign == '-' ? "" : std::string(1, how.sign);
    if (how.alternate && !decimal) sign += std::string("0") + how.type;
    return padded_number(heap_, sign, std::move(digits), how);
  }

  result<std::string> real(const value& v, layout how) {
    auto i = v.as_integer();
    const auto* d = v.as<double>();
    if (!i && !d) return wrong("must be real number, not " + type_name(v));
    double x = d ? *d : static_cast<double>(*i);
    if (how.precision.value_or(0) > precision_max) return wrong("a format's precision is too large");
    if (!std::isfinite(x) && how.align == '=') {
      how.align = '>';
      how.fill = ' ';
    }
    std::string sign = std::signbit(x) && !std::isnan(x) ? "-" : how.sign == '-' ? "" : std::string(1, how.sign);
    return padded_number(heap_, sign, real_digits(x, how), how);
  }

  heap& heap_;
  std::string_view form_;
  bool markup_;
  const value& given_;
  std::vector<value> positional_;
  size_t at_ = 0, next_ = 0;
  std::optional<value> named_;
};

class brace_formatter {
 public:
  brace_formatter(heap& h, const arguments& given, const field_lookup& look, bool markup)
      : heap_(h), given_(given), look_(look), markup_(markup) {}

  // `nested`: inside a format specification, where fields may stand but not deeper.
  result<std::string> run(std::string_view form, bool nested) {
    std::string out;
    for (size_t at = 0; at < form.size();) {
      char c = form[at++];
      if (c != '{' && c != '}') {
        out += c;
      } else if (at < form.size() && form[at] == c && !nested) {
        out += c;
        ++at;
      } else if (c == '}') {
        return wrong("Single '}' encountered in format string");
      } else {
        size_t end = at;
        for (size_t open = 1; end < form.size(); ++end) {
          if (form[end] == '{') ++open;
          if (form[end] == '}' && --open == 0) break;
        }
        if (end >= form.size()) return wrong("Single '{' encountered in format string");
        TROUPE_ASSIGN(std::string piece, field(form.substr(at, end - at), nested));
        TROUPE_TRY(heap_.fits(out.size() + piece.size()));
        out += piece;
        at = end + 1;
      }
    }
    return out;
  }

 private:
  // name[.attribute|[key]]*[!conversion][:spec]
  result<std::string> field(std::string_view text, bool nested) {
    TROUPE_TRY(heap_.spend(1));
    size_t name_end = 0;
    for (size_t bracket = 0; name_end < text.size(); ++name_end) {
      if (text[name_end] == '[') bracket = 1;
      if (text[name_end] == ']') bracket = 0;
      if (bracket == 0 && (text[name_end] == '!' || text[name_end] == ':')) break;
    }
    TROUPE_ASSIGN(value v, find(text.substr(0, name_end)));
    text.remove_prefix(name_end);
    if (!text.empty() && text.front() == '!') {
      if (text.size() < 2 || (text.size() > 2 && text[2] != ':'))
        return wrong("expected ':' after conversion specifier");
      auto shown = text[1] == 's' ? to_text(heap_, v) : represent(heap_, v);
      if (!shown) return std::move(shown).err();
      if (text[1] != 's' && text[1] != 'r') return wrong("Unknown conversion specifier in a format string");
      TROUPE_ASSIGN(v, heap_.text(std::move(*shown)));
      text.remove_prefix(2);
    }
    std::string spec;
    if (!text.empty()) {
      if (nested) return wrong("Max string recursion exceeded");
      TROUPE_ASSIGN(spec, run(text.substr(1), true));
    }
    if (!markup_) return format_value(heap_, v, spec);
    if (v.is_markup() && !spec.empty()) return wrong("Unsupported format specification for Markup.");
    TROUPE_ASSIGN(std::string shown, format_value(heap_, v, spec));
    return v.is_markup() ? shown : escaped(shown);
  }

  result<value> find(std::string_view name) {
    size_t end = std::min(name.find_first_of(".["), name.size());
    std::string first(name.substr(0, end));
    bool numbered = !first.empty() && first.find_first_not_of("0123456789") == std::string::npos;
    value v;
    if (first.empty() || numbered) {
      if (numbered == automatic_ && numbering_)
        return wrong("cannot switch between automatic and manual field numbering");
      numbering_ = true;
      automatic_ = !numbered;
      size_t index = numbered ? static_cast<size_t>(std::min<integer>(
                                    read_integer(first, 10).value_or(integer{1} << 40), integer{1} << 40))
                              : next_++;
      if (index >= given_.positional.size())
        return wrong("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
      v = given_.positional[index];
    } else {
      TROUPE_TRY(heap_.spend(given_.named.size() / 16));
      auto found =
          std::find_if(given_.named.begin(), given_.named.end(), [&](const auto& n) { return n.first == first; });
      if (found == given_.named.end()) return wrong(in_quotes(first));
      v = found->second;
    }
    name.remove_prefix(end);
    while (!name.empty()) {
      bool attribute = name.front() == '.';
      name.remove_prefix(1);
      size_t until = attribute ? std::min(name.find_first_of(".["), name.size()) : name.find(']');
      if (until == std::string_view::npos) return wrong("Missing ']' in format string");
      std::string key(name.substr(0, until));
      if (key.empty()) return wrong("Empty attribute in format string");
      name.remove_prefix(attribute ? until : until + 1);
      if (!attribute && !name.empty() && name.front() != '.' && name.front() != '[') {
        return wrong("Only '.' or '[' may follow ']' in format field specifier");
      }
      bool index = !attribute && key.find_first_not_of("0123456789") == std::string::npos;
      TROUPE_ASSIGN(value text_key, heap_.text(key));
      value number = index ? value(read_integer(key, 10).value_or(integer{1} << 60)) : std::move(text_key);
      TROUPE_ASSIGN(v, look_(v, number, attribute));
    }
    return v;
  }

  heap& heap_;
  const arguments& given_;
  const field_lookup& look_;
  bool markup_;
  bool numbering_ = false, automatic_ = false;
  size_t next_ = 0;
};

}  // namespace

result<value> format_percent(heap& h, const value& text, const value& given) {
  TROUPE_TRY(h.spend_bytes(text.text().size()));
  return percent_formatter(h, text, given).run();
}

result<value> format_braces(heap& h, const value& text, const arguments& given, const field_lookup& look) {
  TROUPE_TRY(h.spend_bytes(text.text().size()));
  brace_formatter formatter(h, given, look, text.is_markup());
  TROUPE_ASSIGN(std::string out, formatter.run(text.text(), false));
  return h.text(std::move(out), text.is_markup());
}

}  // namespace troupe::jinja
