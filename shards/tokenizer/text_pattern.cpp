#include "shards/tokenizer/text_pattern.hpp"

#include <unicode/regex.h>

#include <optional>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/word_scanner.hpp"

namespace troupe {

struct text_pattern::compiled {
  // One of the three.
  std::string literal;
  std::optional<word_rules> words;
  std::unique_ptr<const icu::RegexPattern> icu;
};

namespace {

constexpr size_t regex_bytes_max = 16 << 10;
// What ICU's matcher may keep to backtrack to.
constexpr int32_t stack_bytes_max = 16 << 20;

// How many of ICU's ticks (10 000 saved states each) a search in so many bytes may take. The patterns of real models
// save under 20 states a character; a limit in proportion makes the worst case linear. What is granted whatever the
// length lets \s+$, which looks from each space to the end of the run, pass a run of a thousand.
int32_t ticks_max(size_t text_bytes) { return static_cast<int32_t>(50 + text_bytes / 200); }

// A regular expression of Oniguruma's Ruby syntax as ICU's. What differs and cannot be said in the other is refused.
result<std::string> to_icu(std::string_view regex) {
  std::string out;
  int set_depth = 0;
  bool after_repeat = false;  // the last thing was {n,m} as a quantifier
  for (size_t i = 0; i < regex.size(); ++i) {
    char c = regex[i];
    bool repeat_ended = std::exchange(after_repeat, false);
    if (c == '\\' && i + 1 < regex.size()) {
      char e = regex[++i];
      if (e == 's' || e == 'S') {
        // ICU's \s lacks U+000B and U+0085.
        out += e == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
      } else if (e == 'w' || e == 'W') {
        // ICU's \w has the joiners U+200C and U+200D; Oniguruma's has the superscripts and fractions of Latin-1.
        out += e == 'w' ? "[" : "[^";
        out += "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u00B2\\u00B3\\u00B9\\u00BC-\\u00BE]";
      } else if (e == 'h' || e == 'H') {
        // A hexadecimal digit there, horizontal space here.
        return {errc::not_supported, std::string("\\") + e + " is not supported"};
      } else {
        out += c;
        out += e;
        // A name in braces is not a quantifier.
        if ((e == 'p' || e == 'P' || e == 'x' || e == 'N') && i + 1 < regex.size() && regex[i + 1] == '{') {
          size_t close = regex.find('}', i);
          if (close == std::string_view::npos) return {errc::not_supported, "a '{' is not closed"};
          out += regex.substr(i + 1, close - i);
          i = close;
        }
      }
      continue;
    }
    if (c == '[') {
      // [:punct:] has the symbols there and not here, and so on.
      if (set_depth > 0 && regex.substr(i).starts_with("[:")) return {errc::not_supported, "[: :] is not supported"};
      ++set_depth;
    }
    if (c == ']' && set_depth > 0) --set_depth;
    if (set_depth == 0) {
      // Here it makes the repeat possessive, there it repeats the repeat.
      if (c == '+' && repeat_ended) return {errc::not_supported, "the quantifier {n,m}+ is not supported"};
      after_repeat = c == '}';
    }
    out += c;
  }
  return out;
}

result<std::unique_ptr<const icu::RegexPattern>> compile(std::string_view regex) {
  auto wrong = [&](const std::string& why) {
    return error{errc::not_supported, "the regular expression \"" + std::string(regex.substr(0, 200)) + "\": " + why};
  };
  if (regex.size() > regex_bytes_max) return wrong("longer than " + std::to_string(regex_bytes_max) + " bytes");
  if (!is_utf8(regex)) return wrong("not UTF-8");
  auto rewritten = to_icu(regex);
  if (!rewritten) return wrong(rewritten.err().detail);
  UErrorCode status = U_ZERO_ERROR;
  UParseError at{};
  // In Ruby's syntax ^ and $ stand at every line, and only \n ends one.
  std::unique_ptr<const icu::RegexPattern> pattern(icu::RegexPattern::compile(
      icu::UnicodeString::fromUTF8(*rewritten), UREGEX_MULTILINE | UREGEX_UNIX_LINES, at, status));
  if (U_FAILURE(status) || !pattern) return wrong(u_errorName(status));
  return pattern;
}

}  // namespace

result<text_pattern> text_pattern::parse(const boost::json::value& value, const std::string& path) {
  if (!value.is_object()) return {errc::corrupt, path + " must be an object"};
  const auto& object = value.get_object();
  TROUPE_TRY(allow_only(object, path, {"String", "Regex"}));
  json_reader reader(object, path);
  if (object.size() != 1) return {errc::corrupt, path + " must have one member, \"String\" or \"Regex\""};
  if (object.contains("String")) {
    TROUPE_ASSIGN(std::string text, required_string(reader, "String"));
    if (text.empty()) return {errc::not_supported, path + ": an empty pattern is not supported"};
    return literal(std::move(text));
  }
  TROUPE_ASSIGN(std::string expression, required_string(reader, "Regex"));
  auto pattern = regex(expression);
  if (!pattern) return with_context(pattern.err(), path);
  return pattern;
}

text_pattern text_pattern::literal(std::string text) {
  auto c = std::make_shared<compiled>();
  c->literal = std::move(text);
  return text_pattern(std::move(c));
}

result<text_pattern> text_pattern::regex(std::string_view regex) {
  if (auto rules = known_word_rules(regex)) {
    auto c = std::make_shared<compiled>();
    c->words = rules;
    return text_pattern(std::move(c));
  }
  return regex_by_icu(regex);
}

result<text_pattern> text_pattern::regex_by_icu(std::string_view regex) {
  auto c = std::make_shared<compiled>();
  TROUPE_ASSIGN(c->icu, compile(regex));
  return text_pattern(std::move(c));
}

text_pattern text_pattern::gpt2() {
  auto c = std::make_shared<compiled>();
  c->words = gpt2_words;
  return text_pattern(std::move(c));
}

struct pattern_finder::icu_matcher {
  icu::UnicodeString text;
  std::unique_ptr<icu::RegexMatcher> matcher;
};

pattern_finder::pattern_finder(const text_pattern& pattern) : pattern_(pattern.compiled_) {}
pattern_finder::pattern_finder(pattern_finder&&) noexcept = default;
pattern_finder::~pattern_finder() = default;

result<std::span<const text_range>> pattern_finder::find_all(std::string_view text) {
  found_.clear();
  if (pattern_->icu) {
    TROUPE_TRY(find_by_icu(text));
  } else if (pattern_->words) {
    for (size_t at = 0; at < text.size();) {
      size_t end = next_word(*pattern_->words, text, at);
      found_.push_back({at, end});
      at = end;
    }
  } else {
    const auto& needle = pattern_->literal;
    for (size_t at = text.find(needle); at != std::string_view::npos; at = text.find(needle, at + needle.size())) {
      found_.push_back({at, at + needle.size()});
    }
  }
  return std::span<const text_range>(found_);
}

result<void> pattern_finder::find_by_icu(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  if (!icu_) {
    icu_ = std::make_unique<icu_matcher>();
    icu_->matcher.reset(pattern_->icu->matcher(status));
    if (icu_->matcher) icu_->matcher->setStackLimit(stack_bytes_max, status);
  }
  if (U_FAILURE(status) || !icu_->matcher) return {errc::internal, std::string("ICU: ") + u_errorName(status)};
  auto& matcher = *icu_->matcher;
  icu_->text = icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  matcher.setTimeLimit(ticks_max(text.size()), status);
  matcher.reset(icu_->text);

  // ICU counts UTF-16 units, we count bytes; matches come in order, so one walk translates them.
  size_t at = 0;
  int32_t unit = 0;
  auto byte_of = [&](int32_t wanted) {
    while (unit < wanted && at < text.size()) unit += utf8_decode(text, at) > 0xFFFF ? 2 : 1;
    return at;
  };
  while (U_SUCCESS(status) && matcher.find(status) && U_SUCCESS(status)) {
    size_t begin = byte_of(matcher.start(status));
    size_t end = byte_of(matcher.end(status));
    // As in Oniguruma, nothing matches empty right where the last match ended.
    if (begin == end && !found_.empty() && found_.back().end == begin) continue;
    found_.push_back({begin, end});
  }
  if (U_FAILURE(status)) {
    bool too_hard = status == U_REGEX_TIME_OUT || status == U_REGEX_STACK_OVERFLOW;
    return {errc::invalid_argument, std::string("the text is too hard for the tokenizer's regular expression") +
                                        (too_hard ? "" : std::string(" (") + u_errorName(status) + ")")};
  }
  return {};
}

}  // namespace troupe
