#include "shards/model/safetensors.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "shards/model/files.hpp"
#include "tests/support/mentions.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

result<std::vector<tensor_view>> parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)));
}
result<std::vector<tensor_view>> parse(std::string_view header, std::string_view data) {
  static std::string file;  // the views point into it
  file = test::safetensors_bytes(header, data);
  return parse(file);
}

/// The error's text; empty when the file was accepted.
std::string refusal(std::string_view header, std::string_view data = "") {
  auto tensors = parse(header, data);
  if (tensors) return "";
  BOOST_TEST((tensors.err().code == errc::corrupt));
  return tensors.err().detail;
}

using test::mentions;

BOOST_AUTO_TEST_CASE(reads_names_types_shapes_and_bytes) {
  auto tensors = parse(R"({"__metadata__":{"format":"pt"},
                         "b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},
                         "a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},
                         "scalar":{"dtype":"U8","shape":[],"data_offsets":[12,13]},
                         "empty":{"dtype":"F32","shape":[0,7],"data_offsets":[12,12]}}   )",
                       "0123456789abc");
  BOOST_REQUIRE(tensors.has_value());
  BOOST_REQUIRE(tensors->size() == 4U);
  const auto& [a, b, empty, scalar] = std::tie((*tensors)[0], (*tensors)[1], (*tensors)[2], (*tensors)[3]);
  BOOST_TEST(a.name == "a");
  BOOST_TEST(a.data.size() == 4U);
  BOOST_TEST(b.name == "b");
  BOOST_TEST(b.shape == (std::vector<uint64_t>{2, 1}), boost::test_tools::per_element());
  BOOST_TEST(std::memcmp(b.data.data(), "456789ab", 8) == 0);
  BOOST_TEST(empty.name == "empty");
  BOOST_TEST(empty.elements() == 0U);
  BOOST_TEST(scalar.elements() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_without_tensors_is_fine) {
  BOOST_TEST(parse("{}", "").has_value());
  BOOST_TEST(parse(R"({"__metadata__":{}})", "").has_value());
}

BOOST_AUTO_TEST_CASE(refuses_a_truncated_file_at_every_length) {
  const std::string whole =
      test::safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", std::string(24, 'x'));
  BOOST_TEST(parse(whole).has_value());
  for (size_t length = 0; length < whole.size(); ++length) {
    auto cut = whole.substr(0, length);
    auto tensors = parse(cut);
    BOOST_REQUIRE(!tensors.has_value());
    BOOST_TEST((tensors.err().code == errc::corrupt));
  }
}

BOOST_AUTO_TEST_CASE(refuses_header_lengths_beyond_the_file_and_the_bound) {
  std::string file = test::safetensors_bytes("{}", "");
  for (uint64_t length : {uint64_t{3}, safetensors_header_bytes_max, safetensors_header_bytes_max + 1, ~uint64_t{0}}) {
    std::memcpy(file.data(), &length, 8);
    BOOST_TEST(!parse(file).has_value());
    BOOST_TEST(safetensors_header_bytes(std::as_bytes(std::span(file))) == 0U);
  }
}

BOOST_AUTO_TEST_CASE(refuses_offsets_outside_the_data) {
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234567"), "\"a\""));
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[3,1]}})", "1234"), "data_offsets"));
  BOOST_TEST(mentions(
      refusal(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[9223372036854775806,9223372036854775807]}})", "12"),
      "data_offsets"));
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[-2,0]}})", "12"), "whole numbers"));
}

BOOST_AUTO_TEST_CASE(refuses_overlaps_holes_and_bytes_after_the_last_tensor) {
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
                                  "b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                              "123"),
                      "overlap"));
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
                                  "b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                              "123"),
                      "hole"));
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", "12"), "hole"));
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "12"), "has 2 bytes"));
  BOOST_TEST(mentions(refusal("{}", "1"), "has 1 bytes"));
}

BOOST_AUTO_TEST_CASE(refuses_shapes_that_are_not_their_bytes_or_overflow) {
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234"), "8 bytes"));
  BOOST_TEST(
      mentions(refusal(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})"), "too large"));
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", "1234"), "whole numbers"));
  BOOST_TEST(
      mentions(refusal(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", "1"), "dimensions"));
}

BOOST_AUTO_TEST_CASE(refuses_headers_of_another_form) {
  for (const char* header :
       {"", " {}", "[]", "nul", "{\"a\":1}", R"({"a":{}})", R"({"__metadata__":1})", R"({"__metadata__":{"a":1}})",
        R"({"a":{"dtype":"F32","shape":[0]}})", R"({"a":{"dtype":1,"shape":[0],"data_offsets":[0,0]}})",
        R"({"a":{"dtype":"F32","shape":0,"data_offsets":[0,0]}})",
        R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}})",
        R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"scale":2}})",
        R"({"a":{"dtype":"F32","shape":[[0]],"data_offsets":[0,0]}})"}) {
    BOOST_TEST(!refusal(header).empty(), "accepted: " << header);
  }
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"F7","shape":[0],"data_offsets":[0,0]}})"), "unknown dtype \"F7\""));
}

BOOST_AUTO_TEST_CASE(refuses_a_name_twice) {
  BOOST_TEST(mentions(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
                                  "a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                              "12"),
                      "twice"));
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_again_and_aligned) {
  test::temporary_folder folder;
  std::vector<std::byte> bytes(60);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  auto at = [&](size_t from, size_t count) { return std::span<const std::byte>(bytes).subspan(from, count); };
  std::vector<tensor_view> tensors{{"z \"quoted\"", dtype::f32, {3, 2}, at(0, 24)},
                                   {"ä", dtype::bf16, {}, at(30, 2)},
                                   {"none", dtype::i64, {0}, at(0, 0)},
                                   {"a", dtype::u8, {28}, at(32, 28)}};
  for (size_t count = 0; count <= tensors.size(); ++count) {
    BOOST_REQUIRE(write_safetensors(folder / "x.safetensors", std::span(tensors).first(count)).has_value());
    auto file = mapped_file::open(folder / "x.safetensors");
    BOOST_REQUIRE(file.has_value());
    BOOST_TEST(safetensors_header_bytes((*file)->bytes()) % 8 == 0U);
    auto read = parse_safetensors((*file)->bytes());
    BOOST_REQUIRE(read.has_value());
    BOOST_REQUIRE(read->size() == count);
    for (const auto& tensor : *read) {
      auto same = [&](const tensor_view& other) {
        return other.name == tensor.name && other.type == tensor.type && other.shape == tensor.shape &&
               std::ranges::equal(other.data, tensor.data);
      };
      BOOST_TEST(std::ranges::any_of(tensors, same));
    }
  }
  // Nothing is left beside the file.
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(writing_to_a_folder_that_is_not_there_says_so) {
  auto written = write_safetensors("/nonexistent/x.safetensors", {});
  BOOST_REQUIRE(!written.has_value());
  BOOST_TEST((written.err().code == errc::io_failed));
  BOOST_TEST(mentions(written.err().detail, "/nonexistent/x.safetensors"));
}

}  // namespace
}  // namespace troupe
