#include "actors/node/listeners.hpp"

#include <algorithm>
#include <cstdlib>

#include "actors/outside/descriptors/listening_socket.hpp"

namespace troupe {
namespace {

constexpr const char* for_nodes = "--listen-fd";
constexpr const char* for_clients = "--http-fd";

struct gateway_ports {
  uint16_t nodes = 0;
  uint16_t clients = 0;
};

uint16_t port_of(const std::string& address) {
  return static_cast<uint16_t>(std::strtoul(address.substr(address.rfind(':') + 1).c_str(), nullptr, 10));
}

/// Zeros where it did not run.
gateway_ports ports_of_last_time(const std::optional<host_addresses>& before, const node_name& gateway) {
  gateway_ports ports;
  if (!before) return ports;
  for (const auto& known : before->gateways) ports.nodes = known.node == gateway ? known.port : ports.nodes;
  ports.clients = port_of(before->http);
  return ports;
}

bool lives(const process_host& processes, const node_name& name) {
  auto all = processes.list();
  return std::any_of(all.begin(), all.end(), [&](const process_status& status) { return status.name == name; });
}

void give_later(const gateway_config& gateway, const gateway_ports& its, posix_process_host& processes) {
  auto later = [](std::string address, uint16_t port) {
    return [address = std::move(address), port] { return open_listener(address, port); };
  };
  processes.give_fd_later(gateway.name, later(gateway.http_address, its.clients), for_clients);
  processes.give_fd_later(gateway.name, later(gateway.address, its.nodes), for_nodes);
}

result<gateway_ports> give_now(const gateway_config& gateway, const gateway_ports& last_time,
                               posix_process_host& processes) {
  gateway_ports ports;
  TROUPE_ASSIGN(auto clients, open_listener_again(gateway.http_address, gateway.http_port, last_time.clients));
  TROUPE_ASSIGN(ports.clients, local_port(clients.get()));
  TROUPE_ASSIGN(auto nodes, open_listener_again(gateway.address, gateway.port, last_time.nodes));
  TROUPE_ASSIGN(ports.nodes, local_port(nodes.get()));
  processes.give_fd(gateway.name, std::move(clients), for_clients);
  processes.give_fd(gateway.name, std::move(nodes), for_nodes);
  return ports;
}

}  // namespace

result<unique_fd> open_listener_again(const std::string& address, uint16_t port, uint16_t last_time) {
  if (port == 0 && last_time != 0) {
    if (auto again = open_listener(address, last_time)) return again;
  }
  return open_listener(address, port);
}

result<host_addresses> give_listeners(const cluster_config& config, const node_name& host,
                                      const std::optional<host_addresses>& before, posix_process_host& processes) {
  host_addresses addresses;
  for (const auto& gateway : config.gateways) {
    transport_peer peer{gateway.name, gateway.address, gateway.port};
    if (gateway.host == host) {
      auto ports = ports_of_last_time(before, gateway.name);
      if (lives(processes, gateway.name)) {
        give_later(gateway, ports, processes);
      } else {
        TROUPE_ASSIGN(ports, give_now(gateway, ports, processes));
      }
      peer.port = ports.nodes;
      if (addresses.http.empty()) addresses.http = address_text(gateway.http_address, ports.clients);
    }
    addresses.gateways.push_back(std::move(peer));
  }
  return addresses;
}

}  // namespace troupe
