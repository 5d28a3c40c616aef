#include "base/check.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>

namespace troupe {
namespace {

BOOST_AUTO_TEST_CASE(a_broken_invariant_says_where_and_aborts) {
  TROUPE_CHECK(1 + 1 == 2);
  std::array<int, 2> ends{};
  BOOST_REQUIRE(::pipe(ends.data()) == 0);
  ::pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // not the test's own handler
    ::dup2(ends[1], 2);
    TROUPE_CHECK(1 + 1 == 3);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 512> piece{};
  for (auto count = ::read(ends[0], piece.data(), piece.size()); count > 0;
       count = ::read(ends[0], piece.data(), piece.size())) {
    said.append(piece.data(), static_cast<size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
  BOOST_TEST(said.find("troupe: broken invariant: 1 + 1 == 3 (") == 0u, said);
  BOOST_TEST(said.find("check_test.cpp:") != std::string::npos, said);
}

}  // namespace
}  // namespace troupe
