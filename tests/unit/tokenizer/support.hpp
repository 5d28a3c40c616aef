// What the tokenizer's tests share: small tokenizers made in memory, and the published data where it is there.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shards/tokenizer/tokenizer.hpp"

namespace troupe::testing {

boost::json::value json_file(const std::string& path);
std::string text_file(const std::string& path);

/// A byte-level BPE: the 256 bytes are the ids 0..255 (byte = id), then one token for each merge "a b", then <|end|>
/// as a control token. Split like GPT-2's.
boost::json::object byte_level_json(const std::vector<std::string>& merges = {});

/// SentencePiece-style with fallback to bytes: <unk> <s> </s>, the bytes from id 3, then `pieces` from 259; merges as
/// given.
boost::json::object sentencepiece_json(const std::vector<std::string>& pieces, const std::vector<std::string>& merges);

/// Parses, and fails the test with the error's text where it cannot.
std::shared_ptr<const tokenizer> parsed(const boost::json::value& file, const tokenizer_options& options = {});
/// The error's text; fails the test where there is none.
std::string refusal(const boost::json::value& file, const tokenizer_options& options = {});

/// The texts of the tokens of `text`, as tokenizer.json writes them where they are printable: decoded one by one.
std::vector<std::string> pieces(const tokenizer& t, std::string_view text,
                                special_tokens special = special_tokens::parsed);
/// Encodes; fails the test on an error.
std::vector<token_id> encoded(const tokenizer& t, std::string_view text, bool add_special = false,
                              special_tokens special = special_tokens::parsed);
/// The same through stream_decoder; fails the test when a push gives half a character.
std::string streamed(const std::shared_ptr<const tokenizer>& t, const std::vector<token_id>& ids, bool skip_special,
                     decode_from from = decode_from::start);

std::vector<token_id> ids_of(const boost::json::value& array);

/// Text from a seed: letters, spaces, marks, emoji, and sometimes any Unicode character. Up to `characters_max` of
/// them.
class text_source {
 public:
  explicit text_source(uint64_t seed);
  std::string next(size_t characters_max);
  size_t below(size_t n);

 private:
  uint64_t random();
  uint64_t seed_;
  uint32_t drawn_ = 0;
};

}  // namespace troupe::testing
