#include "cli/cluster_options.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <filesystem>

#include "base/json.hpp"
#include "base/replace_file.hpp"
#include "schemas/cluster_config_codec.hpp"
#include "schemas/envelope.hpp"

namespace troupe {
namespace {

std::string addresses_file(const std::string& state_folder) { return state_folder + "/cluster.json"; }

std::string text_of(const transport_peer& peer) {
  return peer.node + "=" + peer.host + ":" + std::to_string(peer.port);
}

}  // namespace

result<loaded_cluster> load_cluster(const cluster_options& options) {
  loaded_cluster loaded;
  const auto& file = options.config_text_file.empty() ? options.config_file : options.config_text_file;
  TROUPE_ASSIGN(loaded.text, read_cluster_config(file));
  TROUPE_ASSIGN(loaded.config, parse_cluster_config(loaded.text, options.config_file));
  auto& config = loaded.config;
  if (!options.state_folder.empty()) config.state_folder = options.state_folder;
  config.state_folder = std::filesystem::absolute(config.state_folder).lexically_normal().string();
  if (options.http_port) {
    for (auto& gateway : config.gateways) gateway.http_port = *options.http_port;
  }
  auto all = loaded.text;
  for (const auto& part : {std::filesystem::absolute(options.config_file).lexically_normal().string(),
                           std::to_string(config.gateways.front().http_port), std::string(TROUPE_VERSION)}) {
    all += '\0' + part;
  }
  // It guards against mistakes, not against people: whoever can write into the state folder is the cluster.
  loaded.key = std::to_string(cluster_key(all));
  return loaded;
}

result<void> write_addresses(const std::string& state_folder, const cluster_addresses& addresses) {
  boost::json::array gateways;
  for (const auto& peer : addresses.host.gateways) gateways.push_back(boost::json::string(text_of(peer)));
  boost::json::object file{{"cluster", addresses.cluster},
                           {"configuration", addresses.configuration},
                           {"http", addresses.host.http},
                           {"gateways", std::move(gateways)},
                           {"host", text_of(addresses.host.host)}};
  return replace_file(addresses_file(state_folder), boost::json::serialize(file) + '\n');
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
  TROUPE_ASSIGN(addresses.configuration, read.string("configuration", ""));
  TROUPE_ASSIGN(addresses.host.http, read.string("http", ""));
  TROUPE_ASSIGN(auto host, read.string("host", ""));
  TROUPE_ASSIGN(addresses.host.host, parse_peer(host));
  TROUPE_ASSIGN(const auto* gateways, read.array("gateways"));
  if (!gateways) return {errc::corrupt, path + ": gateways is missing"};
  for (const auto& entry : *gateways) {
    if (!entry.is_string()) return {errc::corrupt, path + ": gateways must be strings"};
    TROUPE_ASSIGN(auto peer, parse_peer(std::string(entry.get_string())));
    addresses.host.gateways.push_back(std::move(peer));
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
