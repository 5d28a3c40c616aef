#include "shards/tokenizer/word_scanner.hpp"

#include "base/utf8.hpp"
#include "shards/tokenizer/characters.hpp"

namespace troupe {
namespace {

// A place in the text and the kind of the character there.
struct cursor {
  std::string_view text;
  size_t at;    // of the character
  size_t next;  // after it
  bool end;
  char32_t c;
  char_kind kind;

  cursor(std::string_view t, size_t from) : text(t), at(from), next(from), end(true), c(0), kind(char_kind::other) {
    read();
  }

  void advance() {
    at = next;
    read();
  }
  bool is(char_kind k) const { return !end && kind == k; }
  bool is_white() const { return is(char_kind::space) || is(char_kind::newline); }

 private:
  void read() {
    end = at >= text.size();
    if (end) return;
    next = at;
    c = utf8_decode(text, next);
    kind = kind_of(c);
  }
};

// The length of a contraction that begins at `at` with an apostrophe, or 0.
size_t contraction(std::string_view text, size_t at, bool any_case) {
  auto letter = [&](size_t i) -> char {
    if (i >= text.size()) return 0;
    char c = text[i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  char first = letter(at + 1);
  char second = letter(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  if (first == 'l' && second == 'l') return 3;
  // The long s folds to s (Unicode's CaseFolding.txt), and the patterns compare by folding.
  if (any_case && text.substr(at + 1).starts_with("\u017F")) return 3;
  return 0;
}

// \s*[\r\n]+ | \s+(?!\S) | \s+   or only the last two
size_t white_space(const word_rules& rules, std::string_view text, size_t at) {
  size_t after_newline = 0;
  size_t last = at;
  cursor cur(text, at);
  for (; cur.is_white(); cur.advance()) {
    last = cur.at;
    if (cur.kind == char_kind::newline) after_newline = cur.next;
  }
  if (rules.cut_at_newlines && after_newline != 0) return after_newline;
  // The last space belongs to the word after it, unless it is the only one or no word follows.
  return cur.end || last == at ? cur.at : last;
}

size_t numbers(const word_rules& rules, cursor cur) {
  for (uint32_t count = 0; cur.is(char_kind::number) && (rules.digits_max == 0 || count < rules.digits_max); ++count)
    cur.advance();
  return cur.at;
}

size_t letters(cursor cur) {
  while (cur.is(char_kind::letter)) cur.advance();
  return cur.at;
}

size_t symbols(const word_rules& rules, cursor cur) {
  while (cur.is(char_kind::other)) cur.advance();
  if (rules.cut_at_newlines) {
    while (cur.is(char_kind::newline)) cur.advance();
  }
  return cur.at;
}

}  // namespace

std::optional<word_rules> known_word_rules(std::string_view regex) {
  if (regex == R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)") return gpt2_words;
  word_rules rules{.contractions_any_case = true, .letters_take_any_prefix = true, .cut_at_newlines = true};
  // Llama 3 and the Hugging Face form of cl100k.
  rules.digits_max = 3;
  if (regex == R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?)"
               R"([^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)") {
    return rules;
  }
  // Qwen2: every digit is a token.
  rules.digits_max = 1;
  if (regex == R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?)"
               R"([^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)") {
    return rules;
  }
  return std::nullopt;
}

// The order of the checks is the order of the pattern's alternatives.
size_t next_word(const word_rules& rules, std::string_view text, size_t at) {
  cursor first(text, at);
  if (first.c == U'\'') {
    if (size_t length = contraction(text, at, rules.contractions_any_case)) return at + length;
  }
  if (first.kind == char_kind::letter) return letters(first);
  if (first.kind == char_kind::number) return numbers(rules, first);
  cursor second(text, first.next);
  bool is_plain_space = first.c == U' ';
  bool may_lead_letters = rules.letters_take_any_prefix ? first.kind != char_kind::newline : is_plain_space;
  if (may_lead_letters && second.is(char_kind::letter)) return letters(second);
  if (is_plain_space && rules.digits_max == 0 && second.is(char_kind::number)) return numbers(rules, second);
  if (first.kind == char_kind::other) return symbols(rules, first);
  if (is_plain_space && second.is(char_kind::other)) return symbols(rules, second);
  return white_space(rules, text, at);
}

}  // namespace troupe
