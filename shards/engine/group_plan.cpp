#include "shards/engine/group_plan.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "shards/engine/cpu/cpu_backend.hpp"
#include "shards/engine/shm_communicator.hpp"
#include "shards/engine/tcp_communicator.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

uint64_t pages_of(uint64_t positions) { return (positions + kv_page_positions - 1) / kv_page_positions; }

/// What the communicators of a host's ranks take together.
result<uint64_t> exchange_bytes_of(const shard_config& config, uint32_t hosts, size_t floats_max) {
  if (hosts != 1) return tcp_communicator_bytes(config.tp, floats_max) * (config.tp / hosts);
  if (config.tp != 1) return shm_communicator_bytes(config.tp, floats_max);
  return uint64_t{floats_max} * sizeof(float);  // local_communicator.hpp
}

error does_not_fit(const group_plan_request& request, const group_sizes& sizes, uint32_t pages, uint32_t fitting) {
  uint64_t weights = 0, kv = 0;
  const std::vector<shard_plan> ranks = sizes.with(pages);
  for (const shard_plan& rank : std::span(ranks).first(sizes.ranks_of_host())) {
    weights += rank.weights_bytes;
    kv += rank.kv_bytes();
  }
  const uint64_t positions = uint64_t{pages} * kv_page_positions;
  return {errc::out_of_memory,
          request.shard.model_folder + " with keys and values of " + std::to_string(positions) + " positions needs " +
              mebibytes(sizes.bytes(pages)) + " for " + std::to_string(sizes.ranks_of_host()) +
              (request.hosts == 1 ? " ranks (weights " : " ranks on each host (weights ") + mebibytes(weights) +
              ", keys and values " + mebibytes(kv) + "); there are " + mebibytes(request.memory) +
              (fitting == 0 ? std::string(", too few for any")
                            : ", enough for " + std::to_string(uint64_t{fitting} * kv_page_positions))};
}

error context_too_long(uint32_t context, uint64_t positions, const char* whose) {
  return {errc::invalid_argument, "a context of " + std::to_string(context) + " positions is longer than the " +
                                      std::to_string(positions) + " " + whose};
}

}  // namespace

result<group_sizes> group_sizes::read(const shard_config& config, uint32_t hosts) {
  TROUPE_TRY(check_bounds(config));
  if (hosts == 0 || config.tp % hosts != 0) {
    return error{errc::invalid_argument,
                 std::to_string(config.tp) + " ranks cannot be spread evenly over " + std::to_string(hosts) + " hosts"};
  }
  TROUPE_ASSIGN(const model_config model, read_model_config(config.model_folder));
  TROUPE_TRY(split_model(model, config.tp, 0));
  TROUPE_ASSIGN(const weight_files files, weight_files::open(config.model_folder));
  TROUPE_TRY(check_weights(model, files));
  TROUPE_ASSIGN(const std::unique_ptr<backend> device, make_cpu_backend(config.backend, 1));
  group_sizes group(model, hosts);
  shard_config rank_config = config;
  for (uint32_t rank = 0; rank < config.tp; ++rank) {
    rank_config.rank = rank;
    TROUPE_ASSIGN(const rank_slice slice, split_model(model, config.tp, rank));
    TROUPE_ASSIGN(shard_sizes sizes, shard_sizes::of(rank_config, model, slice, files, *device));
    group.ranks_.push_back(std::move(sizes));
    if (rank != 0) continue;
    TROUPE_ASSIGN(group.exchange_bytes_, exchange_bytes_of(config, hosts, exchanged_floats_max(config, model, slice)));
  }
  return group;
}

std::vector<shard_plan> group_sizes::with(uint32_t kv_pages) const {
  std::vector<shard_plan> plans;
  plans.reserve(ranks_.size());
  for (const shard_sizes& rank : ranks_) plans.push_back(rank.with(kv_pages));
  return plans;
}

uint64_t group_sizes::bytes(uint32_t kv_pages) const {
  uint64_t most = 0;
  for (size_t first = 0; first < ranks_.size(); first += ranks_of_host()) {
    uint64_t of_host = exchange_bytes_;
    for (const shard_sizes& rank : std::span(ranks_).subspan(first, ranks_of_host()))
      of_host += rank.with(kv_pages).bytes();
    most = std::max(most, of_host);
  }
  return most;
}

/// By halving, for tables that grow with the context make it no division.
uint32_t group_sizes::pages_within(uint64_t memory) const {
  const uint64_t page = ranks_.front().kv_page_bytes();
  uint32_t fitting = 0;
  auto first_too_many = static_cast<uint32_t>(std::min<uint64_t>(memory / page, kv_pages_max) + 1);
  while (first_too_many - fitting > 1) {
    const uint32_t middle = fitting + (first_too_many - fitting) / 2;
    (bytes(middle) <= memory ? fitting : first_too_many) = middle;
  }
  return fitting;
}

result<group_plan> plan_group(const group_plan_request& request) {
  TROUPE_ASSIGN(const group_sizes sizes, group_sizes::read(request.shard, request.hosts));
  const uint32_t context_max = sizes.model().context_max;
  if (request.context > context_max) return context_too_long(request.context, context_max, "of the model");
  const uint32_t fitting = sizes.pages_within(request.memory);
  const uint32_t wanted = request.shard.kv_pages;
  if (std::max(wanted, 1U) > fitting) return does_not_fit(request, sizes, std::max(wanted, 1U), fitting);

  group_plan plan;
  plan.kv_pages = wanted == 0 ? fitting : wanted;
  plan.ranks = sizes.with(plan.kv_pages);
  plan.exchange_bytes = sizes.exchange_bytes();
  plan.bytes = sizes.bytes(plan.kv_pages);
  plan.context = request.context == 0 ? plan.ranks.front().context_max : request.context;
  if (plan.context > plan.kv_positions()) {
    if (wanted != 0) return context_too_long(plan.context, plan.kv_positions(), "that have room for keys and values");
    return does_not_fit(request, sizes, static_cast<uint32_t>(pages_of(plan.context)), fitting);
  }
  plan.streams = static_cast<uint32_t>(plan.kv_pages / pages_of(plan.context));
  return plan;
}

}  // namespace troupe
