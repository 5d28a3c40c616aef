// The methods of strings that look: where something is, and what the characters are.
#include <algorithm>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/methods.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

// The part of a string between two character positions.
struct window {
  std::string_view text;
  size_t first = 0;  // its first character's position
};

// As Python adjusts start and stop; nothing where start lies behind stop.
result<std::optional<window>> window_of(heap& h, const value& self, const bound_arguments& args) {
  std::string_view text = self.text();
  TROUPE_TRY(h.spend_bytes(text.size()));
  auto size = static_cast<integer>(self.as<text_value>()->data->characters);
  integer start = 0, stop = size;
  if (args.is_set(1)) {
    TROUPE_ASSIGN(start, args.whole(1));
  }
  if (args.is_set(2)) {
    TROUPE_ASSIGN(stop, args.whole(2));
  }
  if (start < 0) start = std::max<integer>(start + size, 0);
  if (stop < 0) stop = std::max<integer>(stop + size, 0);
  stop = std::min(stop, size);
  if (start > stop) return std::optional<window>();
  size_t begin = byte_of_character(text, static_cast<size_t>(start));
  size_t length = byte_of_character(text.substr(begin), static_cast<size_t>(stop - start));
  return std::optional<window>({text.substr(begin, length), static_cast<size_t>(start)});
}

// string_view::rfind compares the part at every place.
result<void> spend_backwards(heap& h, std::string_view text, std::string_view part) {
  return h.spend_bytes(text.size() * (1 + part.size() / 64));
}

enum class search : uint8_t { find, rfind, index, rindex };

template <search How>
result<value> find_in_text(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("find", std::move(given), {"sub", "start", "end"}, 1));
  TROUPE_ASSIGN(std::string_view part, args.text(0));
  TROUPE_ASSIGN(auto where, window_of(run.memory(), self, args));
  size_t at = std::string_view::npos;
  if (where && (How == search::find || How == search::index)) {
    at = find_part(where->text, part);
  } else if (where) {
    TROUPE_TRY(spend_backwards(run.memory(), where->text, part));
    at = where->text.rfind(part);
  }
  if (at != std::string_view::npos) {
    return value(static_cast<integer>(where->first + count_characters(where->text.substr(0, at))));
  }
  if (How == search::index || How == search::rindex) return wrong("substring not found");
  return value(integer{-1});
}

result<value> count_in_text(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("count", std::move(given), {"sub", "start", "end"}, 1));
  TROUPE_ASSIGN(std::string_view part, args.text(0));
  TROUPE_ASSIGN(auto where, window_of(run.memory(), self, args));
  size_t n = where ? count(where->text, part) : 0;
  TROUPE_TRY(run.memory().spend(n / 8));
  return value(static_cast<integer>(n));
}

template <bool Start>
result<value> starts_or_ends(interpreter& run, const value& self, arguments&& given) {
  std::string name = Start ? "startswith" : "endswith";
  TROUPE_ASSIGN(auto args, bound_arguments::bind(name, std::move(given), {"affix", "start", "end"}, 1));
  TROUPE_ASSIGN(auto where, window_of(run.memory(), self, args));
  std::vector<value> affixes{args[0]};
  if (args[0].is<tuple_value>()) {
    affixes = args[0].items();
  } else if (!args[0].is_text()) {
    return wrong(name + " first arg must be str or a tuple of str, not " + type_name(args[0]));
  }
  for (const auto& affix : affixes) {
    if (!affix.is_text()) return wrong("tuple for " + name + " must only contain str, not " + type_name(affix));
    TROUPE_TRY(run.memory().spend_bytes(affix.text().size()));
    if (where && (Start ? where->text.starts_with(affix.text()) : where->text.ends_with(affix.text())))
      return value(true);
  }
  return value(false);
}

// Whether there is a character and all pass.
template <bool (*Test)(char32_t)>
bool all_characters(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (!Test(utf8_decode(text, at))) return false;
  }
  return !text.empty();
}

bool all_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool all_printable(std::string_view text) { return text.empty() || all_characters<is_printable>(text); }
bool is_of_identifier(char32_t c) { return c == '_' || is_alphanumeric(c); }
bool is_identifier(std::string_view text) {
  size_t at = 0;
  if (text.empty()) return false;
  char32_t first = utf8_decode(text, at);
  return (first == '_' || is_alphabetic(first)) &&
         (at == text.size() || all_characters<is_of_identifier>(text.substr(at)));
}

// At least one letter with case, and none of the other case.
template <bool (*Wanted)(char32_t), bool (*Other)(char32_t)>
bool is_of_case(std::string_view text) {
  bool found = false;
  for (size_t at = 0; at < text.size();) {
    char32_t c = utf8_decode(text, at);
    if (Other(c) || is_titlecase(c)) return false;
    found = found || Wanted(c);
  }
  return found;
}

bool is_title(std::string_view text) {
  bool found = false, after_cased = false;
  for (size_t at = 0; at < text.size();) {
    char32_t c = utf8_decode(text, at);
    bool capital = is_uppercase(c) || is_titlecase(c), small = is_lowercase(c);
    if ((capital && after_cased) || (small && !after_cased)) return false;
    after_cased = capital || small;
    found = found || after_cased;
  }
  return found;
}

template <bool (*Test)(std::string_view)>
result<value> question(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("str method", std::move(given), {}));
  TROUPE_TRY(run.memory().spend_bytes(self.text().size() * 16));
  return value(Test(self.text()));
}

struct named_method {
  std::string_view name;
  method_function call;
};

constexpr named_method text_questions[] = {
    {"count", count_in_text},
    {"endswith", starts_or_ends<false>},
    {"find", find_in_text<search::find>},
    {"index", find_in_text<search::index>},
    {"isalnum", question<all_characters<is_alphanumeric>>},
    {"isalpha", question<all_characters<is_alphabetic>>},
    {"isascii", question<all_ascii>},
    {"isdecimal", question<all_characters<is_decimal_digit>>},
    {"isdigit", question<all_characters<is_digit>>},
    {"isidentifier", question<is_identifier>},
    {"islower", question<is_of_case<is_lowercase, is_uppercase>>},
    {"isnumeric", question<all_characters<is_numeric>>},
    {"isprintable", question<all_printable>},
    {"isspace", question<all_characters<is_space>>},
    {"istitle", question<is_title>},
    {"isupper", question<is_of_case<is_uppercase, is_lowercase>>},
    {"rfind", find_in_text<search::rfind>},
    {"rindex", find_in_text<search::rindex>},
    {"startswith", starts_or_ends<true>},
};

}  // namespace

method_function find_text_question(std::string_view name) {
  auto found =
      std::find_if(std::begin(text_questions), std::end(text_questions), [&](const auto& m) { return m.name == name; });
  return found == std::end(text_questions) ? nullptr : found->call;
}

}  // namespace troupe::jinja
