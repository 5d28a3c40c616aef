#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "schemas/cluster_config_codec.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

constexpr std::string_view least =
    "hosts: [{name: a}]\n"
    "gateways: [{name: g, host: a}]\n"
    "deployments: [{name: m, model: models/m}]\n";

result<cluster_config> parse(std::string_view text) { return parse_cluster_config(text, "folder/c.yaml"); }

std::string why(const result<cluster_config>& config) { return config ? "accepted" : config.err().detail; }

std::string refusal(std::string_view text) { return why(parse(text)); }

// What is refused when `line` is added to the smallest valid configuration (as its fourth line).
std::string refusal_with(std::string_view line) { return refusal(std::string(least) + std::string(line)); }

BOOST_AUTO_TEST_CASE(fills_in_the_defaults_of_the_structs) {
  auto config = parse(least);
  BOOST_REQUIRE_MESSAGE(config.has_value(), why(config));
  cluster_config expected;
  expected.hosts.push_back({.name = "a"});
  expected.gateways.push_back({.name = "g", .host = "a"});
  deployment_config deployment;
  deployment.name = "m";
  deployment.model = std::filesystem::absolute("folder/models/m").string();
  expected.deployments.push_back(deployment);
  BOOST_TEST((*config == expected));
}

BOOST_AUTO_TEST_CASE(reads_every_key) {
  auto config = parse(R"(
name: c
stateFolder: /s
logLevel: warn
hosts:
  - {name: a, address: 10.0.0.1, port: 1}
  - {name: b, address: "fd00::2", port: 2}
  - {name: c, address: "fe80::1%eth0", port: 2}
gateways: [{name: g, host: b, address: g.example, port: 3, httpAddress: 0.0.0.0, httpPort: 4}]
deployments:
  - name: m
    model: /models/m
    aliases: [gpt-4o, meta-llama/Llama-3.2-1B]
    groups: 5
    tensorParallel: 4
    hosts: [b, a]
    hostsPerGroup: 2
    threadsPerRank: 6
    backend: avx512
    kvPositions: 700
    sequencesMax: 8
    waitingMax: 9
    stepTokensMax: 10
    prefixCache: false
    speculation: ngram
    draftTokensMax: 5
    draftMatchMin: 2
    kvType: bf16
    pooling: mean
http: {threads: 11, connectionsMax: 12, connectionsPerAddressMax: 33, headerBytesMax: 1300, bodyBytesMax: 1400,
  streamBufferBytes: 15000, headerTimeoutMs: 16, idleTimeoutMs: 17, slowClientTimeoutMs: 18, requestTimeoutMs: 19}
transport: {frameBytesMax: 100000, queueBytesMax: 200000, pingIntervalMs: 20, pingsMissedMax: 21}
supervision: {restartsMax: 22, restartPeriodMs: 23, restartDelayMs: 24, restartDelayMaxMs: 25, startTimeoutMs: 260,
  stepTimeoutMs: 27, heartbeatIntervalMs: 28, heartbeatTimeoutMs: 290, fencedKillDelayMs: 30, orphanTimeoutMs: 310,
  drainTimeoutMs: 32}
)");
  BOOST_REQUIRE_MESSAGE(config.has_value(), why(config));
  using std::chrono::milliseconds;
  cluster_config expected{
      .name = "c",
      .state_folder = "/s",
      .log_level = "warn",
      .hosts = {{"a", "10.0.0.1", 1}, {"b", "fd00::2", 2}, {"c", "fe80::1%eth0", 2}},
      .gateways = {{"g", "b", "g.example", 3, "0.0.0.0", 4}},
      .deployments = {{"m",
                       "/models/m",
                       {"gpt-4o", "meta-llama/Llama-3.2-1B"},
                       5,
                       4,
                       {"b", "a"},
                       2,
                       6,
                       "avx512",
                       700,
                       8,
                       9,
                       10,
                       false,
                       "ngram",
                       5,
                       2,
                       "bf16",
                       "mean"}},
      .http = {11, 12, 33, 1300, 1400, 15000, milliseconds(16), milliseconds(17), milliseconds(18), milliseconds(19)},
      .transport = {100000, 200000, milliseconds(20), 21},
      .supervision = {22, milliseconds(23), milliseconds(24), milliseconds(25), milliseconds(260), milliseconds(27),
                      milliseconds(28), milliseconds(290), milliseconds(30), milliseconds(310), milliseconds(32)}};
  BOOST_TEST((*config == expected));
}

BOOST_AUTO_TEST_CASE(says_file_line_column_key_and_rule) {
  BOOST_TEST(refusal("hosts: [{name: a}]\n"
                     "gateways: [{name: g, host: a}]\n"
                     "deployments:\n"
                     "  - name: m\n"
                     "    tensorParalel: 2\n") ==
             "folder/c.yaml:5:5: deployments[0].tensorParalel: unknown key; did you mean tensorParallel?");
}

BOOST_AUTO_TEST_CASE(refuses_unknown_keys) {
  BOOST_TEST(refusal_with("htpp: {}") == "folder/c.yaml:4:1: htpp: unknown key; did you mean http?");
  BOOST_TEST(refusal_with("transport: {colour: red}") ==
             "folder/c.yaml:4:13: transport.colour: unknown key; there are frameBytesMax, queueBytesMax, "
             "pingIntervalMs, pingsMissedMax");
  BOOST_TEST(refusal_with("\"a\\nb\": 1").find(R"("a\nb": unknown key)") != std::string::npos);
  BOOST_TEST(refusal_with("\"name\\0x\": 1").find("unknown key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(refuses_values_of_another_type) {
  BOOST_TEST(refusal_with("http: 8080") == "folder/c.yaml:4:7: http: must be a mapping of keys, not \"8080\"");
  BOOST_TEST(refusal_with("name: [a]") == "folder/c.yaml:4:7: name: must be a text, not a list");
  BOOST_TEST(refusal_with("name:") == "folder/c.yaml:4:1: name: has no value");
  BOOST_TEST(refusal_with("logLevel: loud") ==
             "folder/c.yaml:4:11: logLevel: must be one of debug, info, warn, error, not \"loud\"");
  for (std::string text : {"yes", "1", "\"true\"", "[]"}) {
    BOOST_TEST(refusal("hosts: [{name: a}]\n"
                       "gateways: [{name: g, host: a}]\n"
                       "deployments: [{name: m, model: m, prefixCache: " +
                       text + "}]\n")
                   .starts_with("folder/c.yaml:3:48: deployments[0].prefixCache: must be true or false, not "));
  }
  BOOST_TEST(refusal("hosts: a\n") == "folder/c.yaml:1:8: hosts: must be a list, not \"a\"");
  BOOST_TEST(refusal("hosts: [a]\n") == "folder/c.yaml:1:9: hosts[0]: must be a mapping of keys, not \"a\"");
  BOOST_TEST(refusal("- a\n") == "folder/c.yaml:1:1: must be a mapping of keys, not a list");
  BOOST_TEST(refusal("") == "folder/c.yaml:1:1: must be a mapping of keys, not nothing");
}

BOOST_AUTO_TEST_CASE(refuses_numbers_that_are_not_whole_or_out_of_range) {
  for (std::string text : {"0", "257", "-1", "1.5", "1e1", "0x10", "1_0", "\"1\"", "[]", "~", "99999999999999999999"}) {
    std::string detail = refusal_with("http: {threads: " + text + "}");
    BOOST_TEST(detail.find("http.threads: must be a whole number from 1 to 256, not ") != std::string::npos, detail);
  }
  BOOST_TEST(refusal("hosts: [{name: a, port: 65536}]") ==
             "folder/c.yaml:1:25: hosts[0].port: must be a whole number from 0 to 65535, not 65536");
}

BOOST_AUTO_TEST_CASE(refuses_texts_of_another_form) {
  BOOST_TEST(refusal_with("name: Local") ==
             "folder/c.yaml:4:7: name: must be a-z, 0-9 and - (not first), 1 to 63 of them, not \"Local\"");
  BOOST_TEST(refusal_with("name: " + std::string(64, 'a')) != "accepted");
  BOOST_TEST(refusal_with("name: \"\"") != "accepted");
  BOOST_TEST(refusal_with("name: a-b") == "accepted");
  BOOST_TEST(refusal_with("name: -ab") != "accepted");
  BOOST_TEST(refusal_with("stateFolder: \"\"") == "folder/c.yaml:4:14: stateFolder: must not be empty");
  BOOST_TEST(refusal_with("stateFolder: \"a\\0b\"") ==
             "folder/c.yaml:4:14: stateFolder: has characters that cannot be printed");
  BOOST_TEST(refusal_with("stateFolder: " + std::string(4097, 'a')) ==
             "folder/c.yaml:4:14: stateFolder: must have 1 to 4096 bytes, not 4097");
  BOOST_TEST(
      refusal("hosts: [{name: a, address: a b}]").find("hosts[0].address: must be an IP address or a host name") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(refuses_what_is_missing) {
  BOOST_TEST(refusal("name: a\n") == "folder/c.yaml:1:1: hosts: is required");
  BOOST_TEST(refusal("hosts:\n  - port: 1\n") == "folder/c.yaml:2:5: hosts[0].name: is required");
  BOOST_TEST(refusal("hosts: []\n") == "folder/c.yaml:1:8: hosts: must have 1 to 256 entries, not 0");
}

BOOST_AUTO_TEST_CASE(says_where_a_rule_between_keys_is_broken) {
  BOOST_TEST(refusal("hosts: [{name: a}]\n"
                     "gateways:\n"
                     "  - name: g\n"
                     "    host: b\n"
                     "deployments: [{name: m, model: m}]\n") ==
             "folder/c.yaml:4:5: gateways[0].host: there is no host b");
  BOOST_TEST(refusal("hosts: [{name: a}]\n"
                     "gateways:\n"
                     "  - {name: g, host: a}\n"
                     "  - {name: h, host: a, httpPort: 8081}\n"
                     "deployments: [{name: m, model: m}]\n") ==
             "folder/c.yaml:4:5: gateways[1]: this version runs one gateway in a cluster; remove this one");
}

BOOST_AUTO_TEST_CASE(passes_on_what_yaml_refuses) {
  BOOST_TEST(refusal("hosts: *a\n").starts_with("folder/c.yaml:1:"));
  BOOST_TEST(refusal("name: a\nname: b\n") == "folder/c.yaml:2:1: \"name\" occurs twice, first in line 1");
}

BOOST_AUTO_TEST_CASE(says_which_file_cannot_be_read) {
  BOOST_TEST(load_cluster_config("no/such.yaml").err().detail ==
             "no/such.yaml: cannot be opened: No such file or directory");
  BOOST_TEST(load_cluster_config("/").err().detail == "/: not a regular file");
  BOOST_TEST(load_cluster_config("/dev/zero").err().detail == "/dev/zero: not a regular file");
  test::temporary_folder folder;
  folder.write("long.yaml", std::string(cluster_config_bytes_max + 1, '#'));
  BOOST_TEST(load_cluster_config(folder / "long.yaml").err().detail ==
             (folder / "long.yaml") + ": the file has 1048577 bytes, at most 1048576 are accepted");
}

BOOST_AUTO_TEST_CASE(a_text_that_is_too_long_is_refused_too) {
  BOOST_TEST(refusal(std::string(cluster_config_bytes_max + 1, '#')) ==
             "folder/c.yaml:1:1: has 1048577 bytes; at most 1048576 are read");
}

}  // namespace
}  // namespace troupe
