// Input: a tokenizer.json, or, where the first byte is 'L', a tokenizer.bin of llama2.c after it, or, where it is 'S',
// a tokenizer.model of SentencePiece. Whatever parses must then encode and decode without crashing, and a stream must
// give what decoding at once gives.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "shards/tokenizer/llama2c_tokenizer.hpp"
#include "shards/tokenizer/sentencepiece_model.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace {

using namespace troupe;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_tokenizer: %s\n", what);
  std::abort();
}

void use(const std::shared_ptr<const tokenizer>& t, std::string_view text) {
  for (auto special : {special_tokens::parsed, special_tokens::as_text}) {
    auto ids = t->encode(text, true, special);
    if (!ids) continue;
    for (token_id id : *ids) require(t->contains(id), "encode gave an id that has no token");
    stream_decoder stream(t, false);
    std::string streamed;
    for (token_id id : *ids) {
      std::string part = stream.push(id);
      require(is_utf8(part), "a stream gave half a character");
      streamed += part;
    }
    streamed += stream.finish();
    require(streamed == t->decode(*ids, false), "a stream differs from decoding at once");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  boost::json::value file;
  if (input.starts_with('L')) {
    // Most sizes are wrong: this one is what the corpus has.
    auto made = tokenizer_json_from_llama2c(std::as_bytes(std::span(data + 1, size - 1)), 265);
    if (!made) return 0;
    file = std::move(*made);
  } else if (input.starts_with('S')) {
    auto made = parse_sentencepiece_model(std::as_bytes(std::span(data + 1, size - 1)));
    if (!made) return 0;
    file = std::move(made->tokenizer_json);
  } else {
    auto parsed = parse_json(input);
    if (!parsed) return 0;
    file = std::move(*parsed);
  }
  auto t = tokenizer::parse(file);
  if (!t) return 0;
  for (std::string_view text :
       {"", "ab abc  a", "a<s>b</s> <|end|>\u2581",
        "caf\u00E9 e\u0301 \U0001F469\u200D\U0001F469 \u4E2D\u6587 123\r\n\t 4", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    use(*t, text);
  }
  // And a text of the fuzzer's own.
  use(*t, input.substr(0, 200));
  return 0;
}
