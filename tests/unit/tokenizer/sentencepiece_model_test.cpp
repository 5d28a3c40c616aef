#include "shards/tokenizer/sentencepiece_model.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>

#include "shards/tokenizer/vocabulary.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;
using ids = std::vector<token_id>;

// Protocol Buffers' encoding: a tag, then a number, four bytes, or a length and bytes.
std::string varint(uint64_t value) {
  std::string out;
  for (; value > 0x7F; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string number(uint64_t field, uint64_t value) { return varint(field << 3) + varint(value); }
std::string bytes(uint64_t field, const std::string& value) {
  return varint(field << 3 | 2) + varint(value.size()) + value;
}
std::string real(uint64_t field, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return varint(field << 3 | 5) + std::string(reinterpret_cast<const char*>(&bits), 4);
}

std::string piece(const std::string& text, float score, uint64_t kind) {
  return bytes(1, bytes(1, text) + real(2, score) + (kind == 1 ? "" : number(3, kind)));
}

// <unk> <s> </s>, the bytes from 3, then five pieces from 259.
std::string pieces() {
  std::string out = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
  for (unsigned b = 0; b < 256; ++b) out += piece(byte_token_name(b), 0, 6);
  return out + piece("\u2581", -1, 1) + piece("a", -2, 1) + piece("b", -3, 1) + piece("\u2581a", -4, 1) +
         piece("ab", -5, 1);
}

const std::string trainer = bytes(2, number(3, 2) + number(40, 0) + number(41, 1) + number(42, 2));
const std::string normalizer = bytes(3, bytes(1, "identity") + bytes(2, "") + number(3, 1) + number(4, 0));
// A part that we do not know, of eight bytes.
const std::string unknown = varint(9 << 3 | 1) + "12345678";

result<sentencepiece_model> parse(const std::string& file) {
  return parse_sentencepiece_model(std::as_bytes(std::span(file)));
}

bool refused(const std::string& file, errc code, std::string_view part) {
  auto model = parse(file);
  BOOST_REQUIRE(!model);
  BOOST_TEST_INFO("the error: " << model.err().message());
  return model.err().code == code && model.err().message().find(part) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(sentencepiece)

BOOST_AUTO_TEST_CASE(a_folder_with_a_model_file_alone_has_a_tokenizer) {
  const test::temporary_folder folder;
  folder.write("tokenizer.model", pieces() + trainer + unknown + normalizer);
  auto t = tokenizer::load(folder.path());
  BOOST_REQUIRE_MESSAGE(t, (t ? "" : t.err().message()));
  BOOST_TEST(encoded(**t, "ab a", true) == (ids{1, 262, 261, 262}), boost::test_tools::per_element());
  BOOST_TEST((*t)->decode(encoded(**t, "ab \u00E9"), true) == "ab \u00E9");
  BOOST_TEST((*t)->bos_token() == "<s>");
  folder.write("tokenizer_config.json", R"({"add_bos_token": false, "tokenizer_class": "LlamaTokenizer"})");
  BOOST_TEST(encoded(**tokenizer::load(folder.path()), "a", true) == ids{262}, boost::test_tools::per_element());
  folder.write("added_tokens.json", R"({"<pad>": 264})");
  BOOST_TEST(tokenizer::load(folder.path()).err().detail.find("added_tokens.json") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_would_give_other_tokens_is_refused) {
  const std::string all = pieces() + trainer;
  BOOST_TEST(refused(pieces() + normalizer, errc::not_supported, "of another kind than BPE"));
  BOOST_TEST(refused(all, errc::not_supported, "drops white space"));
  BOOST_TEST(refused(all + bytes(3, number(4, 0) + number(5, 0)), errc::not_supported, "does not mark spaces"));
  BOOST_TEST(refused(all + bytes(3, number(4, 0) + bytes(2, "x")), errc::not_supported, "maps characters"));
  BOOST_TEST(refused(all + normalizer + bytes(2, number(24, 1)), errc::not_supported, "does not mark spaces"));
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused) {
  const std::string good = pieces() + trainer + normalizer;
  BOOST_REQUIRE(parse(good));
  for (size_t size : {1U, 5U, 20U}) BOOST_TEST(!parse(good.substr(0, good.size() - size)));
  BOOST_TEST(refused("", errc::corrupt, "it has no pieces"));
  BOOST_TEST(refused("IQ== 0\nIg== 1\n", errc::corrupt, "not a SentencePiece model"));
  BOOST_TEST(refused(varint(1 << 3 | 2) + varint(UINT64_MAX), errc::corrupt, "it ends within a field"));
  BOOST_TEST(refused(std::string(12, '\xFF'), errc::corrupt, "more than ten bytes"));
  BOOST_TEST(refused(varint(1 << 3 | 3), errc::corrupt, "wire type 3"));
  BOOST_TEST(refused(number(1, 7), errc::corrupt, "is no message"));
  BOOST_TEST(refused(piece("a", 0, 9), errc::corrupt, "piece 0 is of an unknown kind"));
  BOOST_TEST(refused(good + piece("\xFF", 0, 1), errc::corrupt, "is not UTF-8"));
  BOOST_TEST(refused(good + piece("a", 0, 1), errc::corrupt, "has two ids"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
