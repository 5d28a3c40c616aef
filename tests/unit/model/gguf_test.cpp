#include "shards/model/gguf.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/support/gguf_writer.hpp"
#include "tests/support/mentions.hpp"

namespace troupe {
namespace {

using test::bytes_of;
using test::counted;
using test::gguf_writer;

constexpr uint32_t f32 = 0, q4_0 = 2;

result<gguf_contents> parse(const std::string& file) { return parse_gguf(std::as_bytes(std::span(file))); }

std::string refusal(const std::string& file) {
  auto contents = parse(file);
  BOOST_REQUIRE(!contents.has_value());
  return contents.err().detail;
}

using test::mentions;

std::string floats(size_t count) { return std::string(4 * count, '\x01'); }

gguf_writer with_tensor(std::vector<uint64_t> shape = {2, 4}, uint32_t type = f32) {
  gguf_writer out;
  out.tensor("t", shape, type, floats(8));
  return out;
}

BOOST_AUTO_TEST_CASE(keys_and_tensors_are_found) {
  for (const uint32_t version : {2U, 3U}) {
    gguf_writer out(version);
    out.u32("a.number", 7);
    out.text("a.text", "words");
    const uint64_t matrix[] = {2, 4}, blocks[] = {1, 32}, vector[] = {3};
    out.tensor("matrix", matrix, f32, floats(8));
    out.tensor("blocks", blocks, q4_0, std::string(18, '\0'));
    out.tensor("vector", vector, f32, floats(3));
    const std::string file = out.file();
    auto contents = parse(file);
    BOOST_REQUIRE_MESSAGE(contents.has_value(), (contents ? "" : contents.err().detail));
    BOOST_TEST(contents->version == version);
    BOOST_TEST(contents->metadata.size() == 2U);
    BOOST_TEST(contents->header_bytes % 32 == 0U);
    BOOST_REQUIRE(contents->tensors.size() == 3U);
    const tensor_view* t = contents->find("matrix");
    BOOST_REQUIRE(t);
    BOOST_TEST(t->shape == std::vector<uint64_t>(std::begin(matrix), std::end(matrix)),
               boost::test_tools::per_element());
    BOOST_TEST(t->data.data() == std::as_bytes(std::span(file)).data() + contents->header_bytes);
    BOOST_TEST(t->data.size() == 32U);
    BOOST_TEST(contents->find("blocks")->elements() == 32U);
    BOOST_TEST(contents->find("vector")->data.size() == 12U);
    BOOST_TEST(!contents->find("other"));
  }
}

BOOST_AUTO_TEST_CASE(values_are_read_by_their_type) {
  gguf_writer out;
  out.raw("u8", 0, bytes_of(uint8_t{200}));
  out.raw("i8", 1, bytes_of(int8_t{-3}));
  out.raw("u16", 2, bytes_of(uint16_t{60000}));
  out.raw("i16", 3, bytes_of(int16_t{-300}));
  out.raw("u32", 4, bytes_of(uint32_t{4000000000}));
  out.raw("i32", 5, bytes_of(int32_t{-70000}));
  out.raw("u64", 10, bytes_of(uint64_t{1} << 40));
  out.raw("i64", 11, bytes_of(-(int64_t{1} << 40)));
  out.raw("f64", 12, bytes_of(0.1));
  out.raw("huge", 10, bytes_of(UINT64_MAX));
  out.f32("f32", 0.5F);
  out.f32("infinite", INFINITY);
  out.flag("yes", true);
  out.text("text", "");
  out.texts("texts", std::vector<std::string>{"a", "", "ccc"});
  out.floats("floats", std::vector<float>{1, -2});
  out.ints("ints", std::vector<int32_t>{1, -2});
  // An array of arrays is kept whole; nothing asks for it.
  out.raw("nested", 9,
          bytes_of(uint32_t{9}) + bytes_of(uint64_t{1}) + bytes_of(uint32_t{0}) + bytes_of(uint64_t{2}) + "ab");
  const std::string file = out.file();
  auto contents = parse(file);
  BOOST_REQUIRE_MESSAGE(contents.has_value(), (contents ? "" : contents.err().detail));
  const gguf_metadata& m = contents->metadata;
  const auto integer = [&](std::string_view key) { return m.integer(key, INT64_MIN, INT64_MAX).value().value(); };
  BOOST_TEST(integer("u8") == 200);
  BOOST_TEST(integer("i8") == -3);
  BOOST_TEST(integer("u16") == 60000);
  BOOST_TEST(integer("i16") == -300);
  BOOST_TEST(integer("u32") == 4000000000);
  BOOST_TEST(integer("i32") == -70000);
  BOOST_TEST(integer("u64") == int64_t{1} << 40);
  BOOST_TEST(integer("i64") == -(int64_t{1} << 40));
  BOOST_TEST(m.number("f64").value().value() == 0.1);
  BOOST_TEST(m.number("f32").value().value() == 0.5);
  BOOST_TEST(m.number("u8").value().value() == 200.0);
  BOOST_TEST(m.boolean("yes").value().value());
  BOOST_TEST(m.string("text").value().value() == "");
  BOOST_TEST(m.strings("texts").value() == (std::vector<std::string_view>{"a", "", "ccc"}),
             boost::test_tools::per_element());
  BOOST_TEST(m.floats("floats").value() == (std::vector<float>{1, -2}), boost::test_tools::per_element());
  BOOST_TEST(m.integers("ints").value() == (std::vector<int64_t>{1, -2}), boost::test_tools::per_element());
  BOOST_TEST(m.find("nested")->is_array);

  BOOST_TEST(!m.integer("none", 0, 1).value().has_value());
  BOOST_TEST(!m.string("none").value().has_value());
  BOOST_TEST(m.strings("none").value().empty());
  BOOST_TEST(m.integer("u8", 0, 100).err().detail == "u8 must be from 0 to 100, but is 200");
  BOOST_TEST(m.integer("text", 0, 1).err().detail == "text must be a whole number, but is of string");
  BOOST_TEST(m.integer("ints", 0, 1).err().detail == "ints must be a whole number, but is an array of i32");
  for (auto refused :
       {m.integer("huge", 0, 1).has_value(), m.number("text").has_value(), m.number("infinite").has_value(),
        m.boolean("u8").has_value(), m.string("texts").has_value(), m.strings("text").has_value(),
        m.strings("ints").has_value(), m.floats("ints").has_value(), m.integers("floats").has_value(),
        m.integers("nested").has_value(), m.integers("texts").has_value()})
    BOOST_TEST(!refused);
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_refused) {
  gguf_writer out = with_tensor();
  out.text("key", "value");
  out.texts("list", std::vector<std::string>{"one", "two"});
  const std::string file = out.file();
  BOOST_REQUIRE(parse(file).has_value());
  for (size_t size = 0; size < file.size(); ++size) BOOST_TEST(!parse(file.substr(0, size)).has_value(), size);
  BOOST_TEST(mentions(refusal(file.substr(0, file.size() - 1)), "tensor \"t\" of 32 bytes begins at 0"));
}

BOOST_AUTO_TEST_CASE(other_formats_and_versions_are_refused_by_name) {
  BOOST_TEST(mentions(refusal(std::string(64, 'x')), "does not begin with \"GGUF\""));
  BOOST_TEST(mentions(refusal(gguf_writer(1).file()), "GGUF of version 1 is not supported"));
  BOOST_TEST(mentions(refusal(gguf_writer(4).file()), "GGUF of version 4 is not supported"));
  BOOST_TEST(mentions(refusal(gguf_writer(0x03000000).file()), "big-endian"));
  gguf_writer part = with_tensor();
  part.raw("split.count", 2, bytes_of(uint16_t{3}));
  BOOST_TEST(mentions(refusal(part.file()), "one of 3 parts of a split model"));
  gguf_writer old = with_tensor({32}, q4_0);
  old.u32("general.quantization_version", 1);
  BOOST_TEST(mentions(refusal(old.file()), "general.quantization_version is 1"));
}

BOOST_AUTO_TEST_CASE(counts_and_lengths_beyond_the_bounds_are_refused) {
  const gguf_writer good = with_tensor();
  BOOST_TEST(mentions(refusal(good.file(gguf_tensors_max + 1, 0)), "65537 tensors, at most 65536"));
  BOOST_TEST(mentions(refusal(good.file(UINT64_MAX, 0)), "tensors, at most"));
  BOOST_TEST(mentions(refusal(good.file(1, UINT64_MAX)), "keys, at most"));
  BOOST_TEST(!parse(good.file(2, 0)).has_value());
  BOOST_TEST(!parse(good.file(1, 1)).has_value());

  const auto with_value = [](uint32_t type, const std::string& bytes) {
    gguf_writer out;
    out.raw("key", type, bytes);
    return out.file();
  };
  const uint32_t string = 8, array = 9;
  BOOST_TEST(
      mentions(refusal(with_value(string, bytes_of(UINT64_MAX))), "\"key\" has a string of 18446744073709551615"));
  BOOST_TEST(mentions(refusal(with_value(string, bytes_of(uint64_t{100}))), "within \"key\": it is truncated"));
  BOOST_TEST(mentions(refusal(with_value(13, "")), "\"key\" is of the unknown type 13"));
  BOOST_TEST(mentions(refusal(with_value(7, "\x02")), "a bool of neither 0 nor 1"));
  for (const uint32_t element : {0U, 6U, 8U, 12U}) {
    const std::string start = bytes_of(element);
    BOOST_TEST(mentions(refusal(with_value(array, start + bytes_of(UINT64_MAX))), "elements, at most"));
    BOOST_TEST(mentions(refusal(with_value(array, start + bytes_of(uint64_t{1000}))), "truncated"));
  }
  std::string deep;
  for (int i = 0; i < 5; ++i) deep += bytes_of(array) + bytes_of(uint64_t{1});
  BOOST_TEST(mentions(refusal(with_value(array, deep)), "arrays inside each other"));

  gguf_writer long_key;
  long_key.u32(std::string(gguf_key_bytes_max + 1, 'k'), 1);
  BOOST_TEST(mentions(refusal(long_key.file()), "a key has a string of 65536"));
  gguf_writer long_name;
  long_name.tensor(std::string(65, 'n'), std::vector<uint64_t>{1}, f32, floats(1));
  BOOST_TEST(mentions(refusal(long_name.file()), "the name of a tensor has a string of 65"));
}

BOOST_AUTO_TEST_CASE(names_must_be_there_once) {
  gguf_writer keys;
  keys.u32("same", 1);
  keys.u32("same", 1);
  BOOST_TEST(mentions(refusal(keys.file()), "the key \"same\" is there twice"));
  gguf_writer tensors = with_tensor();
  tensors.tensor("t", std::vector<uint64_t>{1}, f32, floats(1));
  BOOST_TEST(mentions(refusal(tensors.file()), "tensor \"t\" is there twice"));
}

BOOST_AUTO_TEST_CASE(shapes_and_types_are_checked) {
  BOOST_TEST(mentions(refusal(with_tensor({2, 4}, 13).file()), "tensor \"t\" is of Q5_K, which is not supported"));
  BOOST_TEST(mentions(refusal(with_tensor({2, 4}, 99).file()), "tensor \"t\" is of the unknown ggml type 99"));
  BOOST_TEST(mentions(refusal(with_tensor({2, 4}, 4).file()), "unknown ggml type 4"));
  BOOST_TEST(mentions(refusal(with_tensor({2, 0}).file()), "tensor \"t\" has a dimension of 0"));
  BOOST_TEST(mentions(refusal(with_tensor({}).file()), "has 0 dimensions"));
  BOOST_TEST(mentions(refusal(with_tensor({1, 1, 1, 1, 1}).file()), "has 5 dimensions"));
  BOOST_TEST(mentions(refusal(with_tensor({4, 33}, q4_0).file()), "has rows of 33, but Q4_0 has blocks of 32"));
  for (const auto& shape : {std::vector<uint64_t>{1ULL << 63, 2}, {UINT64_MAX}, {1ULL << 32, 1ULL << 32}})
    BOOST_TEST(mentions(refusal(with_tensor(shape).file()), "tensor \"t\" has shape"));
  BOOST_TEST(!parse(with_tensor({1ULL << 58, 32}, q4_0).file()).has_value());
}

BOOST_AUTO_TEST_CASE(tensors_must_lie_apart_inside_the_file_and_aligned) {
  const std::vector<uint64_t> shape{8};
  const auto placed = [&](uint64_t offset) {
    gguf_writer out = with_tensor();
    out.tensor("u", std::vector<uint64_t>{8}, f32, floats(8));
    out.tensor_at("v", shape, f32, offset);
    return out.file();
  };
  BOOST_TEST(mentions(refusal(placed(0)), "they overlap"));
  BOOST_TEST(mentions(refusal(placed(32)), "they overlap"));
  BOOST_TEST(mentions(refusal(placed(64)), "it is truncated"));
  BOOST_TEST(mentions(refusal(placed(UINT64_MAX - 31)), "it is truncated"));
  BOOST_TEST(mentions(refusal(placed(16)), "no multiple of 32"));

  for (const uint32_t wrong : {0U, 1U, 12U, 1U << 20}) {
    gguf_writer out = with_tensor();
    out.u32("general.alignment", wrong);
    BOOST_TEST(mentions(refusal(out.file()), "general.alignment"));
  }
  gguf_writer other;
  other.alignment = 64;
  other.u32("general.alignment", 64);
  other.tensor("t", shape, f32, floats(8));
  other.tensor("u", shape, f32, floats(8));
  const std::string file = other.file();
  const auto contents = parse(file);
  BOOST_REQUIRE_MESSAGE(contents.has_value(), (contents ? "" : contents.err().detail));
  BOOST_TEST(contents->header_bytes % 64 == 0U);
  BOOST_TEST(contents->find("u")->data.data() - contents->find("t")->data.data() == 64);
}

}  // namespace
}  // namespace troupe
