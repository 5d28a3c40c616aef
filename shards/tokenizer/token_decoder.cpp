#include "shards/tokenizer/token_decoder.hpp"

#include <optional>
#include <utility>

#include "base/utf8.hpp"
#include "shards/tokenizer/byte_level.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/replace.hpp"

namespace troupe {
namespace {

// A vocabulary's longest tokens are runs of some hundred spaces.
constexpr size_t piece_bytes_max = 1 << 20;

// The byte that "<0x0A>" names.
std::optional<char> named_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  int value = 0;
  for (char c : token.substr(3, 2)) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                       : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + digit;
  }
  return static_cast<char>(static_cast<unsigned char>(value));
}

// `text` without up to `start` characters `c` at its start and up to `stop` at its end.
void strip_token(std::string& text, const std::string& c, size_t start, size_t stop) {
  for (; start > 0 && text.starts_with(c); --start) text.erase(0, c.size());
  for (; stop > 0 && text.ends_with(c); --stop) text.resize(text.size() - c.size());
}

}  // namespace

// Reads the list of decoders. Before the pieces are joined each works on one token; afterwards only Strip, on the text.
struct token_decoder::reader {
  token_decoder& out;
  bool joined = false;         // ByteLevel or Fuse was there
  bool bytes_decided = false;  // ByteLevel or ByteFallback was there

  result<void> read(const component& c) {
    if (c.type == "Fuse") {
      TROUPE_TRY(c.allow_only({}));
      joined = true;
      return {};
    }
    if (c.type == "Strip") return read_strip(c);
    bool known = c.type == "Replace" || c.type == "Metaspace" || c.type == "ByteFallback" || c.type == "ByteLevel";
    if (!known) return c.unknown_type("decoder");
    if (joined || bytes_decided) {
      return {errc::not_supported,
              c.path + ": a decoder \"" + c.type + "\" after bytes or tokens were joined is not supported"};
    }
    if (c.type == "Replace") return read_replace(c);
    if (c.type == "Metaspace") return read_metaspace(c);
    bytes_decided = true;
    if (c.type == "ByteFallback") {
      TROUPE_TRY(c.allow_only({}));
      out.rules_.joined = decode_rules::join::fallback;
      return {};
    }
    TROUPE_TRY(c.allow_only({"add_prefix_space", "trim_offsets", "use_regex"}));
    out.rules_.joined = decode_rules::join::bytes;
    joined = true;
    return {};
  }

  result<void> read_strip(const component& c) {
    TROUPE_TRY(c.allow_only({"content", "start", "stop"}));
    TROUPE_ASSIGN(std::string content, required_string(c.reader(), "content"));
    TROUPE_ASSIGN(char32_t character, one_character(content, c.reader().path_of("content")));
    TROUPE_ASSIGN(int64_t start, required_integer(c.reader(), "start", 0, 1024));
    TROUPE_ASSIGN(int64_t stop, required_integer(c.reader(), "stop", 0, 1024));
    if (!joined) {
      if (bytes_decided) return {errc::not_supported, c.path + ": a Strip of single bytes is not supported"};
      out.steps_.push_back([content, start, stop](std::string& token, bool) -> result<void> {
        strip_token(token, content, static_cast<size_t>(start), static_cast<size_t>(stop));
        return {};
      });
      return {};
    }
    if (out.rules_.strip != 0) return {errc::not_supported, c.path + ": a second Strip is not supported"};
    out.rules_.strip = character;
    out.rules_.strip_start = static_cast<size_t>(start);
    out.rules_.strip_stop = static_cast<size_t>(stop);
    return {};
  }

  result<void> read_replace(const component& c) {
    TROUPE_TRY(c.allow_only({"pattern", "content"}));
    const auto* value = c.reader().find("pattern");
    if (!value) return {errc::corrupt, c.reader().path_of("pattern") + " is missing"};
    TROUPE_ASSIGN(text_pattern pattern, text_pattern::parse(*value, c.reader().path_of("pattern")));
    TROUPE_ASSIGN(std::string content, required_string(c.reader(), "content"));
    out.steps_.push_back([pattern, content](std::string& token, bool) -> result<void> {
      pattern_finder finder(pattern);
      TROUPE_ASSIGN(token, replace_all(finder, token, content, piece_bytes_max));
      return {};
    });
    return {};
  }

  result<void> read_metaspace(const component& c) {
    TROUPE_TRY(c.allow_only({"replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
    TROUPE_ASSIGN(std::string mark, c.reader().string("replacement", "\u2581"));
    TROUPE_TRY(one_character(mark, c.reader().path_of("replacement")));
    TROUPE_ASSIGN(std::string scheme, c.reader().string("prepend_scheme", "always"));
    TROUPE_ASSIGN(bool add_prefix, c.reader().boolean("add_prefix_space", true));
    if (!add_prefix && scheme != "never")
      return {errc::corrupt, c.path + ": add_prefix_space and prepend_scheme contradict each other"};
    bool drop_first = scheme != "never";
    if (drop_first) out.first_differs_ = true;
    text_pattern pattern = text_pattern::literal(mark);
    out.steps_.push_back([pattern, drop_first](std::string& token, bool first) -> result<void> {
      pattern_finder finder(pattern);
      TROUPE_ASSIGN(token, replace_all(finder, token, first && drop_first ? "" : " ", piece_bytes_max));
      return {};
    });
    return {};
  }
};

result<token_decoder> token_decoder::parse(const boost::json::value& value) {
  token_decoder d;
  // The Hugging Face library joins the tokens with spaces then.
  if (value.is_null()) d.rules_.separator = " ";
  reader r{d};
  TROUPE_TRY(for_each_component(value, "decoder", "decoders", [&](const component& c) { return r.read(c); }));
  return d;
}

result<piece> token_decoder::decode(const std::string& token, bool first, bool plain) const {
  piece p{token, false};
  for (const auto& s : steps_) TROUPE_TRY(s(p.text, first));
  if (rules_.joined == decode_rules::join::bytes) {
    if (!plain) p.text = bytes_of_characters(p.text);
  } else if (rules_.joined == decode_rules::join::fallback) {
    if (auto byte = named_byte(p.text)) p = {std::string(1, *byte), true};
  }
  return p;
}

decode_stream::decode_stream(const decode_rules& rules, bool at_start)
    : rules_(rules), at_start_(at_start), strip_left_(at_start ? rules.strip_start : 0), separate_(!at_start) {}

std::string decode_stream::push(std::string_view piece, bool byte) {
  at_start_ = false;
  return strip(join(piece, byte));
}

std::string decode_stream::finish() { return strip(complete_bytes(true)); }

std::string decode_stream::join(std::string_view piece, bool byte) {
  if (rules_.joined == decode_rules::join::bytes || byte) {
    bytes_ += piece;
    return complete_bytes(false);
  }
  // A character cannot go on in a piece that is text.
  std::string out = complete_bytes(true);
  if (std::exchange(separate_, true)) out += rules_.separator;
  out += piece;
  return out;
}

// The characters that bytes_ holds; what could still become one stays, unless nothing follows. In bytes that form none,
// byte-level decoding gives one U+FFFD for each maximal part of a character (as Rust's from_utf8_lossy, which the
// Hugging Face library uses), and fallback gives one for each byte. That library also spoils the valid characters of a
// run of fallback bytes that has an invalid one anywhere; a stream has sent them by then.
std::string decode_stream::complete_bytes(bool end) {
  size_t keep = end ? 0 : utf8_incomplete_tail(bytes_);
  std::string_view ready = std::string_view(bytes_).substr(0, bytes_.size() - keep);
  std::string out;
  if (rules_.joined == decode_rules::join::bytes) {
    out = utf8_repaired(ready);
  } else {
    while (!ready.empty()) {
      size_t length = utf8_length(ready);
      out += length == 0 ? std::string_view("\uFFFD") : ready.substr(0, length);
      ready.remove_prefix(length == 0 ? 1 : length);
    }
  }
  bytes_.erase(0, bytes_.size() - keep);
  return out;
}

std::string decode_stream::strip(std::string text) {
  if (rules_.strip == 0) return text;
  std::string c;
  utf8_append(c, rules_.strip);
  for (; strip_left_ > 0 && text.starts_with(c); --strip_left_) text.erase(0, c.size());
  // The first other character ends the stripping at the start.
  if (!text.empty()) strip_left_ = 0;
  // What may be the text's end is held back; at the end it is dropped.
  text.insert(0, std::exchange(stripped_, ""));
  for (size_t n = 0; n < rules_.strip_stop && text.ends_with(c); ++n) {
    text.resize(text.size() - c.size());
    stripped_ += c;
  }
  return text;
}

}  // namespace troupe
