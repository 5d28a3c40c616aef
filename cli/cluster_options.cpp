#include "cli/cluster_options.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "schemas/cluster_config_codec.hpp"

namespace troupe {
namespace {

std::string addresses_file(const std::string& state_folder) { return state_folder + "/cluster.json"; }

}  // namespace

result<cluster_config> load_cluster(const cluster_options& options) {
  TROUPE_ASSIGN(auto config, load_cluster_config(options.config_file));
  if (!options.state_folder.empty()) config.state_folder = options.state_folder;
  config.state_folder = std::filesystem::absolute(config.state_folder).lexically_normal().string();
  if (options.http_port) {
    for (auto& gateway : config.gateways) gateway.http_port = *options.http_port;
  }
  return config;
}

result<void> write_addresses(const std::string& state_folder, const cluster_addresses& addresses) {
  boost::json::array gateways;
  for (const auto& peer : addresses.gateways) {
    gateways.push_back(boost::json::string(peer.node + "=" + peer.host + ":" + std::to_string(peer.port)));
  }
  boost::json::object file{{"cluster", addresses.cluster}, {"http", addresses.http}, {"gateways", std::move(gateways)}};
  auto path = addresses_file(state_folder);
  auto unfinished = path + ".new";
  {
    std::ofstream out(unfinished);
    out << boost::json::serialize(file) << '\n';
    if (!out.flush()) return {errc::io_failed, unfinished + ": cannot be written"};
  }
  std::error_code code;
  std::filesystem::rename(unfinished, path, code);
  if (code) return {errc::io_failed, path + ": " + code.message()};
  return {};
}

result<cluster_addresses> read_addresses(const std::string& state_folder) {
  auto path = addresses_file(state_folder);
  if (!std::filesystem::exists(path)) {
    return {errc::unavailable,
            "no cluster was started with the state folder " + state_folder + " (there is no " + path + ")"};
  }
  TROUPE_ASSIGN(auto value, read_json_file(path));
  if (!value.is_object()) return {errc::corrupt, path + ": must be an object"};
  json_reader read(value.get_object());
  cluster_addresses addresses;
  TROUPE_ASSIGN(addresses.cluster, read.string("cluster", ""));
  TROUPE_ASSIGN(addresses.http, read.string("http", ""));
  TROUPE_ASSIGN(const auto* gateways, read.array("gateways"));
  if (!gateways) return {errc::corrupt, path + ": gateways is missing"};
  for (const auto& entry : *gateways) {
    if (!entry.is_string()) return {errc::corrupt, path + ": gateways must be strings"};
    TROUPE_ASSIGN(auto peer, parse_peer(std::string(entry.get_string())));
    addresses.gateways.push_back(std::move(peer));
  }
  return addresses;
}

result<transport_peer> parse_peer(const std::string& text) {
  auto equals = text.find('=');
  auto colon = text.rfind(':');
  transport_peer peer;
  if (equals != std::string::npos && colon != std::string::npos && colon > equals) {
    peer.node = text.substr(0, equals);
    peer.host = text.substr(equals + 1, colon - equals - 1);
    const char* end = text.data() + text.size();
    auto [at, code] = std::from_chars(text.data() + colon + 1, end, peer.port);
    if (code == std::errc{} && at == end && !peer.node.empty() && !peer.host.empty()) return peer;
  }
  return {errc::invalid_argument, "\"" + text + "\" is not NODE=HOST:PORT"};
}

}  // namespace troupe
