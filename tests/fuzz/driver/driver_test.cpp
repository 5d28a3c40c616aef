// An input that kills a target is worth nothing if the driver does not hand it over.
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

struct fixture {
  test::temporary_folder folder;
  std::string crash_file = "crash-" + std::filesystem::path(DYING_TARGET).filename().string();

  fixture() { std::filesystem::create_directory(folder / "corpus"); }

  /// Runs the target on the corpus, with no mutations unless told otherwise; whether it ended well.
  bool survives(const std::string& runs = "0") {
    const std::string command = "cd '" + folder.path() + "' && '" DYING_TARGET "' corpus " + runs + " > said 2>&1";
    int status = std::system(command.c_str());
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

BOOST_FIXTURE_TEST_SUITE(fuzz_driver, fixture)

BOOST_AUTO_TEST_CASE(writes_the_input_that_kills_the_target) {
  std::vector<std::string> deaths{"abort", "throw", "segfault"};
#ifdef __SANITIZE_ADDRESS__
  deaths.insert(deaths.end(), {"overread", "overflow"});
#endif
  for (const auto& death : deaths) {
    std::filesystem::remove(folder / crash_file);
    folder.write("corpus/a", "harmless");
    folder.write("corpus/b", death);
    folder.write("corpus/c", "never reached");
    BOOST_TEST(!survives(), death);
    BOOST_TEST(folder.read(crash_file) == death);
    BOOST_TEST(folder.read("said").find("the input that did it: " + crash_file + "\n") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(finds_a_death_by_mutation_and_repeats_it) {
  folder.write("corpus/a", "abor");
  folder.write("corpus/b", "t");
  BOOST_TEST(!survives("200000"));
  BOOST_TEST(folder.read(crash_file) == "abort");
  std::filesystem::remove_all(folder / "corpus");
  std::filesystem::create_directory(folder / "corpus");
  std::filesystem::rename(folder / crash_file, folder / "corpus/a");
  BOOST_TEST(!survives());
  BOOST_TEST(folder.read(crash_file) == "abort");
}

BOOST_AUTO_TEST_CASE(writes_nothing_when_nothing_dies) {
  folder.write("corpus/a", "harmless");
  BOOST_TEST(survives("1000"));
  BOOST_TEST(!std::filesystem::exists(folder / crash_file));
  BOOST_TEST(folder.read("said").find(": 1 inputs of the corpus, 1000 mutations in ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(refuses_to_run_without_a_corpus) {
  BOOST_TEST(!survives());
  BOOST_TEST(folder.read("said").find("no inputs in corpus") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
