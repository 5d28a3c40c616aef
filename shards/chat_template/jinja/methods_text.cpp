// The methods of strings that make strings or lists. Of Markup they make Markup.
#include <algorithm>

#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/format.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/methods.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

// What the calls of one method share: its string, and making results of the same kind.
struct text_call {
  interpreter& run;
  const value& self;
  std::string_view text = self.text();
  heap& h = run.memory();

  result<value> make(std::string_view bytes) const { return h.text(std::string(bytes), self.is_markup()); }
  result<value> make_list(const std::vector<std::string_view>& parts) const {
    std::vector<value> items;
    items.reserve(parts.size());
    for (std::string_view part : parts) {
      TROUPE_ASSIGN(value v, make(part));
      items.push_back(std::move(v));
    }
    return h.list(std::move(items));
  }
};

template <std::string (*Convert)(std::string_view)>
result<value> converted(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("str method", std::move(given), {}));
  text_call call{run, self};
  TROUPE_TRY(call.h.spend_bytes(call.text.size() * 16));
  return call.make(Convert(call.text));
}

enum class ends : uint8_t { both, left, right };

template <ends Which>
result<value> strip(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("strip", std::move(given), {"chars"}));
  text_call call{run, self};
  std::string_view out = call.text;
  if (args.is_set(0)) {
    TROUPE_ASSIGN(std::string_view characters, args.text(0));
    TROUPE_TRY(call.h.spend_bytes(call.text.size() * (1 + characters.size() / 16)));
    if (Which != ends::left) out = stripped_right(out, characters);
    if (Which != ends::right) out = stripped_left(out, characters);
  } else {
    if (Which != ends::left) out = stripped_right(out);
    if (Which != ends::right) out = stripped_left(out);
  }
  return call.make(out);
}

template <bool FromRight>
result<value> split_text(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("split", std::move(given), {"sep", "maxsplit"}));
  TROUPE_ASSIGN(integer most, args.whole(1, -1));
  size_t splits = most < 0 || most > integer{1} << 40 ? no_limit : static_cast<size_t>(most);
  text_call call{run, self};
  TROUPE_TRY(call.h.spend_bytes(call.text.size()));
  if (!args.is_set(0)) return call.make_list(FromRight ? split_right(call.text, splits) : split(call.text, splits));
  TROUPE_ASSIGN(std::string_view separator, args.text(0));
  if (separator.empty()) return wrong("empty separator");
  if (FromRight) TROUPE_TRY(call.h.spend_bytes(call.text.size() * (1 + separator.size() / 64)));
  return call.make_list(FromRight ? split_right(call.text, separator, splits) : split(call.text, separator, splits));
}

result<value> splitlines(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("splitlines", std::move(given), {"keepends"}));
  text_call call{run, self};
  TROUPE_TRY(call.h.spend_bytes(call.text.size()));
  return call.make_list(split_lines(call.text, args.truth(0, false)));
}

template <bool FromRight>
result<value> partition(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("partition", std::move(given), {"sep"}, 1));
  TROUPE_ASSIGN(std::string_view separator, args.text(0));
  if (separator.empty()) return wrong("empty separator");
  text_call call{run, self};
  TROUPE_TRY(call.h.spend_bytes(call.text.size()));
  if (FromRight) TROUPE_TRY(call.h.spend_bytes(call.text.size() * (1 + separator.size() / 64)));
  size_t at = FromRight ? call.text.rfind(separator) : find_part(call.text, separator);
  bool found = at != std::string_view::npos;
  std::string_view parts[3] = {call.text.substr(0, at), found ? separator : "",
                               found ? call.text.substr(at + separator.size()) : ""};
  if (FromRight && !found) std::swap(parts[0], parts[2]);
  std::vector<value> items;
  for (std::string_view part : parts) {
    TROUPE_ASSIGN(value v, call.make(part));
    items.push_back(std::move(v));
  }
  return call.h.tuple(std::move(items));
}

result<value> replace(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("replace", std::move(given), {"old", "new", "count"}, 2));
  TROUPE_ASSIGN(std::string_view old, args.text(0));
  TROUPE_ASSIGN(std::string_view replacement, args.text(1));
  TROUPE_ASSIGN(integer most, args.whole(2, -1));
  size_t times = most < 0 || most > integer{1} << 40 ? no_limit : static_cast<size_t>(most);
  text_call call{run, self};
  std::string safe;
  if (self.is_markup()) {
    TROUPE_ASSIGN(safe, escaped_text(call.h, args[1]));
    replacement = safe;
  }
  TROUPE_TRY(spend_replacing(call.h, call.text, old, replacement, times));
  return call.make(replaced(call.text, old, replacement, times));
}

result<value> join(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("join", std::move(given), {"iterable"}, 1));
  text_call call{run, self};
  TROUPE_ASSIGN(auto items, iterate(call.h, args[0]));
  std::string out;
  for (size_t i = 0;; ++i) {
    TROUPE_ASSIGN(auto item, items->next(call.h));
    if (!item) return call.make(out);
    if (!item->is_text() && !self.is_markup()) {
      return wrong("sequence item " + std::to_string(i) + ": expected str instance, " + type_name(*item) + " found");
    }
    if (i > 0) out += call.text;
    if (self.is_markup()) {
      TROUPE_ASSIGN(std::string safe, escaped_text(call.h, *item));
      out += safe;
    } else {
      out += item->text();
    }
    TROUPE_TRY(call.h.fits(out.size()));
  }
}

template <char Align>
result<value> justify(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("justify", std::move(given), {"width", "fillchar"}, 1));
  TROUPE_ASSIGN(integer width, args.whole(0));
  TROUPE_ASSIGN(std::string_view fill, args.text(1, " "));
  if (count_characters(fill) != 1) return wrong("The fill character must be exactly one character long");
  text_call call{run, self};
  auto length = static_cast<integer>(self.as<text_value>()->data->characters);
  if (width <= length) return call.make(call.text);
  TROUPE_TRY(call.h.fits(width > integer{1} << 40 ? size_t{1} << 40 : static_cast<size_t>(width) * fill.size()));
  auto room = static_cast<size_t>(width - length);
  // CPython's str.center gives the odd one to the left when both the room and the width are odd.
  size_t left = Align == '<' ? 0 : Align == '>' ? room : room / 2 + (room & static_cast<size_t>(width) & 1U);
  auto repeat = [fill](size_t n) {
    std::string out;
    for (; n > 0; --n) out += fill;
    return out;
  };
  return call.make(repeat(left) + std::string(call.text) + repeat(room - left));
}

result<value> zfill(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("zfill", std::move(given), {"width"}, 1));
  TROUPE_ASSIGN(integer width, args.whole(0));
  text_call call{run, self};
  auto length = static_cast<integer>(self.as<text_value>()->data->characters);
  if (width <= length) return call.make(call.text);
  TROUPE_TRY(call.h.fits(width > integer{1} << 40 ? size_t{1} << 40 : static_cast<size_t>(width)));
  bool sign = call.text.starts_with('-') || call.text.starts_with('+');
  std::string out(call.text.substr(0, sign ? 1 : 0));
  out.append(static_cast<size_t>(width - length), '0');
  return call.make(out += call.text.substr(sign ? 1 : 0));
}

result<value> expandtabs(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("expandtabs", std::move(given), {"tabsize"}));
  TROUPE_ASSIGN(integer size, args.whole(0, 8));
  text_call call{run, self};
  auto stop = static_cast<size_t>(std::clamp<integer>(size, 0, integer{1} << 30));
  std::string out;
  size_t column = 0;
  for (char c : call.text) {
    if (c == '\t') {
      size_t spaces = stop == 0 ? 0 : stop - column % stop;
      TROUPE_TRY(call.h.fits(out.size() + spaces));
      out.append(spaces, ' ');
      column += spaces;
    } else {
      out += c;
      if (c == '\n' || c == '\r') {
        column = 0;
      } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) {
        ++column;
      }
    }
  }
  return call.make(out);
}

template <bool Prefix>
result<value> remove_affix(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("removeprefix", std::move(given), {"affix"}, 1));
  TROUPE_ASSIGN(std::string_view affix, args.text(0));
  text_call call{run, self};
  std::string_view out = call.text;
  if (Prefix && out.starts_with(affix)) out.remove_prefix(affix.size());
  if (!Prefix && out.ends_with(affix)) out.remove_suffix(affix.size());
  return call.make(out);
}

result<value> format_with(interpreter& run, const value& self, const arguments& given) {
  auto look = [&run](const value& of, const value& key, bool attribute) {
    return attribute ? run.attribute(of, key.text()) : run.element(of, key);
  };
  return format_braces(run.memory(), self, given, look);
}

result<value> format_text(interpreter& run, const value& self, arguments&& given) {
  return format_with(run, self, given);
}

result<value> format_map(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("format_map", std::move(given), {"mapping"}, 1));
  if (!args[0].is<dict_value>()) return wrong("format_map() argument must be a mapping");
  arguments named;
  for (const auto& [key, v] : args[0].dict().entries) {
    if (key.is_text()) named.named.emplace_back(std::string(key.text()), v);
  }
  TROUPE_TRY(run.memory().spend(named.named.size()));
  return format_with(run, self, named);
}

struct named_method {
  std::string_view name;
  method_function call;
};

constexpr named_method text_methods[] = {
    {"capitalize", converted<capitalize>},
    {"casefold", converted<case_fold>},
    {"center", justify<'^'>},
    {"expandtabs", expandtabs},
    {"format", format_text},
    {"format_map", format_map},
    {"join", join},
    {"ljust", justify<'<'>},
    {"lower", converted<lower>},
    {"lstrip", strip<ends::left>},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"replace", replace},
    {"rjust", justify<'>'>},
    {"rpartition", partition<true>},
    {"rsplit", split_text<true>},
    {"rstrip", strip<ends::right>},
    {"split", split_text<false>},
    {"splitlines", splitlines},
    {"strip", strip<ends::both>},
    {"swapcase", converted<swap_case>},
    {"title", converted<title>},
    {"upper", converted<upper>},
    {"zfill", zfill},
};

}  // namespace

result<void> spend_replacing(heap& h, std::string_view text, std::string_view old, std::string_view replacement,
                             size_t times) {
  TROUPE_TRY(h.spend_bytes(text.size()));
  TROUPE_TRY(h.spend(std::min(times, count(text, old)) / 8));
  return h.fits(replaced_size(text, old, replacement, times));
}

method_function find_text_method(std::string_view name) {
  auto found =
      std::find_if(std::begin(text_methods), std::end(text_methods), [&](const auto& m) { return m.name == name; });
  return found == std::end(text_methods) ? nullptr : found->call;
}

}  // namespace troupe::jinja
