#include "simulations/cluster/node.hpp"

#include <algorithm>

#include "actors/assembly/gateway_actors.hpp"
#include "actors/host_agent/host_agent.hpp"
#include "actors/membership/membership.hpp"
#include "actors/rank/rank.hpp"
#include "actors/runtime/incarnation.hpp"
#include "base/check.hpp"
#include "base/json.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe::simulation {
namespace {

std::shared_ptr<const tokenizer> letters() {
  std::string vocabulary;
  for (size_t i = 0; i < alphabet.size(); ++i)
    vocabulary += (i == 0 ? "\"" : ",\"") + std::string(1, alphabet[i]) + "\":" + std::to_string(i);
  const auto json = parse_json(R"({"model":{"type":"BPE","vocab":{)" + vocabulary + R"(},"merges":[]},
    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
    "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"added_tokens":[]})");
  TROUPE_CHECK(json.has_value());
  auto made = tokenizer::parse(*json);
  TROUPE_CHECK(made.has_value());
  return *made;
}

endpoint_limits limits_of(const cluster_config& config) {
  endpoint_limits limits;
  limits.frame_bytes_max = config.transport.frame_bytes_max;
  limits.window_bytes = std::max(limits.window_bytes, limits.frame_bytes_max);
  limits.queue_bytes_max = config.transport.queue_bytes_max;
  limits.ping_interval = config.transport.ping_interval;
  limits.pings_missed_max = config.transport.pings_missed_max;
  return limits;
}

/// Of all hosts or gateways.
template <class Node>
std::vector<node_name> names_of(const std::vector<Node>& nodes) {
  std::vector<node_name> names;
  names.reserve(nodes.size());
  for (const Node& each : nodes) names.push_back(each.name);
  return names;
}

}  // namespace

site::site(world& in, cluster_config what)
    : where(in),
      config(std::move(what)),
      groups(groups_of(config)),
      net(in),
      devices(in),
      random(in.seed(), drawn_by::starts),
      tokens(letters()) {}

node::node(site& where, const description& what)
    : site_(where),
      name_(what.name),
      owner_(where.where.new_owner()),
      clock_(where.where, where.clocks[what.host]),
      random_(where.where.seed(), drawn_by::nodes, owner_),
      log_(where.where, what.name),
      metrics_(where.where, what.name, where.groups),
      post_({what.name, what.incarnation, what.role}, where.config.name, clock_, log_, metrics_),
      env_{where.config, clock_, random_, log_, post_, metrics_},
      actors_(where.where, where.clocks[what.host], owner_),
      system_(std::make_unique<caf::actor_system>(actors_)),
      place_(where.net,
             {.self = post_.self(),
              .owner = owner_,
              .dials = what.dials,
              .roles = what.roles,
              .limits = limits_of(where.config)},
             post_) {
  post_.use(place_);
}

node::~node() { TROUPE_CHECK(!system_); }

void node::cut() {
  log_.cut();
  metrics_.cut();
  place_.leave();
}

void node::fall_silent() {
  cut();
  // What its actors told each other within the event.
  site_.where.freeze(owner_);
}

void node::end_actors() {
  cut();
  post_.end_all();
  dynamic_cast<node_scheduler&>(system_->scheduler()).run_all();
  system_.reset();
}

gateway_process::gateway_process(site& where, const gateway_config& which, stored& disk, ended_handler ended)
    : node(where, {.name = which.name,
                   .role = "gateway",
                   .host = which.host,
                   .incarnation = where.next_incarnation(),
                   .dials = names_of(where.config.hosts),
                   .roles = {"host", "rank", "ctl"}}),
      state_(disk),
      ended_(std::move(ended)) {
  spawn_gateway_actors({.system = system(),
                        .env = env(),
                        .groups = home().groups,
                        .board = board_,
                        .state = state_,
                        .pid = 1,
                        .started_by = which.host,
                        .drain_node = [this] { terminate(); },
                        .end_node = ended_});
}

gateway_process::~gateway_process() {
  state_.cut();
  end_actors();
}

void gateway_process::terminate() {
  if (board_.read().draining) return;
  board_.set_draining();
  wait_for_streams(home().where.now() + home().config.supervision.drain_timeout);
}

void gateway_process::fall_silent() {
  state_.cut();
  node::fall_silent();
}

void gateway_process::wait_for_streams(duration until) {
  if (*running_ == 0 || home().where.now() >= until) return ended_(0);
  home().where.after(std::chrono::milliseconds(20), owner(), [this, until] { wait_for_streams(until); });
}

namespace {

/// Counts the streams of a gateway, as its HTTP connections do.
class counted_sink final : public answer_sink {
 public:
  counted_sink(std::shared_ptr<answer_sink> to, std::shared_ptr<uint32_t> running)
      : to_(std::move(to)), running_(std::move(running)) {
    ++*running_;
  }
  ~counted_sink() override { --*running_; }
  bool on_delta(const answer_delta& delta) override { return to_->on_delta(delta); }
  void on_end(const answer_usage& usage) override { to_->on_end(usage); }
  void on_error(const error& why) override { to_->on_error(why); }

 private:
  std::shared_ptr<answer_sink> to_;
  std::shared_ptr<uint32_t> running_;
};

}  // namespace

void gateway_process::begin(uint64_t key, generate_request request, std::shared_ptr<answer_sink> sink) {
  auto actor = env().post.local(service::requests);
  if (!actor || board_.read().draining)
    return sink->on_error({errc::unavailable, "the gateway is starting or draining"});
  begin_request::content content;
  content.key = key;
  content.request = std::move(request);
  content.sink = std::make_shared<counted_sink>(std::move(sink), running_);
  content.tokens = home().tokens;
  tell(actor, begin_request{std::make_shared<const begin_request::content>(std::move(content))});
}

void gateway_process::leave(uint64_t key) { tell(env().post.local(service::requests), client_gone{key}); }

void gateway_process::resume(uint64_t key) { tell(env().post.local(service::requests), client_resumed{key}); }

rank_process::rank_process(site& where, rank_address which, generation_number generation, ended_handler ended)
    : node(where, {.name = where.groups[which.group].rank_node(which.rank),
                   .role = "rank",
                   .host = where.groups[which.group].host_of(which.rank),
                   .incarnation = rank_incarnation(generation, where.random),
                   .dials = names_of(where.config.gateways),
                   .roles = {"gateway"}}) {
  const group_spec& group = home().groups[which.group];
  const deployment_config& deployment = *group.deployment;
  const uint32_t pages = (deployment.kv_positions + kv_page_positions - 1) / kv_page_positions;
  device_ = home().devices.make(which.group, generation,
                                {.owner = owner(),
                                 .rank = which.rank,
                                 .tp = group.ranks(),
                                 .limits = {.rows_max = deployment.step_tokens_max,
                                            .sequences_max = deployment.sequences_max,
                                            .logits_max = deployment.step_tokens_max,
                                            .context_max = std::min(deployment.kv_positions, 2048U),
                                            .vocab_size = static_cast<uint32_t>(alphabet.size()),
                                            .kv_pages = pages},
                                 .reaches_others = way_to_others(group, which.rank)});
  rank_config for_rank;
  for_rank.group = &group;
  for_rank.rank = which.rank;
  for_rank.generation = generation;
  for_rank.pid = 1;
  if (group.is_spread()) for_rank.listening = rank_endpoint{group.host_of(which.rank), 1};
  for_rank.end_node = std::move(ended);
  spawn_membership(system(), env(), [](const node_silent&) {});
  rank_ = caf::actor_cast<caf::actor>(spawn_rank(system(), env(), std::move(for_rank), *device_));
}

/// Ranks on one host share memory.
std::function<bool()> rank_process::way_to_others(const group_spec& group, uint32_t rank) {
  if (!group.is_spread()) return {};
  return [this, &group, rank] {
    const network& net = home().net;
    for (uint32_t other = 0; other < group.ranks(); ++other) {
      const node_name one = group.rank_node(rank), two = group.rank_node(other);
      if (other != rank && (!net.is_open(one, two) || !net.is_open(two, one))) return false;
    }
    return true;
  };
}

rank_process::~rank_process() {
  rank_ = nullptr;
  // No actor finds a device that is gone.
  end_actors();
  device_.reset();
}

void rank_process::terminate() { tell(caf::actor_cast<rank_actor>(rank_), terminate_node{}); }

host_process::host_process(site& where, const host_config& which, machine& on, ended_handler ended)
    : node(where, {.name = which.name,
                   .role = "host",
                   .host = which.name,
                   .incarnation = where.next_incarnation(),
                   .dials = {},
                   .roles = {"gateway", "ctl"}}),
      processes_(on, owner()) {
  host_agent_config agent;
  agent.pid = 1;
  for (const auto& gateway : home().config.gateways)
    if (gateway.host == which.name) agent.permanent.push_back({gateway.name, 0, {}});
  agent.rank_arguments = [](const group_spec&, uint32_t, generation_number) { return std::vector<std::string>(); };
  agent.shared_memory_bytes = [](const group_spec&) -> result<uint64_t> { return uint64_t{0}; };
  agent.end_node = std::move(ended);
  spawn_membership(system(), env(), [](const node_silent&) {});
  agent_ = caf::actor_cast<caf::actor>(spawn_host_agent(system(), env(), std::move(agent), home().groups, processes_));
}

host_process::~host_process() {
  agent_ = nullptr;
  end_actors();
}

void host_process::terminate() { tell(caf::actor_cast<host_agent_actor>(agent_), terminate_node{}); }

}  // namespace troupe::simulation
