#include "base/replace_file.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "base/read_file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

struct folder_with_file {
  test::temporary_folder folder;
  std::string file = folder / "file";

  folder_with_file() { folder.write("file", "old"); }
  std::string content() const { return *read_file(file, 1 << 20); }
  size_t files() const {
    auto in = std::filesystem::directory_iterator(folder.path());
    return static_cast<size_t>(std::distance(begin(in), end(in)));
  }
};

BOOST_FIXTURE_TEST_SUITE(replacing_files, folder_with_file)

BOOST_AUTO_TEST_CASE(the_new_content_takes_the_place_of_the_old_and_is_its_owners_alone) {
  const std::string text("a\0\xFF longer than before\n", 24);
  for (auto what : {outlives::the_process, outlives::the_machine}) {
    folder.write("file", "old");
    BOOST_REQUIRE(replace_file(file, text, what));
    BOOST_TEST(content() == text);
    struct stat facts {};
    BOOST_REQUIRE(::stat(file.c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 07777) == 0600U);
    BOOST_TEST(files() == 1u);
  }
  BOOST_REQUIRE(replace_file(file, ""));
  BOOST_TEST(content().empty());
}

BOOST_AUTO_TEST_CASE(a_file_that_was_not_there_is_made) {
  BOOST_REQUIRE(replace_file(folder / "fresh", "x"));
  BOOST_TEST(*read_file(folder / "fresh", 10) == "x");
}

BOOST_AUTO_TEST_CASE(what_a_crash_left_beside_it_is_overwritten) {
  folder.write("file.new", std::string(1000, 'x'));
  std::filesystem::permissions(folder / "file.new", std::filesystem::perms::all);
  BOOST_REQUIRE(replace_file(file, "new"));
  BOOST_TEST(content() == "new");
  BOOST_TEST((std::filesystem::status(file).permissions() == std::filesystem::perms(0600)));
}

BOOST_AUTO_TEST_CASE(a_link_beside_it_is_not_followed) {
  folder.write("another", "kept");
  std::filesystem::create_symlink("another", folder / "file.new");
  auto replaced = replace_file(file, "new");
  BOOST_REQUIRE(!replaced);
  BOOST_TEST((replaced.err().code == errc::io_failed));
  BOOST_TEST(content() == "old");
  BOOST_TEST(*read_file(folder / "another", 10) == "kept");
}

BOOST_AUTO_TEST_CASE(without_room_the_old_content_stays) {
  rlimit before{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  auto replaced = replace_file(file, std::string(1001, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_DFL);
  BOOST_REQUIRE(!replaced);
  BOOST_TEST(replaced.err().detail == file + ".new: cannot be written: File too large");
  BOOST_TEST(content() == "old");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_replaced_is_named) {
  BOOST_TEST(replace_file(folder / "none/file", "x").err().detail ==
             (folder / "none/file.new") + ": cannot be made: No such file or directory");
  std::filesystem::create_directory(folder / "folder");
  BOOST_TEST(replace_file(folder / "folder", "x").err().detail ==
             (folder / "folder") + ": cannot be replaced: Is a directory");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
