#include "schemas/envelope.hpp"

#include <array>

#include "base/check.hpp"

namespace troupe {

std::string_view name(service s) {
  constexpr std::array<std::string_view, service_count> names{"requests",         "router",     "group_leader",
                                                              "group_supervisor", "controller", "host_agent",
                                                              "membership",       "ctl",        "node"};
  auto index = static_cast<size_t>(s);
  TROUPE_CHECK(index < names.size());
  return names[index];
}

namespace {

// One line for each body, so that a new one does not compile without its rule.
struct sender_rule {
  std::string_view role;

  bool operator()(const generate&) const { return role == "gateway"; }
  bool operator()(const cancel_stream&) const { return role == "gateway"; }
  bool operator()(const step_tokens&) const { return role == "rank"; }
  bool operator()(const rank_ready&) const { return role == "rank"; }
  bool operator()(const rank_failed&) const { return role == "rank"; }
  bool operator()(const rank_leaving&) const { return role == "rank"; }
  bool operator()(const group_load&) const { return role == "rank"; }
  bool operator()(const heartbeat&) const { return true; }
  bool operator()(const start_group&) const { return role == "gateway"; }
  bool operator()(const end_group&) const { return role == "gateway"; }
  bool operator()(const host_report&) const { return role == "host"; }
  bool operator()(const group_process_exited&) const { return role == "host"; }
  bool operator()(const drain_request&) const { return role == "ctl"; }
  bool operator()(const describe_request&) const { return role == "ctl" || role == "gateway"; }
  bool operator()(const description&) const { return role == "host" || role == "gateway"; }
  bool operator()(const rank_listening&) const { return role == "rank"; }
  bool operator()(const group_meeting&) const { return role == "gateway"; }
};

}  // namespace

bool may_send(std::string_view role, const envelope_body& body) { return std::visit(sender_rule{role}, body); }

uint64_t cluster_key(std::string_view cluster_name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : cluster_name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace troupe
