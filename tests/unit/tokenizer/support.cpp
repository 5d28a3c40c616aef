#include "tests/unit/tokenizer/support.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>

#include "base/json.hpp"
#include "base/random.hpp"
#include "base/utf8.hpp"
#include "shards/tokenizer/byte_level.hpp"

namespace troupe::testing {

namespace json = boost::json;

json::value json_file(const std::string& path) {
  auto value = read_json_file(path);
  BOOST_REQUIRE_MESSAGE(value, (value ? "" : value.err().message()));
  return std::move(*value);
}

std::string text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(in, path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

json::object byte_level_json(const std::vector<std::string>& merges) {
  json::object vocab;
  for (int b = 0; b < 256; ++b) {
    std::string character;
    append_byte_characters(character, std::string(1, static_cast<char>(b)));
    vocab.emplace(character, b);
  }
  json::array list;
  for (const auto& merge : merges) {
    size_t space = merge.find(' ');
    vocab.emplace(merge.substr(0, space) + merge.substr(space + 1), static_cast<int64_t>(vocab.size()));
    list.emplace_back(merge);
  }
  // A merge may make the control token's text.
  const auto* made = vocab.if_contains("<|end|>");
  json::value end_id = made ? *made : json::value(static_cast<int64_t>(vocab.size()));
  json::object end{{"id", end_id},    {"content", "<|end|>"}, {"single_word", false}, {"lstrip", false},
                   {"rstrip", false}, {"normalized", false},  {"special", true}};
  json::object byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"added_tokens", json::array{end}},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", list}}}};
}

json::object sentencepiece_json(const std::vector<std::string>& pieces, const std::vector<std::string>& merges) {
  json::object vocab{{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  static constexpr char digits[] = "0123456789ABCDEF";
  for (unsigned b = 0; b < 256; ++b)
    vocab.emplace(std::string("<0x") + digits[b >> 4] + digits[b & 15] + ">", static_cast<int64_t>(3 + b));
  for (const auto& piece : pieces) vocab.emplace(piece, static_cast<int64_t>(vocab.size()));
  json::array list(merges.begin(), merges.end());
  json::array added;
  for (int id = 0; id < 3; ++id) {
    added.push_back({{"id", id},
                     {"content", id == 0   ? "<unk>"
                                 : id == 1 ? "<s>"
                                           : "</s>"},
                     {"normalized", false},
                     {"special", true}});
  }
  json::object space{{"String", " "}};
  json::object mark{{"String", "\u2581"}};
  return {{"added_tokens", added},
          {"normalizer",
           {{"type", "Sequence"},
            {"normalizers", json::array{{{"type", "Prepend"}, {"prepend", "\u2581"}},
                                        {{"type", "Replace"}, {"pattern", space}, {"content", "\u2581"}}}}}},
          {"pre_tokenizer", nullptr},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders", json::array{{{"type", "Replace"}, {"pattern", mark}, {"content", " "}},
                                     {{"type", "ByteFallback"}},
                                     {{"type", "Fuse"}},
                                     {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"vocab", vocab},
            {"merges", list}}}};
}

std::shared_ptr<const tokenizer> parsed(const json::value& file, const tokenizer_options& options) {
  auto t = tokenizer::parse(file, options);
  BOOST_REQUIRE_MESSAGE(t, (t ? "" : t.err().message()));
  return *t;
}

std::string refusal(const json::value& file, const tokenizer_options& options) {
  auto t = tokenizer::parse(file, options);
  BOOST_REQUIRE(!t);
  return t.err().message();
}

std::vector<token_id> encoded(const tokenizer& t, std::string_view text, bool add_special, special_tokens special) {
  auto ids = t.encode(text, add_special, special);
  BOOST_REQUIRE_MESSAGE(ids, (ids ? "" : ids.err().message()));
  return *ids;
}

std::vector<std::string> pieces(const tokenizer& t, std::string_view text, special_tokens special) {
  std::vector<std::string> out;
  for (token_id id : encoded(t, text, false, special)) out.emplace_back(t.token_bytes(id));
  return out;
}

std::string streamed(const std::shared_ptr<const tokenizer>& t, const std::vector<token_id>& ids, bool skip_special,
                     decode_from from) {
  stream_decoder stream(t, skip_special, from);
  std::string text;
  for (token_id id : ids) {
    std::string part = stream.push(id);
    BOOST_REQUIRE(is_utf8(part));
    text += part;
  }
  std::string rest = stream.finish();
  BOOST_REQUIRE(is_utf8(rest));
  return text + rest;
}

std::vector<token_id> ids_of(const json::value& array) {
  std::vector<token_id> ids;
  for (const auto& id : array.as_array()) ids.push_back(id.to_number<token_id>());
  return ids;
}

text_source::text_source(uint64_t seed) : seed_(seed) {}

uint64_t text_source::random() {
  auto words = philox4x32({drawn_++, 0, 0, 0}, {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
  return uint64_t{words[0]} << 32 | words[1];
}

size_t text_source::below(size_t n) { return n == 0 ? 0 : random() % n; }

std::string text_source::next(size_t characters_max) {
  static const std::string_view common[] = {"a",       "b",       "e",      "T",      "S",          "l",
                                            "v",       "re",      "'s",     "'LL",    "'",          "\u2019",
                                            "\u017F",  "'\u017F", " ",      " ",      "  ",         "\n",
                                            "\r\n",    "\t",      "\v",     "\u0085", "\u00A0",     "\u3000",
                                            "1",       "23",      "\u0663", "\u2168", "\u00BD",     ".",
                                            ",",       "!?",      "_",      "-",      "\u2014",     "\u00E9",
                                            "e\u0301", "\u0130",  "\u4E2D", "\uD55C", "\U0001F999", "\U0001F469\u200D",
                                            "\u0947",  "\uFFFD",  "\u2581", "\u200B", "\uFEFF",     "<s>",
                                            "</s>",    "<|end|>", "<0x41>"};
  std::string text;
  for (size_t n = below(characters_max + 1); n > 0; --n) {
    if (below(8) > 0) {
      text += common[below(std::size(common))];
      continue;
    }
    auto c = static_cast<char32_t>(below(below(2) == 0 ? 0x3000 : 0x110000));
    utf8_append(text, c >= 0xD800 && c <= 0xDFFF ? U'?' : c);
  }
  return text;
}

}  // namespace troupe::testing
