#include "tests/unit/tokenizer/gguf.hpp"

#include <boost/json/array.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>

#include "tests/unit/tokenizer/support.hpp"

namespace troupe::testing {
namespace {

// Reads the key-value pairs at the front of a GGUF v3 file (ggml/docs/gguf.md in llama.cpp's repository).
class gguf_reader {
 public:
  explicit gguf_reader(std::string bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  T read() {
    BOOST_REQUIRE(bytes_.size() - at_ >= sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::string read_string() {
    auto size = read<uint64_t>();
    BOOST_REQUIRE(bytes_.size() - at_ >= size);
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

  // Numbers of any width; the array's elements or the one value.
  void skip(uint32_t type) {
    if (type == 8) {
      read_string();
    } else if (type == 9) {
      auto element = read<uint32_t>();
      for (auto n = read<uint64_t>(); n > 0; --n) skip(element);
    } else {
      static constexpr size_t widths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
      BOOST_REQUIRE(type < std::size(widths));
      at_ += widths[type];
    }
  }

  uint64_t begin_array(uint32_t type, uint32_t element) {
    BOOST_REQUIRE(type == 9U);
    BOOST_REQUIRE(read<uint32_t>() == element);
    return read<uint64_t>();
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

}  // namespace

gguf_vocabulary read_gguf_vocabulary(const std::string& path) {
  gguf_reader in(text_file(path));
  BOOST_REQUIRE(in.read<uint32_t>() == 0x46554747U);  // "GGUF"
  BOOST_REQUIRE(in.read<uint32_t>() == 3U);
  in.read<uint64_t>();  // tensors
  gguf_vocabulary v;
  for (auto n = in.read<uint64_t>(); n > 0; --n) {
    std::string key = in.read_string();
    auto type = in.read<uint32_t>();
    if (key == "tokenizer.ggml.tokens") {
      for (auto i = in.begin_array(type, 8); i > 0; --i) v.tokens.push_back(in.read_string());
    } else if (key == "tokenizer.ggml.merges") {
      for (auto i = in.begin_array(type, 8); i > 0; --i) v.merges.push_back(in.read_string());
    } else if (key == "tokenizer.ggml.scores") {
      for (auto i = in.begin_array(type, 6); i > 0; --i) v.scores.push_back(in.read<float>());
    } else if (key == "tokenizer.ggml.token_type") {
      for (auto i = in.begin_array(type, 5); i > 0; --i) v.types.push_back(in.read<int32_t>());
    } else {
      in.skip(type);
    }
  }
  BOOST_REQUIRE(v.types.size() == v.tokens.size());
  return v;
}

boost::json::object byte_level_json(const gguf_vocabulary& v, boost::json::object pre_tokenizer) {
  boost::json::object vocab;
  boost::json::array added;
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    if (v.types[id] == 1) {
      vocab.emplace(v.tokens[id], static_cast<int64_t>(id));
    } else {
      added.push_back({{"id", static_cast<int64_t>(id)},
                       {"content", v.tokens[id]},
                       {"normalized", false},
                       {"special", v.types[id] == 3}});
    }
  }
  boost::json::object byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return {
      {"added_tokens", added},
      {"pre_tokenizer", std::move(pre_tokenizer)},
      {"decoder", byte_level},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", boost::json::array(v.merges.begin(), v.merges.end())}}}};
}

std::vector<scored_token> scored_tokens(const gguf_vocabulary& v) {
  BOOST_REQUIRE(v.scores.size() == v.tokens.size());
  std::vector<scored_token> tokens;
  for (size_t i = 0; i < v.tokens.size(); ++i) tokens.push_back({v.tokens[i], v.scores[i]});
  return tokens;
}

}  // namespace troupe::testing
