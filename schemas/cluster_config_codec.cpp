#include "schemas/cluster_config_codec.hpp"

#include <capnp/message.h>

#include <filesystem>

#include "base/read_file.hpp"
#include "schemas/cluster_config_rules.hpp"
#include "schemas/config_schema_codec.hpp"
#include "schemas/yaml_tree.hpp"

namespace troupe {
namespace {

using std::chrono::milliseconds;

template <class Enum>
std::string name_of(Enum value) {
  return enumerant_name(capnp::Schema::from<Enum>(), static_cast<uint16_t>(value));
}

std::vector<std::string> texts(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> out;
  for (auto text : list) out.emplace_back(text.cStr());
  return out;
}

host_config host(wire::HostConfig::Reader in) {
  return {.name = in.getName().cStr(), .address = in.getAddress().cStr(), .port = in.getPort()};
}

gateway_config gateway(wire::GatewayConfig::Reader in) {
  return {.name = in.getName().cStr(),
          .host = in.getHost().cStr(),
          .address = in.getAddress().cStr(),
          .port = in.getPort(),
          .http_address = in.getHttpAddress().cStr(),
          .http_port = in.getHttpPort()};
}

deployment_config deployment(wire::DeploymentConfig::Reader in) {
  return {.name = in.getName().cStr(),
          .model = in.getModel().cStr(),
          .aliases = texts(in.getAliases()),
          .groups = in.getGroups(),
          .tensor_parallel = in.getTensorParallel(),
          .hosts = texts(in.getHosts()),
          .hosts_per_group = in.getHostsPerGroup(),
          .threads_per_rank = in.getThreadsPerRank(),
          .backend = name_of(in.getBackend()),
          .kv_positions = in.getKvPositions(),
          .sequences_max = in.getSequencesMax(),
          .waiting_max = in.getWaitingMax(),
          .step_tokens_max = in.getStepTokensMax(),
          .prefix_cache = in.getPrefixCache(),
          .speculation = name_of(in.getSpeculation()),
          .draft_tokens_max = in.getDraftTokensMax(),
          .draft_match_min = in.getDraftMatchMin(),
          .kv_type = name_of(in.getKvType()),
          .pooling = name_of(in.getPooling())};
}

http_config http(wire::HttpConfig::Reader in) {
  return {.threads = in.getThreads(),
          .connections_max = in.getConnectionsMax(),
          .connections_per_address_max = in.getConnectionsPerAddressMax(),
          .header_bytes_max = in.getHeaderBytesMax(),
          .body_bytes_max = in.getBodyBytesMax(),
          .stream_buffer_bytes = in.getStreamBufferBytes(),
          .header_timeout = milliseconds(in.getHeaderTimeoutMs()),
          .idle_timeout = milliseconds(in.getIdleTimeoutMs()),
          .slow_client_timeout = milliseconds(in.getSlowClientTimeoutMs()),
          .request_timeout = milliseconds(in.getRequestTimeoutMs())};
}

transport_config transport(wire::TransportConfig::Reader in) {
  return {.frame_bytes_max = in.getFrameBytesMax(),
          .queue_bytes_max = in.getQueueBytesMax(),
          .ping_interval = milliseconds(in.getPingIntervalMs()),
          .pings_missed_max = in.getPingsMissedMax()};
}

supervision_config supervision(wire::SupervisionConfig::Reader in) {
  return {.restarts_max = in.getRestartsMax(),
          .restart_period = milliseconds(in.getRestartPeriodMs()),
          .restart_delay = milliseconds(in.getRestartDelayMs()),
          .restart_delay_max = milliseconds(in.getRestartDelayMaxMs()),
          .start_timeout = milliseconds(in.getStartTimeoutMs()),
          .step_timeout = milliseconds(in.getStepTimeoutMs()),
          .heartbeat_interval = milliseconds(in.getHeartbeatIntervalMs()),
          .heartbeat_timeout = milliseconds(in.getHeartbeatTimeoutMs()),
          .fenced_kill_delay = milliseconds(in.getFencedKillDelayMs()),
          .orphan_timeout = milliseconds(in.getOrphanTimeoutMs()),
          .drain_timeout = milliseconds(in.getDrainTimeoutMs())};
}

cluster_config cluster(wire::ClusterConfig::Reader in) {
  cluster_config out{.name = in.getName().cStr(),
                     .state_folder = in.getStateFolder().cStr(),
                     .log_level = name_of(in.getLogLevel()),
                     .hosts = {},
                     .gateways = {},
                     .deployments = {},
                     .http = http(in.getHttp()),
                     .transport = transport(in.getTransport()),
                     .supervision = supervision(in.getSupervision())};
  for (auto entry : in.getHosts()) out.hosts.push_back(host(entry));
  for (auto entry : in.getGateways()) out.gateways.push_back(gateway(entry));
  for (auto entry : in.getDeployments()) out.deployments.push_back(deployment(entry));
  return out;
}

// "line:column: key: rule" on failure.
result<cluster_config> decode(std::string_view yaml) {
  TROUPE_ASSIGN(yaml_node root, parse_yaml(yaml, {.bytes_max = cluster_config_bytes_max}));
  try {
    capnp::MallocMessageBuilder message;
    auto builder = message.initRoot<wire::ClusterConfig>();
    TROUPE_TRY(decode_mapping(root, capnp::DynamicStruct::Builder(builder), ""));
    cluster_config config = cluster(builder.asReader());
    if (auto broken = check_cluster_config(config)) {
      text_position at = find_position(root, broken->key);
      return error{errc::invalid_argument, std::to_string(at.line) + ":" + std::to_string(at.column) + ": " +
                                               broken->key + ": " + broken->rule};
    }
    return config;
  } catch (const kj::Exception& e) {
    return error{errc::internal, std::string("1:1: ") + e.getDescription().cStr()};
  }
}

}  // namespace

result<cluster_config> parse_cluster_config(std::string_view yaml, std::string_view file_name) {
  auto config = decode(yaml);
  if (!config) return error{config.err().code, std::string(file_name) + ":" + config.err().detail};
  std::error_code ec;
  std::filesystem::path folder = std::filesystem::absolute(std::filesystem::path(file_name), ec).parent_path();
  if (ec) return error{errc::io_failed, std::string(file_name) + ": " + ec.message()};
  for (auto& entry : config->deployments) entry.model = (folder / entry.model).lexically_normal().string();
  return config;
}

result<std::string> read_cluster_config(const std::string& path) { return read_file(path, cluster_config_bytes_max); }

result<cluster_config> load_cluster_config(const std::string& path) {
  TROUPE_ASSIGN(std::string text, read_cluster_config(path));
  return parse_cluster_config(text, path);
}

}  // namespace troupe
