#include "base/read_file.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "base/json.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

struct outcome {
  errc code;
  std::string detail;
};

outcome refusal(const std::string& path, size_t bytes_max = 1000) {
  auto bytes = read_file(path, bytes_max);
  BOOST_REQUIRE_MESSAGE(!bytes, path << " was read");
  return {bytes.err().code, bytes.err().detail};
}

BOOST_AUTO_TEST_SUITE(reading_files)

BOOST_AUTO_TEST_CASE(gives_every_byte_up_to_the_bound) {
  test::temporary_folder folder;
  const std::string text("a\0\r\n\xFF", 5);
  folder.write("file", text);
  BOOST_TEST(*read_file(folder / "file", 5) == text);
  folder.write("empty", "");
  BOOST_TEST(*read_file(folder / "empty", 0) == "");
  const std::string large(200'000, 'x');
  folder.write("large", large);
  BOOST_TEST((*read_file(folder / "large", 200'000) == large));
}

BOOST_AUTO_TEST_CASE(refuses_a_file_beyond_the_bound_by_its_size_alone) {
  test::temporary_folder folder;
  folder.write("file", "123456");
  auto small = refusal(folder / "file", 5);
  BOOST_TEST((small.code == errc::corrupt));
  BOOST_TEST(small.detail == (folder / "file") + ": the file has 6 bytes, at most 5 are accepted");
  // A sparse file: reading it would fill the memory.
  std::filesystem::resize_file(folder / "file", uint64_t{1} << 40);
  BOOST_TEST(refusal(folder / "file").detail.find("the file has 1099511627776 bytes") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_tell_its_size_is_bounded_too) {
  BOOST_TEST(!read_file("/proc/self/status", 1 << 20)->empty());
  BOOST_TEST(refusal("/proc/self/status", 10).detail ==
             "/proc/self/status: the file has more than 10 bytes, at most 10 are accepted");
}

// Opening a pipe waits for a writer: the test's time limit would end it.
BOOST_AUTO_TEST_CASE(never_waits_for_what_is_no_file) {
  test::temporary_folder folder;
  BOOST_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const std::string& path : {folder / "pipe", folder.path(), std::string("/dev/zero")}) {
    BOOST_TEST((refusal(path).code == errc::corrupt));
    BOOST_TEST(refusal(path).detail == path + ": not a regular file");
    auto json = read_json_file(path);
    BOOST_REQUIRE(!json);
    BOOST_TEST(json.err().detail == path + ": not a regular file");
  }
}

BOOST_AUTO_TEST_CASE(says_why_a_file_cannot_be_opened) {
  test::temporary_folder folder;
  auto absent = refusal(folder / "absent");
  BOOST_TEST((absent.code == errc::io_failed));
  BOOST_TEST(absent.detail == (folder / "absent") + ": cannot be opened: No such file or directory");
}

BOOST_AUTO_TEST_CASE(a_json_file_beyond_its_bound_is_not_read) {
  test::temporary_folder folder;
  folder.write("large.json", "{}");
  std::filesystem::resize_file(folder / "large.json", uint64_t{1} << 40);
  auto json = read_json_file(folder / "large.json");
  BOOST_REQUIRE(!json);
  BOOST_TEST((json.err().code == errc::corrupt));
  BOOST_TEST(json.err().detail.find("large.json: the file has 1099511627776 bytes, at most 268435456") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
