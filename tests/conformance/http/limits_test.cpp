// The server's own bounds: connections, bodies together, addresses to listen on, threads.
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "tests/conformance/http/running_server.hpp"

namespace troupe {
namespace {

BOOST_AUTO_TEST_CASE(one_connection_too_many_is_told_so) {
  http_server_config config;
  config.limits.connections_max = 2;
  running_server server(config);
  raw_client first(server.port());
  raw_client second(server.port());
  server.events.wait_for("opened", 2);
  raw_client third(server.port());
  auto refused = third.read_response();
  BOOST_TEST(refused.status == 503);
  BOOST_TEST(refused.fields["retry-after"] == "1");
  BOOST_TEST(error_code_of(refused) == "overloaded");
  BOOST_TEST(server.events.count("refused connections") == 1u);
  first.close();
  server.events.wait_for("closed");
  raw_client fourth(server.port());
  fourth.send(running_server::get("/live"));
  BOOST_TEST(fourth.read_response().status == 200);
}

BOOST_AUTO_TEST_CASE(one_address_has_a_bound_of_its_own) {
  http_server_config config;
  config.limits.connections_per_address_max = 1;
  running_server server(config);
  raw_client first(server.port());
  server.events.wait_for("opened");
  raw_client second(server.port());
  BOOST_TEST(second.read_response().status == 503);
  server.events.wait_for("refused address");
}

BOOST_AUTO_TEST_CASE(bodies_have_a_bound_together) {
  http_server_config config;
  config.bodies_bytes_max = 1000;
  running_server server(config);
  server.cluster.script = [](fake_stream& stream) { stream.finish(); };
  auto fits = R"({"model":"tiny","prompt":"a","user":")" + std::string(900, 'x') + "\"}";
  BOOST_TEST(server.ask(running_server::post("/v1/completions", fits)).status == 200);
  BOOST_TEST(server.ask(running_server::post("/v1/completions", fits + std::string(200, ' '))).status == 503);
  BOOST_TEST(server.ask(running_server::post("/v1/completions", fits)).status == 200);
}

BOOST_AUTO_TEST_CASE(an_inherited_socket_is_served) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BOOST_REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  BOOST_REQUIRE(::listen(fd, 8) == 0);
  http_server_config config;
  config.listening_fd = fd;
  running_server server(config);
  BOOST_TEST(server.port() != 0);
  BOOST_TEST(server.ask(running_server::get("/live")).status == 200);
  BOOST_TEST(server.server->address() == "127.0.0.1:" + std::to_string(server.port()));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_listened_on_is_named) {
  running_server server;
  auto start = [&](http_server_config config) {
    return http_server::start(std::move(config), *server.api, server.time, server.random, server.events, server.events);
  };
  http_server_config taken;
  taken.port = server.port();
  auto refused = start(taken);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.err().detail == "cannot listen on " + server.server->address() + ": Address already in use");
  http_server_config nowhere;
  nowhere.address = "nowhere";
  BOOST_TEST((start(nowhere).err().code == errc::invalid_argument));
  http_server_config file;
  file.listening_fd = 0;
  BOOST_TEST((start(file).err().code == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(several_threads_serve_at_once) {
  http_server_config config;
  config.limits.threads = 4;
  running_server server(config);
  server.cluster.script = [](fake_stream& stream) {
    stream.say("x");
    stream.finish();
  };
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      raw_client client(server.port());
      for (int n = 0; n < 25; ++n) {
        client.send(n % 2 ? running_server::streamed() : running_server::whole());
        if (client.read_response().status == 200) ++answered;
      }
    });
  }
  for (auto& client : clients) client.join();
  BOOST_TEST(answered == 200);
}

}  // namespace
}  // namespace troupe
