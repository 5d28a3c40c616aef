#include "simulations/cluster/cluster.hpp"

#include <algorithm>
#include <iterator>

#include "base/check.hpp"

namespace troupe::simulation {
namespace {

/// Takes a gateway out of the table when it ends.
class listed_gateway final : public process {
 public:
  listed_gateway(std::unique_ptr<gateway_process> it, std::map<node_name, gateway_process*>& table)
      : it_(std::move(it)), table_(table) {
    table_[it_->name()] = it_.get();
  }
  ~listed_gateway() override { table_.erase(it_->name()); }
  owner_number owner() const override { return it_->owner(); }
  void terminate() override { it_->terminate(); }

 private:
  std::unique_ptr<gateway_process> it_;
  std::map<node_name, gateway_process*>& table_;
};

}  // namespace

cluster::cluster(world& where, cluster_config config) : site_(where, std::move(config)) {
  for (const auto& host : site_.config.hosts) {
    machines_[host.name] = std::make_unique<machine>(
        where, host.name, [this](const process_spec& spec, std::function<void(int exit_code)> ended) {
          return make(spec, std::move(ended));
        });
    start_agent(host.name);
  }
}

cluster::~cluster() {
  agents_.clear();
  machines_.clear();
}

gateway_process* cluster::gateway(const node_name& name) {
  const auto found = gateways_.find(name);
  return found == gateways_.end() ? nullptr : found->second;
}

gateway_process* cluster::any_gateway(seeded_random& random) {
  if (gateways_.empty()) return nullptr;
  return std::next(gateways_.begin(), static_cast<std::ptrdiff_t>(random.below(gateways_.size())))->second;
}

void cluster::start_agent(const node_name& host) {
  const auto its = std::ranges::find(site_.config.hosts, host, &host_config::name);
  TROUPE_CHECK(its != site_.config.hosts.end());
  site_.where.note(host, "agent.started");
  agents_[host] = std::make_unique<host_process>(site_, *its, *machines_.at(host), [this, host](int exit_code) {
    site_.where.note(host, "agent.ended", {{"exit_code", exit_code}});
    site_.where.soon(0, [this, host] { agents_.erase(host); });
  });
}

void cluster::kill_agent(const node_name& host) {
  site_.where.note(host, "agent.killed");
  agents_.erase(host);
}

std::unique_ptr<process> cluster::make(const process_spec& spec, std::function<void(int exit_code)> ended) {
  const auto gateway = std::ranges::find(site_.config.gateways, spec.name, &gateway_config::name);
  if (gateway != site_.config.gateways.end()) {
    return std::make_unique<listed_gateway>(
        std::make_unique<gateway_process>(site_, *gateway, disks_[spec.name], std::move(ended)), gateways_);
  }
  const auto rank = find_rank(site_.groups, spec.name);
  TROUPE_CHECK(rank.has_value());
  return std::make_unique<rank_process>(site_, *rank, spec.generation, std::move(ended));
}

}  // namespace troupe::simulation
