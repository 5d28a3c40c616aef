#include "shards/chat_template/jinja/lexer.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/string_literal.hpp"
#include "shards/chat_template/jinja/text.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

// Of a variable, filter or attribute: looking one up costs the same whatever it is called.
constexpr size_t name_bytes_max = 200;

bool is_digit_byte(char c) { return c >= '0' && c <= '9'; }

// "\n" for every line end, and none at the very end: keep_trailing_newline is off.
std::string with_plain_line_ends(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    bool pair = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
    if (!pair) out += source[i] == '\r' ? '\n' : source[i];
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class lexer {
 public:
  explicit lexer(std::string_view source) : source_(with_plain_line_ends(source)), rest_(source_) {}

  result<std::vector<token>> run() {
    while (at_ < rest_.size()) {
      size_t tag = next_tag();
      std::string_view text = rest_.substr(at_, tag - at_);
      if (tag == rest_.size()) {
        data(text, false, 0);
        break;
      }
      char kind = rest_[tag + 1];
      size_t inside = tag + 2;
      char control = inside < rest_.size() && (rest_[inside] == '-' || rest_[inside] == '+') ? rest_[inside] : '\0';
      if (control != 0) ++inside;
      data(text, kind != '{', control);
      move_to(inside);
      if (kind == '#') {
        TROUPE_TRY(comment());
      } else if (kind == '{') {
        TROUPE_TRY(expression(token_kind::variable_begin, token_kind::variable_end, "}}"));
      } else if (size_t raw = raw_begin(); raw != 0) {
        move_to(raw);
        TROUPE_TRY(raw_text());
      } else {
        TROUPE_TRY(expression(token_kind::block_begin, token_kind::block_end, "%}"));
      }
    }
    add(token_kind::end, "");
    return std::move(tokens_);
  }

 private:
  void add(token_kind kind, std::string text, value constant = {}) {
    tokens_.push_back({kind, line_, std::move(text), std::move(constant)});
  }

  // Goes on at `to`, counting lines, and remembers whether what was passed ends a line.
  void move_to(size_t to) {
    line_ += static_cast<int>(
        std::count(rest_.begin() + static_cast<long>(at_), rest_.begin() + static_cast<long>(to), '\n'));
    if (to > at_) line_starting_ = rest_[to - 1] == '\n';
    at_ = to;
  }

  size_t next_tag() const {
    for (size_t brace = rest_.find('{', at_); brace != std::string_view::npos; brace = rest_.find('{', brace + 1)) {
      char next = brace + 1 < rest_.size() ? rest_[brace + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return brace;
    }
    return rest_.size();
  }

  // The text in front of a tag. "-" takes all white space away; without a sign, white space between the line's start
  // and the tag goes (lstrip_blocks), but not in front of {{.
  void data(std::string_view text, bool strip_line, char control) {
    std::string_view kept = text;
    if (control == '-') {
      kept = stripped_right(text);
    } else if (control != '+' && strip_line) {
      size_t line = text.rfind('\n') + 1;  // npos + 1 is 0
      if ((line > 0 || line_starting_) && stripped_left(text.substr(line)).empty()) kept = text.substr(0, line);
    }
    if (!kept.empty()) add(token_kind::data, std::string(kept));
    move_to(at_ + text.size());
  }

  size_t after_space(size_t at) const { return rest_.size() - stripped_left(rest_.substr(at)).size(); }

  // What ends a tag at `at`: "+%}", "-%}" with the white space behind it, or "%}" with one line end behind it. The
  // position behind, or 0 where none stands there.
  size_t tag_end(size_t at, std::string_view close, bool trim) const {
    auto here = rest_.substr(at);
    if (trim && here.starts_with('+') && here.substr(1).starts_with(close)) return at + 3;
    if (here.starts_with('-') && here.substr(1).starts_with(close)) return after_space(at + 3);
    if (!here.starts_with(close)) return 0;
    return at + 2 + (trim && here.size() > 2 && here[2] == '\n' ? 1 : 0);
  }

  result<void> comment() {
    int line = line_;
    for (size_t end = rest_.find("#}", at_); end != std::string_view::npos; end = rest_.find("#}", end + 1)) {
      bool control = end > at_ && (rest_[end - 1] == '-' || rest_[end - 1] == '+');
      move_to(tag_end(control ? end - 1 : end, "#}", true));
      return {};
    }
    return syntax_error(line, "Missing end of comment tag");
  }

  // Behind "{% raw %}", or 0 where another block stands at at_.
  size_t raw_begin() const {
    size_t at = after_space(at_);
    if (!rest_.substr(at).starts_with("raw")) return 0;
    at = after_space(at + 3);
    auto here = rest_.substr(at);
    if (here.starts_with("-%}")) return after_space(at + 3);
    return here.starts_with("%}") ? at + 2 : 0;
  }

  result<void> raw_text() {
    int line = line_;
    for (size_t tag = rest_.find("{%", at_); tag != std::string_view::npos; tag = rest_.find("{%", tag + 2)) {
      size_t inside = tag + 2;
      char control = inside < rest_.size() && (rest_[inside] == '-' || rest_[inside] == '+') ? rest_[inside] : '\0';
      if (control != 0) ++inside;
      size_t word = after_space(inside);
      if (!rest_.substr(word).starts_with("endraw")) continue;
      size_t end = tag_end(after_space(word + 6), "%}", true);
      if (end == 0) continue;
      data(rest_.substr(at_, tag - at_), true, control);
      move_to(end);
      return {};
    }
    return syntax_error(line, "Missing end of raw directive");
  }

  result<void> expression(token_kind begin, token_kind end, std::string_view close) {
    add(begin, "");
    std::string open_brackets;
    for (;;) {
      move_to(after_space(at_));
      if (at_ == rest_.size()) return {};  // the parser says what is missing
      if (open_brackets.empty()) {
        if (size_t behind = tag_end(at_, close, end == token_kind::block_end); behind != 0) {
          add(end, "");
          move_to(behind);
          return {};
        }
      }
      TROUPE_TRY(one_token(open_brackets));
    }
  }

  result<void> one_token(std::string& open_brackets) {
    char c = rest_[at_];
    if (size_t size = real_size(); size != 0) {
      std::string text(rest_.substr(at_, size));
      auto d = read_real(text);
      if (!d) return syntax_error(line_, "invalid number '" + text + "'");
      add(token_kind::real, std::move(text), value(*d));
      move_to(at_ + size);
      return {};
    }
    if (is_digit_byte(c)) return whole_number();
    if (size_t size = name_size(); size != 0) {
      if (size > name_bytes_max) return syntax_error(line_, "a name has more than 200 bytes");
      add(token_kind::name, std::string(rest_.substr(at_, size)));
      move_to(at_ + size);
      return {};
    }
    if (c == '"' || c == '\'') return string();
    return sign(open_brackets);
  }

  // \d+(_\d+)*
  size_t digits_size(size_t at) const {
    size_t begin = at;
    while (at < rest_.size() && (is_digit_byte(rest_[at]) || (at > begin && rest_[at] == '_' && at + 1 < rest_.size() &&
                                                              is_digit_byte(rest_[at + 1])))) {
      ++at;
    }
    return at - begin;
  }

  // Digits with a fraction, an exponent or both; not behind a dot, so that x.0.1 stays two subscripts.
  size_t real_size() const {
    if (at_ > 0 && rest_[at_ - 1] == '.') return 0;
    size_t whole = digits_size(at_);
    if (whole == 0) return 0;
    size_t end = at_ + whole;
    bool fraction = false;
    if (end < rest_.size() && rest_[end] == '.') {
      if (size_t digits = digits_size(end + 1); digits != 0) {
        end += 1 + digits;
        fraction = true;
      }
    }
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
      size_t power = end + 1;
      if (power < rest_.size() && (rest_[power] == '+' || rest_[power] == '-')) ++power;
      if (size_t digits = digits_size(power); digits != 0) return power + digits - at_;
    }
    return fraction ? end - at_ : 0;
  }

  result<void> whole_number() {
    size_t size = 1;
    auto is_more = [&](std::string_view digits) {
      size_t at = at_ + size;
      if (at < rest_.size() && rest_[at] == '_') ++at;
      if (at >= rest_.size() || digits.find(rest_[at]) == std::string_view::npos) return false;
      size = at + 1 - at_;
      return true;
    };
    char prefix = rest_[at_] == '0' && at_ + 1 < rest_.size() ? static_cast<char>(rest_[at_ + 1] | 0x20) : '\0';
    std::string_view digits = prefix == 'x'   ? "0123456789abcdefABCDEF"
                              : prefix == 'o' ? "01234567"
                              : prefix == 'b' ? "01"
                                              : "";
    if (!digits.empty()) {
      size = 2;
      if (!is_more(digits)) size = 1;
    }
    if (size == 1) digits = rest_[at_] == '0' ? "0" : "0123456789";
    while (is_more(digits)) {
    }
    std::string text(rest_.substr(at_, size));
    auto i = read_integer(text, 0);
    if (!i) return syntax_error(line_, "the number " + text + " is too large");
    add(token_kind::whole, std::move(text), value(*i));
    move_to(at_ + size);
    return {};
  }

  size_t name_size() const {
    size_t end = at_;
    while (end < rest_.size()) {
      size_t next = end;
      char32_t c = utf8_decode(rest_, next);
      bool first = c == '_' || is_alphabetic(c);
      if (!first && !(end > at_ && is_alphanumeric(c))) break;
      end = next;
    }
    return end - at_;
  }

  result<void> string() {
    char quote = rest_[at_];
    size_t end = at_ + 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return syntax_error(line_, std::string("unexpected char ") + quote);
    auto content = read_string_literal(rest_.substr(at_ + 1, end - at_ - 1));
    if (!content) return syntax_error(line_, content.err().message());
    add(token_kind::string, std::move(*content));
    move_to(end + 1);
    return {};
  }

  result<void> sign(std::string& open_brackets) {
    static constexpr std::string_view signs[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                                 "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (std::string_view sign : signs) {
      if (!rest_.substr(at_).starts_with(sign)) continue;
      char c = sign[0];
      if (c == '(') open_brackets += ')';
      if (c == '[') open_brackets += ']';
      if (c == '{') open_brackets += '}';
      if (c == ')' || c == ']' || c == '}') {
        if (open_brackets.empty()) return syntax_error(line_, std::string("unexpected '") + c + "'");
        if (open_brackets.back() != c) {
          return syntax_error(line_, std::string("unexpected '") + c + "', expected '" + open_brackets.back() + "'");
        }
        open_brackets.pop_back();
      }
      add(token_kind::sign, std::string(sign));
      move_to(at_ + sign.size());
      return {};
    }
    size_t end = at_;
    utf8_decode(rest_, end);
    return syntax_error(line_, "unexpected char " + in_quotes(rest_.substr(at_, end - at_)));
  }

  std::string source_;
  std::string_view rest_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<token> tokens_;
};

}  // namespace

error syntax_error(int line, std::string_view what) {
  return {errc::invalid_argument, "line " + std::to_string(line) + ": " + std::string(what)};
}

std::string token::described() const {
  switch (kind) {
    case token_kind::data: return "template data / text";
    case token_kind::variable_begin: return "begin of print statement";
    case token_kind::variable_end: return "end of print statement";
    case token_kind::block_begin: return "begin of statement block";
    case token_kind::block_end: return "end of statement block";
    case token_kind::string: return "string";
    case token_kind::whole: return "integer";
    case token_kind::real: return "float";
    case token_kind::name:
    case token_kind::sign: return text;
    case token_kind::end: return "end of template";
  }
  return "";
}

result<std::vector<token>> tokenize(std::string_view source) { return lexer(source).run(); }

}  // namespace troupe::jinja
