#include "shards/tokenizer/pre_tokenizer.hpp"

#include "base/utf8.hpp"
#include "shards/tokenizer/byte_level.hpp"
#include "shards/tokenizer/characters.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/split_behavior.hpp"
#include "shards/tokenizer/text_pattern.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

using word = split_text::word;
using step = std::function<result<void>(split_text&)>;

constexpr size_t split_bytes_max = 8 * tokenizer::text_bytes_max;

/// Finds the matches in one word.
using finder = std::function<result<std::span<const text_range>>(std::string_view)>;

result<void> split_words(split_text& split, const finder& find, split_behavior behavior, bool invert) {
  std::vector<word> words;
  words.reserve(split.words.size());
  std::vector<text_range> pieces;
  for (const auto& w : split.words) {
    auto text = std::string_view(split.text).substr(w.begin, w.end - w.begin);
    TROUPE_ASSIGN(auto matches, find(text));
    pieces.clear();
    split_at(matches, text.size(), behavior, invert, pieces);
    for (auto piece : pieces)
      words.push_back({w.begin + piece.begin, w.begin + piece.end, w.first && piece.begin == 0});
  }
  split.words = std::move(words);
  return {};
}

step split_by_pattern(text_pattern pattern, split_behavior behavior, bool invert) {
  return [pattern = std::move(pattern), behavior, invert](split_text& split) {
    pattern_finder found(pattern);
    return split_words(
        split, [&](std::string_view text) { return found.find_all(text); }, behavior, invert);
  };
}

// Every character that `is` holds for is a match of its own.
step split_by_character(bool (*is)(char32_t), split_behavior behavior) {
  return [is, behavior](split_text& split) {
    std::vector<text_range> found;
    auto find = [&](std::string_view text) -> result<std::span<const text_range>> {
      found.clear();
      for (size_t at = 0; at < text.size();) {
        size_t begin = at;
        if (is(utf8_decode(text, at))) found.push_back({begin, at});
      }
      return std::span<const text_range>(found);
    };
    return split_words(split, find, behavior, false);
  };
}

// Rewrites every word: `write` appends the new text of one.
void rewrite(split_text& split, const std::function<void(std::string& out, std::string_view old, bool first)>& write) {
  std::string out;
  out.reserve(split.text.size() + split.text.size() / 2);
  for (auto& w : split.words) {
    size_t begin = out.size();
    write(out, std::string_view(split.text).substr(w.begin, w.end - w.begin), w.first);
    w.begin = begin;
    w.end = out.size();
  }
  split.text = std::move(out);
}

result<step> make_byte_level(const component& c) {
  // trim_offsets is about positions in the text, which nothing here reports.
  TROUPE_TRY(c.allow_only({"add_prefix_space", "trim_offsets", "use_regex"}));
  TROUPE_ASSIGN(bool prefix, c.reader().boolean("add_prefix_space", true));
  TROUPE_ASSIGN(bool use_regex, c.reader().boolean("use_regex", true));
  return step([prefix, use_regex, words = split_by_pattern(text_pattern::gpt2(), split_behavior::isolated, false)](
                  split_text& split) -> result<void> {
    if (prefix) {
      rewrite(split, [](std::string& out, std::string_view old, bool) {
        if (!old.starts_with(' ')) out += ' ';
        out += old;
      });
    }
    if (use_regex) TROUPE_TRY(words(split));
    rewrite(split, [](std::string& out, std::string_view old, bool) { append_byte_characters(out, old); });
    return {};
  });
}

result<step> make_split(const component& c) {
  TROUPE_TRY(c.allow_only({"pattern", "behavior", "invert"}));
  const auto* value = c.reader().find("pattern");
  if (!value) return {errc::corrupt, c.reader().path_of("pattern") + " is missing"};
  TROUPE_ASSIGN(text_pattern pattern, text_pattern::parse(*value, c.reader().path_of("pattern")));
  TROUPE_ASSIGN(std::string name, required_string(c.reader(), "behavior"));
  auto behavior = split_behavior_named(name);
  if (!behavior) return {errc::not_supported, c.reader().path_of("behavior") + " \"" + name + "\" is not supported"};
  TROUPE_ASSIGN(bool invert, c.reader().boolean("invert", false));
  return split_by_pattern(std::move(pattern), *behavior, invert);
}

result<step> make_metaspace(const component& c) {
  TROUPE_TRY(c.allow_only({"replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
  TROUPE_ASSIGN(std::string mark, c.reader().string("replacement", "\u2581"));
  TROUPE_TRY(one_character(mark, c.reader().path_of("replacement")));
  TROUPE_ASSIGN(std::string scheme, c.reader().string("prepend_scheme", "always"));
  TROUPE_ASSIGN(bool split, c.reader().boolean("split", true));
  // Files from before prepend_scheme say only this.
  TROUPE_ASSIGN(bool add_prefix, c.reader().boolean("add_prefix_space", true));
  if (!add_prefix && scheme != "never")
    return {errc::corrupt, c.path + ": add_prefix_space and prepend_scheme contradict each other"};
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return {errc::not_supported, c.reader().path_of("prepend_scheme") + " \"" + scheme + "\" is not supported"};
  }
  bool at_first = scheme != "never";
  bool at_others = scheme == "always";
  step words = split_by_pattern(text_pattern::literal(mark), split_behavior::merged_with_next, false);
  return step([mark, at_first, at_others, split, words](split_text& s) -> result<void> {
    rewrite(s, [&](std::string& out, std::string_view old, bool first) {
      if ((first ? at_first : at_others) && !old.starts_with(mark) && !old.starts_with(' ')) out += mark;
      for (char ch : old) {
        if (ch == ' ') {
          out += mark;
        } else {
          out += ch;
        }
      }
    });
    if (split) TROUPE_TRY(words(s));
    return {};
  });
}

result<step> make_digits(const component& c) {
  TROUPE_TRY(c.allow_only({"individual_digits"}));
  TROUPE_ASSIGN(bool individual, c.reader().boolean("individual_digits", false));
  return split_by_character(is_number, individual ? split_behavior::isolated : split_behavior::contiguous);
}

result<step> make_punctuation(const component& c) {
  TROUPE_TRY(c.allow_only({"behavior"}));
  TROUPE_ASSIGN(std::string name, c.reader().string("behavior", "Isolated"));
  auto behavior = split_behavior_named(name);
  if (!behavior) return {errc::not_supported, c.reader().path_of("behavior") + " \"" + name + "\" is not supported"};
  return split_by_character(is_punctuation, *behavior);
}

// \w+|[^\w\s]+ : runs of word characters, runs of what is neither those nor space; spaces are dropped.
step whitespace() {
  return [](split_text& split) {
    std::vector<text_range> found;
    auto find = [&](std::string_view text) -> result<std::span<const text_range>> {
      found.clear();
      bool was_word = false;
      for (size_t at = 0; at < text.size();) {
        size_t begin = at;
        char32_t c = utf8_decode(text, at);
        if (is_space(c)) continue;
        bool is_word = is_word_character(c);
        if (!found.empty() && found.back().end == begin && was_word == is_word) {
          found.back().end = at;
        } else {
          found.push_back({begin, at});
        }
        was_word = is_word;
      }
      return std::span<const text_range>(found);
    };
    return split_words(split, find, split_behavior::removed, true);
  };
}

result<step> make_step(const component& c) {
  if (c.type == "ByteLevel") return make_byte_level(c);
  if (c.type == "Split") return make_split(c);
  if (c.type == "Metaspace") return make_metaspace(c);
  if (c.type == "Digits") return make_digits(c);
  if (c.type == "Punctuation") return make_punctuation(c);
  if (c.type != "Whitespace" && c.type != "WhitespaceSplit") return c.unknown_type("pre_tokenizer");
  TROUPE_TRY(c.allow_only({}));
  return c.type == "Whitespace" ? whitespace() : split_by_character(is_space, split_behavior::removed);
}

}  // namespace

result<pre_tokenizer> pre_tokenizer::parse(const boost::json::value& value) {
  pre_tokenizer p;
  TROUPE_TRY(for_each_component(value, "pre_tokenizer", "pretokenizers", [&](const component& c) -> result<void> {
    TROUPE_ASSIGN(step s, make_step(c));
    p.steps_.push_back(std::move(s));
    return {};
  }));
  return p;
}

result<split_text> pre_tokenizer::apply(std::string text, bool first) const {
  split_text split{std::move(text), {}};
  if (!split.text.empty()) split.words.push_back({0, split.text.size(), first});
  for (const auto& s : steps_) {
    TROUPE_TRY(s(split));
    // One step at most triples the text, but a Sequence may have many.
    if (split.text.size() > split_bytes_max) {
      return {errc::invalid_argument,
              "the text grows beyond " + std::to_string(split_bytes_max) + " bytes when it is split"};
    }
  }
  return split;
}

}  // namespace troupe
