// Filters on text.
#include <algorithm>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/filters.hpp"
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

// soft_str: a string as it is (Markup stays Markup), anything else by str().
result<value> soft_text(interpreter& run, const value& v) {
  if (v.is_text()) return v;
  TROUPE_ASSIGN(std::string text, to_text(run.memory(), v));
  return run.memory().text(std::move(text));
}

result<value> string(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("string", std::move(given), {}));
  return soft_text(run, input);
}

template <std::string (*Convert)(std::string_view)>
result<value> converted(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("filter", std::move(given), {}));
  TROUPE_ASSIGN(value text, soft_text(run, input));
  TROUPE_TRY(run.memory().spend_bytes(text.text().size() * 16));
  return run.memory().text(Convert(text.text()), text.is_markup());
}

// Words begin behind white space and any of - ( { [ <
std::string title_words(std::string_view text) {
  std::string out;
  bool in_word = false;
  size_t word = 0;
  auto finish = [&](size_t end) {
    if (in_word) out += lower(text.substr(word, end - word));
    in_word = false;
  };
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    char32_t c = utf8_decode(text, at);
    bool breaks = c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || is_space(c);
    if (breaks) {
      finish(begin);
      out += text.substr(begin, at - begin);
      word = at;
    } else if (!in_word) {
      out += upper(text.substr(begin, at - begin));
      in_word = true;
      word = at;
    }
  }
  finish(text.size());
  return out;
}

result<value> trim(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(value text, soft_text(run, input));
  return run.call_method(text, "strip", std::move(given));
}

result<value> center(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("center", std::move(given), {"width"}));
  TROUPE_ASSIGN(value text, soft_text(run, input));
  return run.call_method(text, "center", {{args.get(0, value(integer{80}))}, {}});
}

result<value> replace(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("replace", std::move(given), {"old", "new", "count"}, 2));
  TROUPE_ASSIGN(std::string text, to_text(run.memory(), input));
  TROUPE_ASSIGN(std::string old, to_text(run.memory(), args[0]));
  TROUPE_ASSIGN(std::string replacement, to_text(run.memory(), args[1]));
  TROUPE_ASSIGN(integer most, args.is_set(2) ? args.whole(2) : result<integer>(integer{-1}));
  size_t times = most < 0 || most > integer{1} << 40 ? no_limit : static_cast<size_t>(most);
  TROUPE_TRY(spend_replacing(run.memory(), text, old, replacement, times));
  return run.memory().text(replaced(text, old, replacement, times));
}

result<value> indent(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("indent", std::move(given), {"width", "first", "blank"}));
  if (!input.is_text()) return wrong("the filter indent needs a string, not " + type_name(input));
  heap& h = run.memory();
  std::string indention;
  if (args.has(0) && args[0].is_text()) {
    indention = args[0].text();
  } else {
    TROUPE_ASSIGN(integer width, args.whole(0, 4));
    if (width > 1 << 20) return wrong("the filter indent's width is too large");
    indention.assign(static_cast<size_t>(std::max<integer>(width, 0)), ' ');
  }
  if (input.is_markup() && args.has(0) && args[0].is_text()) indention = escaped(indention);
  bool blank = args.truth(2, false);
  auto lines = split_lines(input.text(), false);
  // The filter ends the text with a line end before it cuts it, which only matters where it had none.
  bool ended = !input.text().empty() && is_line_end([&] {
    size_t at = previous_character(input.text(), input.text().size());
    return utf8_decode(input.text(), at);
  }());
  if (ended || lines.empty()) lines.emplace_back();
  std::string out = args.truth(1, false) ? indention : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += indention;
    out += lines[i];
    TROUPE_TRY(h.fits(out.size()));
  }
  return h.text(std::move(out), input.is_markup());
}

result<value> truncate(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args,
                bound_arguments::bind("truncate", std::move(given), {"length", "killwords", "end", "leeway"}));
  TROUPE_ASSIGN(integer length, args.whole(0, 255));
  TROUPE_ASSIGN(std::string_view end, args.text(2, "..."));
  TROUPE_ASSIGN(integer leeway, args.is_set(3) ? args.whole(3) : result<integer>(integer{5}));
  auto end_length = static_cast<integer>(count_characters(end));
  if (length < end_length) return wrong("expected length >= " + to_text(end_length) + ", got " + to_text(length));
  if (leeway < 0) return wrong("expected leeway >= 0, got " + to_text(leeway));
  auto size = length_of(input);
  if (!size) return wrong("object of type '" + type_name(input) + "' has no len()");
  if (*size <= length + leeway) return input;
  if (!input.is_text()) return wrong("the filter truncate needs a string");
  std::string_view kept =
      input.text().substr(0, byte_of_character(input.text(), static_cast<size_t>(length - end_length)));
  if (!args.truth(1, false)) kept = split_right(kept, " ", 1).front();
  return run.memory().text(std::string(kept) + std::string(end), input.is_markup());
}

result<value> wordcount(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("wordcount", std::move(given), {}));
  TROUPE_ASSIGN(value v, soft_text(run, input));
  TROUPE_TRY(run.memory().spend_bytes(v.text().size() * 16));
  integer words = 0;
  bool in_word = false;
  for (size_t at = 0; at < v.text().size();) {
    char32_t c = utf8_decode(v.text(), at);
    bool word = c == '_' || is_alphanumeric(c);
    words += word && !in_word ? 1 : 0;
    in_word = word;
  }
  return value(words);
}

result<value> escape(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("escape", std::move(given), {}));
  TROUPE_ASSIGN(std::string text, escaped_text(run.memory(), input));
  return run.memory().text(std::move(text), true);
}

result<value> force_escape(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("forceescape", std::move(given), {}));
  TROUPE_ASSIGN(std::string text, to_text(run.memory(), input));
  TROUPE_TRY(run.memory().fits(text.size() * 5));
  return run.memory().text(escaped(text), true);
}

result<value> safe(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("safe", std::move(given), {}));
  TROUPE_ASSIGN(std::string text, to_text(run.memory(), input));
  return run.memory().text(std::move(text), true);
}

result<value> striptags(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("striptags", std::move(given), {}));
  TROUPE_ASSIGN(std::string text, to_text(run.memory(), input));
  TROUPE_TRY(run.memory().spend_bytes(text.size() * 4));
  return run.memory().text(without_tags(text));
}

result<value> urlencode(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("urlencode", std::move(given), {}));
  heap& h = run.memory();
  auto quote = [&h](const value& v, bool query) -> result<std::string> {
    TROUPE_ASSIGN(std::string text, to_text(h, v));
    TROUPE_TRY(h.fits(text.size() * 3));
    std::string out = url_quoted(text, query ? "" : "/");
    return query ? replaced(out, "%20", "+", no_limit) : out;
  };
  auto items = input.is_text() ? result<std::shared_ptr<iterator_data>>(wrong("")) : iterate(h, input);
  if (!items) {
    TROUPE_ASSIGN(std::string out, quote(input, false));
    return h.text(std::move(out));
  }
  std::string out;
  if (input.is<dict_value>()) {
    TROUPE_ASSIGN(items, iterate(h, value(view_value{input.as<dict_value>()->data, view_of::items})));
  }
  for (;;) {
    TROUPE_ASSIGN(auto item, (*items)->next(h));
    if (!item) return h.text(std::move(out));
    TROUPE_ASSIGN(auto pair, collect(h, *item));
    if (pair.size() != 2) return wrong("the filter urlencode needs pairs");
    TROUPE_ASSIGN(std::string key, quote(pair[0], true));
    TROUPE_ASSIGN(std::string v, quote(pair[1], true));
    out += (out.empty() ? "" : "&") + key + "=" + v;
    TROUPE_TRY(h.fits(out.size()));
  }
}

result<value> xmlattr(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("xmlattr", std::move(given), {"autospace"}));
  if (!input.is<dict_value>()) return wrong("the filter xmlattr needs a dict, not " + type_name(input));
  std::string out;
  for (const auto& [key, v] : input.dict().entries) {
    if (v.is_none() || v.is_undefined()) continue;
    TROUPE_ASSIGN(std::string name, escaped_text(run.memory(), key));
    if (key.is_text() && key.text().find_first_of(" \t\n\r\f\v/>=") != std::string_view::npos) {
      return wrong("Invalid character in attribute name: " + in_quotes(key.text()));
    }
    TROUPE_ASSIGN(std::string shown, escaped_text(run.memory(), v));
    out += (out.empty() ? "" : " ") + name + "=\"" + shown + "\"";
    TROUPE_TRY(run.memory().fits(out.size()));
  }
  if (args.truth(0, true) && !out.empty()) out.insert(0, " ");
  return run.memory().text(std::move(out));
}

result<value> format(interpreter& run, const value& input, arguments&& given) {
  if (!given.positional.empty() && !given.named.empty()) {
    return wrong("can't handle positional and keyword arguments at the same time");
  }
  TROUPE_ASSIGN(value text, soft_text(run, input));
  if (given.named.empty()) {
    TROUPE_ASSIGN(value tuple, run.memory().tuple(std::move(given.positional)));
    return format_percent(run.memory(), text, tuple);
  }
  std::vector<std::pair<value, value>> entries;
  for (auto& [name, v] : given.named) entries.emplace_back(constant_text(name), std::move(v));
  TROUPE_ASSIGN(value dict, run.memory().dict(std::move(entries)));
  return format_percent(run.memory(), text, dict);
}

constexpr named_filter text_filters[] = {
    {"capitalize", converted<capitalize>},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"format", format},
    {"indent", indent},
    {"lower", converted<lower>},
    {"replace", replace},
    {"safe", safe},
    {"string", string},
    {"striptags", striptags},
    {"title", converted<title_words>},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", converted<upper>},
    {"urlencode", urlencode},
    {"wordcount", wordcount},
    {"xmlattr", xmlattr},
};

}  // namespace

filter find_text_filter(std::string_view name) {
  auto found =
      std::find_if(std::begin(text_filters), std::end(text_filters), [&](const auto& f) { return f.name == name; });
  return found == std::end(text_filters) ? nullptr : found->apply;
}

}  // namespace troupe::jinja
