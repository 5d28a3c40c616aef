#include "cli/bench/engine_side.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include "base/unique_fd.hpp"
#include "cli/bench/stopwatch.hpp"
#include "shards/engine/local_communicator.hpp"
#include "shards/engine/shm_communicator.hpp"

namespace troupe {
namespace {

constexpr duration patient = std::chrono::minutes(10);

/// The life of a rank above 0, in its own process.
void follow(const shard_config& config, int fd, size_t floats_max) {
  const system_clock time;
  auto group = shm_communicator::open(
      {.rank = config.rank, .size = config.tp, .floats_max = floats_max, .generation = 1, .fd = fd}, time);
  if (!group || !(*group)->meet(patient)) return;
  (*group)->set_deadline(patient);
  const auto loaded = shard::open(config, **group);
  if (!loaded) {
    (*group)->abort(loaded.err().detail);
    return;
  }
  while ((*loaded)->follow()) {
  }
}

/// "Pss:    1234 kB" of /proc/PID/smaps_rollup.
result<uint64_t> proportional_bytes(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/smaps_rollup";
  std::ifstream lines(path);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("Pss:")) return std::stoull(line.substr(4)) * 1024;
  return error{errc::not_supported, path + " has no line Pss"};
}

}  // namespace

result<std::unique_ptr<engine_side>> engine_side::open(const engine_side_options& options) {
  std::unique_ptr<engine_side> side(new engine_side(options));
  const stopwatch time;
  TROUPE_TRY(side->load());
  side->seconds_to_load_ = time.seconds();
  return side;
}

engine_side::~engine_side() {
  if (group_) group_->abort("the benchmark has ended");
  for (const pid_t other : others_) waitpid(other, nullptr, 0);
}

shard_config engine_side::config_of(uint32_t rank) const {
  const uint32_t pages = (options_.context_max + kv_page_positions - 1) / kv_page_positions;
  return {.model_folder = options_.model,
          .tp = options_.tp,
          .rank = rank,
          .threads = options_.threads,
          .kv_pages = pages * options_.streams_max,
          .kv_bf16 = options_.kv_bf16,
          .rows_max = options_.prompt_max,
          .sequences_max = options_.streams_max,
          .system_root = {}};
}

result<void> engine_side::load() {
  TROUPE_ASSIGN(const size_t floats_max, shard_floats_max(config_of(0)));
  if (options_.tp == 1) {
    group_ = std::make_unique<local_communicator>(floats_max);
  } else {
    TROUPE_TRY(meet_other_ranks(floats_max));
  }
  TROUPE_ASSIGN(shard_, shard::open(config_of(0), *group_));
  known_.assign(options_.streams_max, 0);
  pages_.resize(options_.streams_max);
  return {};
}

result<void> engine_side::meet_other_ranks(size_t floats_max) {
  TROUPE_ASSIGN(const uint64_t bytes, shm_communicator_bytes(options_.tp, floats_max));
  const unique_fd memory(memfd_create("troupe-bench", MFD_CLOEXEC));
  if (!memory || ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0)
    return error{errc::io_failed, "shared memory: " + std::generic_category().message(errno)};
  for (uint32_t rank = 1; rank < options_.tp; ++rank) {
    const pid_t child = fork();
    if (child < 0) return error{errc::io_failed, "fork: " + std::generic_category().message(errno)};
    if (child == 0) {
      follow(config_of(rank), memory.get(), floats_max);
      _exit(0);
    }
    others_.push_back(child);
  }
  TROUPE_ASSIGN(
      auto group,
      shm_communicator::open(
          {.rank = 0, .size = options_.tp, .floats_max = floats_max, .generation = 1, .fd = memory.get()}, clock_));
  TROUPE_TRY(group->meet(patient));
  group_ = std::move(group);
  return {};
}

/// `count` tokens of a stream from position `first` on, to be run; which tokens does not matter for the time. Pages are
/// taken in the order of their use, as a batch takes them.
sequence_step engine_side::sequence(uint32_t stream, uint32_t first, uint32_t count) {
  sequence_step step;
  step.first_position = first;
  for (uint32_t i = 0; i < count; ++i)
    step.tokens.push_back((stream * 7919 + (first + i) * 104729 + 17) % shard_->facts().vocab_size);
  std::vector<uint32_t>& pages = pages_[stream];
  while (pages.size() * kv_page_positions < first + count) pages.push_back(pages_used_++);
  step.pages = pages;
  known_[stream] = std::max(known_[stream], first + count);
  return step;
}

result<void> engine_side::lead(step_plan plan) {
  plan.number = ++step_;
  TROUPE_TRY(shard_->lead(plan, patient));
  return {};
}

result<double> engine_side::prefill(uint32_t tokens) {
  step_plan plan;
  plan.sequences.push_back(sequence(0, 0, tokens));
  plan.sequences.back().wants_logits = 1;
  const stopwatch time;
  TROUPE_TRY(lead(plan));
  return time.seconds();
}

/// Gives the stream its first `context` tokens, as far as it has not got them.
result<void> engine_side::prepare(uint32_t stream, uint32_t context) {
  for (uint32_t first = known_[stream]; first < context; first = known_[stream]) {
    step_plan plan;
    plan.sequences.push_back(sequence(stream, first, std::min(options_.prompt_max, context - first)));
    TROUPE_TRY(lead(plan));
  }
  return {};
}

result<double> engine_side::decode(uint32_t streams, uint32_t steps, uint32_t context) {
  for (uint32_t stream = 0; stream < streams; ++stream) TROUPE_TRY(prepare(stream, context));
  const stopwatch time;
  for (uint32_t step = 0; step < steps; ++step) {
    step_plan plan;
    for (uint32_t stream = 0; stream < streams; ++stream) {
      plan.sequences.push_back(sequence(stream, context + step, 1));
      plan.sequences.back().wants_logits = 1;
    }
    TROUPE_TRY(lead(plan));
  }
  return time.seconds() / steps;
}

result<uint64_t> engine_side::resident_bytes() {
  TROUPE_ASSIGN(uint64_t bytes, proportional_bytes(getpid()));
  for (const pid_t other : others_) {
    TROUPE_ASSIGN(const uint64_t more, proportional_bytes(other));
    bytes += more;
  }
  return bytes;
}

double engine_side::bytes_read(uint32_t steps, uint32_t context) const {
  const double positions = context + (steps + 1) / 2.0;
  const double per_position = static_cast<double>(facts().kv_page_bytes) / kv_page_positions;
  return static_cast<double>(facts().weights_bytes) + positions * per_position;
}

uint64_t engine_side::needed_bytes() const { return facts().weights_bytes + pages_used_ * facts().kv_page_bytes; }

}  // namespace troupe
