#include <fcntl.h>

#include <boost/test/unit_test.hpp>

#include "actors/outside/descriptors/listening_socket.hpp"

namespace troupe {
namespace {

BOOST_AUTO_TEST_SUITE(descriptors)

BOOST_AUTO_TEST_CASE(a_port_in_use_is_named) {
  auto first = open_listener("127.0.0.1", 0);
  BOOST_REQUIRE(first);
  auto port = local_port(first->get());
  BOOST_REQUIRE(port);
  BOOST_TEST(*port != 0);
  auto second = open_listener("127.0.0.1", *port);
  BOOST_REQUIRE(!second);
  BOOST_TEST(second.err().detail.find("127.0.0.1:" + std::to_string(*port) + ": the address is in use") == 0u,
             second.err().detail);
}

BOOST_AUTO_TEST_CASE(a_listener_is_not_inherited_by_accident) {
  auto socket = open_listener("::1", 0);
  if (!socket) socket = open_listener("127.0.0.1", 0);  // a machine without IPv6
  BOOST_REQUIRE(socket);
  BOOST_TEST((::fcntl(socket->get(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_CASE(addresses_that_cannot_be_had_are_named) {
  auto foreign = open_listener("203.0.113.7", 80);  // a documentation address (RFC 5737)
  BOOST_REQUIRE(!foreign);
  BOOST_TEST(foreign.err().detail.find("203.0.113.7:80: ") == 0u, foreign.err().detail);
  BOOST_TEST(!open_listener("", 80).has_value());
  BOOST_TEST(!open_listener("not an address", 80).has_value());
}

BOOST_AUTO_TEST_CASE(an_address_reads_as_in_a_url) {
  BOOST_TEST(address_text("127.0.0.1", 80) == "127.0.0.1:80");
  BOOST_TEST(address_text("a.example", 0) == "a.example:0");
  BOOST_TEST(address_text("::1", 8080) == "[::1]:8080");
}

BOOST_AUTO_TEST_CASE(what_is_no_socket_has_no_port) {
  unique_fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  BOOST_TEST(!local_port(file.get()).has_value());
  BOOST_TEST(!local_port(-1).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
