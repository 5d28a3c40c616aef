#include "shards/tokenizer/normalizer.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <utility>

#include "base/utf8.hpp"
#include "shards/tokenizer/characters.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/replace.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

using step = std::function<result<void>(std::string&)>;

// Normalizing may make text longer (a space becomes the three bytes of U+2581), but not without bound.
constexpr size_t normalized_bytes_max = 4 * tokenizer::text_bytes_max;

result<step> unicode_form(const icu::Normalizer2* (*instance)(UErrorCode&), const component& c) {
  TROUPE_TRY(c.allow_only({}));
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* form = instance(status);
  if (U_FAILURE(status)) return {errc::internal, c.path + ": ICU: " + u_errorName(status)};
  return step([form](std::string& text) -> result<void> {
    UErrorCode code = U_ZERO_ERROR;
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    form->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, code);
    if (U_FAILURE(code)) return {errc::internal, std::string("ICU: ") + u_errorName(code)};
    text = std::move(out);
    return {};
  });
}

// Each character by itself, as Rust's char::to_lowercase: a final sigma is like any other.
result<void> lowercase(std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    char32_t c = utf8_decode(text, at);
    if (c == U'\u0130') {
      out += "i\u0307";  // the one character whose lower case is two (SpecialCasing.txt)
    } else {
      utf8_append(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
    }
  }
  text = std::move(out);
  return {};
}

result<void> strip_accents(std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    char32_t c = utf8_decode(text, at);
    if (!is_mark(c)) utf8_append(out, c);
  }
  text = std::move(out);
  return {};
}

void strip(std::string& text, bool left, bool right) {
  size_t begin = std::string::npos;
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    size_t start = at;
    if (is_space(utf8_decode(text, at))) continue;
    if (begin == std::string::npos) begin = start;
    end = at;
  }
  if (begin == std::string::npos) {
    if (left || right) text.clear();
    return;
  }
  if (right) text.resize(end);
  if (left) text.erase(0, begin);
}

result<step> make_prepend(const component& c) {
  TROUPE_TRY(c.allow_only({"prepend"}));
  TROUPE_ASSIGN(std::string prefix, required_string(c.reader(), "prepend"));
  return step([prefix](std::string& text) -> result<void> {
    if (!text.empty()) text.insert(0, prefix);
    return {};
  });
}

result<step> make_replace(const component& c) {
  TROUPE_TRY(c.allow_only({"pattern", "content"}));
  const auto* value = c.reader().find("pattern");
  if (!value) return {errc::corrupt, c.reader().path_of("pattern") + " is missing"};
  TROUPE_ASSIGN(text_pattern pattern, text_pattern::parse(*value, c.reader().path_of("pattern")));
  TROUPE_ASSIGN(std::string content, required_string(c.reader(), "content"));
  return step([pattern, content](std::string& text) -> result<void> {
    pattern_finder finder(pattern);
    TROUPE_ASSIGN(text, replace_all(finder, text, content, normalized_bytes_max));
    return {};
  });
}

result<step> make_strip(const component& c) {
  TROUPE_TRY(c.allow_only({"strip_left", "strip_right"}));
  TROUPE_ASSIGN(bool left, c.reader().boolean("strip_left", false));
  TROUPE_ASSIGN(bool right, c.reader().boolean("strip_right", false));
  return step([left, right](std::string& text) -> result<void> {
    strip(text, left, right);
    return {};
  });
}

result<step> without_members(const component& c, step s) {
  TROUPE_TRY(c.allow_only({}));
  return s;
}

result<step> make_step(const component& c) {
  if (c.type == "Prepend") return make_prepend(c);
  if (c.type == "Replace") return make_replace(c);
  if (c.type == "Strip") return make_strip(c);
  const std::pair<std::string_view, const icu::Normalizer2* (*)(UErrorCode&)> forms[] = {
      {"NFC", &icu::Normalizer2::getNFCInstance},
      {"NFD", &icu::Normalizer2::getNFDInstance},
      {"NFKC", &icu::Normalizer2::getNFKCInstance},
      {"NFKD", &icu::Normalizer2::getNFKDInstance}};
  for (auto [name, instance] : forms) {
    if (c.type == name) return unicode_form(instance, c);
  }
  if (c.type == "Lowercase") return without_members(c, lowercase);
  if (c.type == "StripAccents") return without_members(c, strip_accents);
  return c.unknown_type("normalizer");
}

}  // namespace

result<normalizer> normalizer::parse(const boost::json::value& value) {
  normalizer n;
  TROUPE_TRY(for_each_component(value, "normalizer", "normalizers", [&](const component& c) -> result<void> {
    TROUPE_ASSIGN(step s, make_step(c));
    n.steps_.push_back(std::move(s));
    return {};
  }));
  return n;
}

result<std::string> normalizer::apply(std::string_view text) const {
  std::string out(text);
  for (const auto& s : steps_) {
    TROUPE_TRY(s(out));
    if (out.size() > normalized_bytes_max) {
      return {errc::invalid_argument,
              "the text grows beyond " + std::to_string(normalized_bytes_max) + " bytes when it is normalized"};
    }
  }
  return out;
}

}  // namespace troupe
